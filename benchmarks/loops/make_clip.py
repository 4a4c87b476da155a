"""Save a CLIP ViT-B/32 with random weights, from its config, with a tokenizer of its own.

Speed does not depend on the weights.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

PROMPTS = Path(__file__).parents[2] / "conf/prompts/events.yaml"


def main(folder: Path) -> None:
    """Write everything that `from_pretrained` needs."""
    # Learned from the prompts themselves, so that a word is a token, as the common ones are with CLIP's own vocabulary.
    learned = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learned.pre_tokenizer = pre_tokenizers.Whitespace()
    alphabet = list("abcdefghijklmnopqrstuvwxyz")
    trainer = trainers.BpeTrainer(vocab_size=4000, end_of_word_suffix="</w>", initial_alphabet=alphabet)
    learned.train_from_iterator(PROMPTS.read_text().lower().splitlines() * 2, trainer)
    parts = json.loads(learned.to_str())["model"]
    merges = [(left, right) for left, right in parts["merges"]]
    tokens = dict.fromkeys([*parts["vocab"], *(a + "</w>" for a in alphabet), "<|startoftext|>", "<|endoftext|>"])
    tokens = list(tokens)
    tokenizer = CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=merges, model_max_length=77)
    torch.manual_seed(0)
    ends = {"bos_token_id": len(tokens) - 2, "eos_token_id": len(tokens) - 1, "pad_token_id": len(tokens) - 1}
    model = CLIPModel(CLIPConfig(text_config=ends))  # the defaults are ViT-B/32
    model.save_pretrained(folder)
    CLIPProcessor(image_processor=CLIPImageProcessor(), tokenizer=tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
