"""The tokenizer of a CLIP in transformers' format. The library is imported once a text is to be read."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from thawline.encoders.directory import find_model, read_json
from thawline.encoders.encoder import Features
from thawline.encoders.late import Once
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.clip_config import CONFIG, ClipConfig, TextConfig
from thawline.errors import UserError
from thawline.files import JSON

# What `CLIPTokenizer` is made of.
_FILES = (
    *("tokenizer.json", "vocab.json", "merges.txt"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)


def tokenizer_key(directory: Path, vocabulary: int) -> dict[str, JSON]:
    """What decides how texts become tokens by the tokenizer in `directory`.

    Args:
        directory: Where it lies.
        vocabulary: How many tokens the network knows.

    Raises:
        UserError: There is none, or it knows more.
    """
    _check_size(directory, _tokens_in(directory), vocabulary)
    there = {name: directory / name for name in _FILES if (directory / name).exists()}
    digests: dict[str, JSON] = {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(there.items())
    }
    return {"files": digests, "transformers": version("transformers")}


def _tokens_in(directory: Path) -> int:
    """How many the files state; the library's tokenizer may have some more."""
    if (directory / "tokenizer.json").exists():
        with _reading(directory):
            return int(Tokenizer.from_file(str(directory / "tokenizer.json")).get_vocab_size())
    # Without these files the library gives a tokenizer that knows three tokens, and no error.
    if not (directory / "vocab.json").exists():
        raise UserError(f"{directory} has no tokenizer.json or vocab.json; copy the tokenizer's files there")
    return len(read_json(directory, "vocab.json"))


def _check_size(directory: Path, known: int, vocabulary: int) -> None:
    if known > vocabulary:
        raise UserError(
            f"the tokenizer in {directory} knows {known} tokens, and the network {vocabulary}; they don't belong "
            "together"
        )


@contextmanager
def _reading(directory: Path) -> Iterator[None]:
    """Within, what goes wrong is one sentence."""
    try:
        yield
    except Exception as error:  # the library's parts in Rust raise nothing more particular
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"the tokenizer in {directory} can't be loaded: {reason}") from error


def load_tokenizer(directory: Path, vocabulary: int) -> Any:
    """Transformers' tokenizer of the CLIP in `directory`, whose network knows `vocabulary` tokens.

    Raises:
        UserError: Its files are damaged, or it knows more.
    """
    from transformers import CLIPTokenizer  # late: a second

    from thawline.encoders.transformers import quiet

    with _reading(directory), quiet():
        tokenizer = CLIPTokenizer.from_pretrained(directory, local_files_only=True)
    _check_size(directory, len(tokenizer), vocabulary)
    return tokenizer


class ClipTokenizer:
    """Texts to {"input_ids", "attention_mask"}, int64 [texts, tokens of the longest]."""

    def __init__(self, directory: Path, config: TextConfig) -> None:
        """Take where it lies, and the tower that reads its tokens."""
        self._loaded = Once(lambda: load_tokenizer(directory, config.vocab_size))
        self._longest = config.max_position_embeddings

    def __call__(self, texts: list[str]) -> Features:
        """The tokens of `texts`."""
        # Padded to the longest, not to the model's full length, which costs several times as much.
        batch = self._loaded()(texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt")
        return {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}


def token_counter(settings: EncoderSettings) -> tuple[Callable[[list[str]], list[int]], int]:
    """What counts the tokens of texts, uncut, with those for beginning and end; and how many the text tower takes.

    Raises:
        UserError: The encoder is not on this machine, or is no CLIP.
    """
    directory = find_model(settings, "clip", "CLIP")
    try:
        text = ClipConfig.of(read_json(directory, CONFIG)).text
    except ValueError as error:
        raise UserError(f"{directory} holds no CLIP model that can be loaded: {error}") from error
    tokenizer = load_tokenizer(directory, text.vocab_size)

    from thawline.encoders.transformers import quiet

    def count(texts: list[str]) -> list[int]:
        with quiet():  # it warns of texts that are longer than the network takes, which is what is asked
            return [len(ids) for ids in tokenizer(texts)["input_ids"]]

    return count, text.max_position_embeddings
