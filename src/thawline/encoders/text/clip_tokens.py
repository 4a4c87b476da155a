"""How many tokens of a CLIP's tokenizer a text is, without loading the network."""

import json
from collections.abc import Callable
from typing import Any

from thawline.encoders.settings import EncoderSettings
from thawline.encoders.transformers import find_model, quiet


def token_counter(settings: EncoderSettings) -> tuple[Callable[[list[str]], list[int]], int]:
    """What counts the tokens of texts, uncut, with those for beginning and end; and how many the text tower takes.

    Raises:
        UserError: The encoder is not on this machine, or is no CLIP.
    """
    directory = find_model(settings, "clip", "CLIP")
    from transformers import CLIPConfig, CLIPTokenizer

    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    with quiet():
        tokenizer = CLIPTokenizer.from_pretrained(directory, local_files_only=True)

    def count(texts: list[str]) -> list[int]:
        with quiet():  # it warns of texts that are longer than the network takes, which is what is asked
            return [len(ids) for ids in tokenizer(texts)["input_ids"]]

    text: Any = CLIPConfig(**config).text_config
    return count, int(text.max_position_embeddings)
