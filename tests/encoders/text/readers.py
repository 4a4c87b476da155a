"""Small sentence encoders with weights that hide nothing, in the format of sentence-transformers."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    CamembertConfig,
    CamembertModel,
    DistilBertConfig,
    DistilBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

WIDTH, LAYERS = 16, 3
_BERT: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 24,
}
_DISTIL = {"dim": WIDTH, "n_layers": LAYERS, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 24}
_T5 = {"d_model": WIDTH, "d_kv": 8, "d_ff": 32, "num_layers": LAYERS, "num_heads": 2}
KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "bert": (BertConfig, BertModel, _BERT),
    "roberta": (RobertaConfig, RobertaModel, _BERT),
    "xlm-roberta": (XLMRobertaConfig, XLMRobertaModel, _BERT),
    "camembert": (CamembertConfig, CamembertModel, _BERT),
    "distilbert": (DistilBertConfig, DistilBertModel, _DISTIL),
    "mpnet": (MPNetConfig, MPNetModel, _BERT),
    "t5": (T5Config, T5EncoderModel, _T5),
}
PLAIN = [
    {
        "type": "sentence_transformers.models.Pooling",
        "config": {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True},
    }
]
UNIT = {"type": "sentence_transformers.models.Normalize"}


def make_tokenizer(padding_side: str = "right") -> PreTrainedTokenizerFast:
    """Letters, and a few that are joined, with a token before and one behind each text."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [*letters, *(f"##{letter}" for letter in letters), "the", "##ing", "cake", "snow", "beach", "people"]
    vocabulary = {piece: i for i, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *pieces])}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106  # no secret
    backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    backend.decoder = decoders.WordPiece()
    named = {f"{name.lower()}_token": f"[{name}]" for name in ("UNK", "PAD", "CLS", "SEP")}
    return PreTrainedTokenizerFast(tokenizer_object=backend, padding_side=padding_side, **named)


def save_sentences(
    directory: Path,
    kind: str = "bert",
    *,
    modules: list[dict[str, Any]] | None = None,
    padding_side: str = "right",
    settings: dict[str, Any] | None = None,
    prompts: dict[str, Any] | None = None,
) -> Path:
    """A small encoder of that kind; `modules` follow the transformer, None: there is no modules.json."""
    tokenizer = make_tokenizer(padding_side)
    config_kind, model_kind, sizes = KINDS[kind]
    torch.manual_seed(0)
    model = model_kind(config_kind(vocab_size=len(tokenizer), pad_token_id=0, **sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    listed = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for number, module in enumerate(modules or (), start=1):
        name = f"{number}_{module['type'].rpartition('.')[2]}"
        listed.append({"idx": number, "name": str(number), "path": name, "type": module["type"]})
        (directory / name).mkdir(exist_ok=True)
        _write(directory / name / "config.json", module.get("config", {}))
        if weights := module.get("weights"):
            save_file(weights, directory / name / "model.safetensors")
    if modules is not None:
        _write(directory / "modules.json", listed)
    if settings is not None:
        _write(directory / "sentence_bert_config.json", settings)
    if prompts is not None:
        _write(directory / "config_sentence_transformers.json", prompts)
    return directory


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
