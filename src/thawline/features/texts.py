"""Text prompts through a frozen text encoder into the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch

from thawline.encoders.encoder import Features
from thawline.features.passes.computing import CPU, Prefix, Segment
from thawline.features.passes.filling import fill, threads
from thawline.features.passes.workers import Sample
from thawline.features.rehearsing.going_on import rehearsal
from thawline.features.store.key import text_digest
from thawline.features.store.remembered import recall, remember
from thawline.features.store.rows import Rows
from thawline.features.store.store import FeatureStore, Shelf, healing
from thawline.files import JSON

Tokenize = Callable[[list[str]], Features]


@dataclass(frozen=True)
class EncodedTexts:
    """Features of texts, and how many of them this run computed and found in the store."""

    rows: Rows
    computed: int
    read: int


def encode_texts(
    texts: Sequence[str],
    store: FeatureStore,
    key: Mapping[str, JSON],
    tokenize: Tokenize,
    prefix: Callable[[], Prefix],
    *,
    entering: Mapping[str, JSON],
    device: torch.device = CPU,
    label: str = "",
) -> EncodedTexts:
    """The features of `texts`, in this order; each text is computed once, ever, at one padded length.

    All texts of a call are padded to one length, since padding a prompt to the model's full context costs several
    times as much. How far a text is padded can move its features' last bits, so the length is part of the key: the
    bits follow from the text and the length, whatever else is in the batch. Longer prompts mean another shelf.

    Args:
        texts: Prompts; repeated ones are computed once.
        store: Where the features are kept.
        key: From `shelf_key`, with nothing for pixels; how texts become tokens is for the encoder's key to say.
        tokenize: Texts to named tensors, batch first, padded to the longest of them.
        prefix: Gives the frozen network, on `device` and in eval mode; asked where a text has no features yet.
        entering: All that decides what `tokenize` gives.
        device: Where the network lies.
        label: What to call the features on screen.
    """
    unique = list(dict.fromkeys(texts))
    if not unique:
        raise ValueError("no texts")
    tokens = cache(lambda: tokenize(unique))
    padded = _padded(unique, store, entering, tokens)
    shelf = store.shelf({**key, "padded": padded}, label)
    at = {text_digest(text): i for i, text in enumerate(unique)}
    computed: Counter[Shelf] = Counter()

    def encode_missing(some: Sequence[str]) -> None:
        if shelf.missing(some):
            with shelf.filling(), threads(device) as workers:
                missing = shelf.missing(some)
                chain = (Segment(prefix(), shelf),)
                inputs = ((digest, {name: t[at[digest]] for name, t in tokens().items()}) for digest in missing)
                samples = (Sample(digest, {chain: one}) for digest, one in inputs)
                fill(
                    samples,
                    workers=workers,
                    device=device,
                    owed=lambda _: 0,
                    advance=lambda _: None,
                    computed=computed,
                )

    def encode() -> Rows:
        encode_missing(list(at))
        return shelf.rows([text_digest(text) for text in texts])

    if (rehearsed := rehearsal()) is not None:
        rehearsed.texts(shelf, list(at), encode_missing)
    rows = healing(encode)
    return EncodedTexts(rows, computed[shelf], max(0, len(unique) - computed[shelf]))


def _padded(
    texts: Sequence[str], store: FeatureStore, entering: Mapping[str, JSON], tokens: Callable[[], Features]
) -> JSON:
    """The shapes of the tensors of one text, by name, from memory or as `tokens` has them."""
    name: JSON = {"texts": [text_digest(text) for text in texts], "entering": dict(entering)}
    padded = recall(store.root, name)
    if padded is None:
        padded = {name: list(tensor.shape[1:]) for name, tensor in tokens().items()}
        remember(store.root, name, padded)
    return padded
