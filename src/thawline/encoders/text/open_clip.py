"""The text tower of open_clip's models, with their tokenizers."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.transformer import text_global_pool
from torch import nn
from transformers import PreTrainedTokenizerFast

from thawline.encoders.encoder import Features, Stage
from thawline.encoders.text.tokens import tokenizer_digest
from thawline.encoders.towers import Projection
from thawline.encoders.transformers import quiet
from thawline.errors import UserError
from thawline.files import JSON


class TokenEmbedding(Stage):
    """Tokens to embeddings; keeps the tokens where the pooling looks for the end of each text among them."""

    positional_embedding: nn.Parameter

    def __init__(self, text: Any, *, keep: bool) -> None:
        """Take the tower's embeddings, and whether the tokens are read again."""
        super().__init__()
        self.token_embedding = text.token_embedding
        self.register_parameter("positional_embedding", text.positional_embedding)
        self._keep = keep

    def forward(self, features: Features) -> Features:
        """{"input_ids", "attention_mask"} to {"hidden"} or {"hidden", "input_ids"}."""
        ids = features["input_ids"]
        hidden = self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]]
        return {"hidden": hidden, "input_ids": ids} if self._keep else {"hidden": hidden}


class TextBlock(Stage):
    """One transformer block, under the causal mask where the tower has one."""

    attn_mask: torch.Tensor | None

    def __init__(self, block: nn.Module, mask: torch.Tensor | None) -> None:
        """Take the block and the mask, [length, length]."""
        super().__init__()
        self.block = block
        self.register_buffer("attn_mask", mask, persistent=False)  # the library does not save it either

    def forward(self, features: Features) -> Features:
        """{"hidden", …} to the same."""
        hidden = features["hidden"]
        length = hidden.shape[1]
        mask = None if self.attn_mask is None else self.attn_mask[:length, :length]
        return {**features, "hidden": self.block(hidden, attn_mask=mask)}


class TextPooling(Stage):
    """The token that stands for the text, normalised."""

    def __init__(self, norm: nn.Module, kind: str, end: int) -> None:
        """Take the norm, the library's name of the pooling, and the number of the token that ends a text."""
        super().__init__()
        self.norm, self._kind, self._end = norm, kind, end

    def forward(self, features: Features) -> Features:
        """{"hidden", …} to {"pooled"}."""
        hidden = self.norm(features["hidden"])
        return {"pooled": text_global_pool(hidden, features.get("input_ids"), self._kind, eos_token_id=self._end)}


class Matrix(Stage):
    """A tower's last matrix, [width, dim], where the library multiplies by it without a layer."""

    matrix: nn.Parameter

    def __init__(self, matrix: nn.Parameter) -> None:
        """Take it."""
        super().__init__()
        self.register_parameter("matrix", matrix)

    def forward(self, features: Features) -> Features:
        """{"pooled"} to {"features"}, not yet of unit length."""
        return {"features": features["pooled"] @ self.matrix}


class Same(Stage):
    """Where a tower has no projection, what was pooled is its features."""

    def forward(self, features: Features) -> Features:
        """{"pooled"} to {"features"}."""
        return {"features": features["pooled"]}


def projected(matrix: Any) -> Stage:
    """The last stage of a tower that ends in `matrix`: a layer, a bare parameter, or nothing."""
    if matrix is None:
        return Same()
    return Projection(matrix) if isinstance(matrix, nn.Module) else Matrix(matrix)


def text_stages(model: Any) -> tuple[list[Stage], int]:
    """The text tower of `model` as stages, and how many of them are blocks."""
    text, kind, end = _pooling(model)
    blocks = [TextBlock(block, text.attn_mask) for block in text.transformer.resblocks]
    first = TokenEmbedding(text, keep=kind in ("argmax", "eos"))
    last = [TextPooling(text.ln_final, kind, end), projected(text.text_projection)]
    return [first, *blocks, *last], len(blocks)


