"""Texts to tokens by the tokenizers library alone, as a model's own tokenizer makes them."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.normalizers import Lowercase, Sequence

from thawline.encoders.encoder import Features
from thawline.files import JSON


@dataclass(frozen=True)
class Filling:
    """How texts become rows of one length.

    Attributes:
        longest: Tokens of a text that are read.
        pad: The token that shorter ones are filled up with.
        pad_id: Its number.
        fixed: Whether every row has `longest` tokens; else those of the longest text.
        before: What each text begins with.
    """

    longest: int
    pad: str
    pad_id: int
    fixed: bool = False
    before: str = ""


class TextTokenizer:
    """Texts to {"input_ids", "attention_mask"}, int64 [texts, tokens].

    Attributes:
        backend: The library's own.
        filling: How texts become rows of one length.
    """

    def __init__(self, backend: Tokenizer, filling: Filling) -> None:
        """Take a copy of `backend`, whatever it cut and filled up before."""
        self.backend, self.filling = Tokenizer.from_str(backend.to_str()), filling
        self.backend.enable_truncation(filling.longest)
        # Behind the text, whatever the model says: where a text stands in its row then depends on no other.
        length = filling.longest if filling.fixed else None
        self.backend.enable_padding(direction="right", pad_id=filling.pad_id, pad_token=filling.pad, length=length)

    def __call__(self, texts: list[str]) -> Features:
        """The tokens of `texts`."""
        found = self.backend.encode_batch([self.filling.before + text for text in texts])
        return {
            "input_ids": torch.tensor([one.ids for one in found]),
            "attention_mask": torch.tensor([one.attention_mask for one in found]),
        }

    def count(self, texts: list[str]) -> list[int]:
        """How many tokens each of `texts` is, uncut."""
        whole = Tokenizer.from_str(self.backend.to_str())
        whole.no_truncation()
        whole.no_padding()
        return [len(one.ids) for one in whole.encode_batch([self.filling.before + text for text in texts])]

    def key(self) -> dict[str, JSON]:
        """What decides how texts become tokens."""
        return {"tokenizer": tokenizer_digest(self.backend), "filling": asdict(self.filling)}


def lowered(backend: Tokenizer) -> Tokenizer:
    """A copy of `backend` that puts texts in lower case first."""
    copied = Tokenizer.from_str(backend.to_str())
    own = copied.normalizer
    copied.normalizer = Lowercase() if own is None else Sequence([Lowercase(), own])
    return copied


def tokenizer_digest(backend: Any) -> str:
    """sha256 of what decides a text's tokens: the library's own serialisation, but for padding and truncation.

    A call of transformers' tokenizers leaves these two behind in it.
    """
    plain = json.loads(backend.to_str())
    plain = {name: value for name, value in plain.items() if name not in ("padding", "truncation")}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def has_tokenizer(directory: Path) -> bool:
    """Whether `directory` has a tokenizer's files.

    Without them transformers gives a tokenizer that knows three tokens, and no error.
    """
    return any((directory / name).exists() for name in ("tokenizer.json", "vocab.json", "vocab.txt"))