def load_open_clip_tokenizer(directory: Path, text_config: dict[str, Any]) -> Any:
    """open_clip's own tokenizer of the model in `directory`; nothing is fetched, and no code from there is run.

    Args:
        directory: Where the model lies.
        text_config: `text_cfg` of its config.

    Raises:
        UserError: Its files are absent or damaged.
    """
    given: dict[str, Any] = {}
    if text_config.get("hf_tokenizer_name"):
        if not (directory / "tokenizer.json").exists():
            raise UserError(f"{directory} has no tokenizer.json; copy the tokenizer's files there")
        given = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet(), without_logging():
            tokenizer: Any = open_clip.get_tokenizer(f"local-dir:{directory}", **given)
    except (OSError, ValueError, TypeError, KeyError, AssertionError) as error:
        raise UserError(f"the tokenizer in {directory} can't be loaded: {_first_line(error)}") from error
    own = getattr(tokenizer, "tokenizer", None)
    if own is not None and (not isinstance(own, PreTrainedTokenizerFast) or own.pad_token is None):
        raise UserError(f"the tokenizer in {directory} names no pad_token; copy its tokenizer_config.json there")
    return tokenizer


def check_vocabulary(tokenizer: Any, vocabulary: int) -> None:
    """UserError where the tokenizer knows more tokens than the network, which knows `vocabulary`."""
    own = getattr(tokenizer, "tokenizer", None)
    known = tokenizer.vocab_size if own is None else len(own)
    if known > vocabulary:
        raise UserError(
            f"this CLIP's tokenizer knows {known} tokens, and the network {vocabulary}; they don't belong together"
        )


def tokenizing(tokenizer: Any, model: Any) -> Callable[[list[str]], Features]:
    """What makes {"input_ids", "attention_mask"}, int64 [texts, length], of texts for the text tower of `model`.

    The length is the network's, or where it reads nothing behind a text's end, that of the longest: the network's costs
    several times as much. No token is masked: the padding stands behind a text, or was read in the pretraining.
    """
    text, kind, end = _pooling(model)
    ends = text.attn_mask is not None and kind in ("argmax", "eos")

    def tokenize(texts: list[str]) -> Features:
        ids = tokenizer(texts)
        if ends:
            last = ids.argmax(dim=1) if kind == "argmax" else (ids == end).int().argmax(dim=1)
            ids = ids[:, : int(last.max()) + 1]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    return tokenize


def tokenizer_key(tokenizer: Any, text_config: dict[str, Any]) -> dict[str, JSON]:
    """What decides how texts become tokens."""
    own = getattr(tokenizer, "tokenizer", None)
    if own is None:  # the library's own table
        table = hashlib.sha256(json.dumps(tokenizer.encoder, sort_keys=True).encode()).hexdigest()
    else:
        table = tokenizer_digest(own.backend_tokenizer)
    how = {name: text_config.get(name) for name in ("tokenizer_kwargs", "tokenizer_mode")}
    return {"tokenizer": table, "length": tokenizer.context_length, "open_clip": open_clip.__version__, **how}


def _pooling(model: Any) -> tuple[Any, str, int]:
    """What has the text tower's parts, how it is pooled, and the number of the token that ends a text."""
    if not hasattr(model, "text"):  # the first of open_clip's classes has them itself
        return model, model.text_pool_type, model.text_eos_id
    return model.text, model.text.pool_type, model.text.eos_id


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def without_logging() -> Iterator[None]:
    """Within, the root logger is silent: the library tells it all that it does, and gives it a handler if need be."""
    root, silent = logging.getLogger(), logging.NullHandler()
    root.addHandler(silent)
    root.addFilter(_nothing)
    try:
        yield
    finally:
        root.removeFilter(_nothing)
        root.removeHandler(silent)


def _nothing(_: logging.LogRecord) -> bool:
    return False
