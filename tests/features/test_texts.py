"""Prompts through the store."""

from typing import Never

import pytest
import torch
from torch import nn

from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore
from thawline.features.texts import EncodedTexts, encode_texts


class TextNetwork(nn.Module):
    """Embeds letters and takes the mean over those that the mask shows."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(256, 8)
        self.embedding.weight.data = torch.randn(256, 8, generator=torch.Generator().manual_seed(0))
        self.given: list[tuple[int, ...]] = []

    def forward(self, tokens: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self.given.append(tuple(tokens["input_ids"].shape))
        mask = tokens["attention_mask"][..., None]
        return {"features": (self.embedding(tokens["input_ids"]) * mask).sum(1) / mask.sum(1)}


def tokenize(texts: list[str]) -> dict[str, torch.Tensor]:
    longest = max(map(len, texts))
    ids = torch.tensor([[ord(letter) for letter in text.ljust(longest)] for text in texts])
    mask = torch.tensor([[int(i < len(text)) for i in range(longest)] for text in texts])
    return {"input_ids": ids, "attention_mask": mask}


def encode(store: FeatureStore, texts: list[str], network: TextNetwork) -> EncodedTexts:
    key = shelf_key({"family": "letters"}, None, cut=1, dtype="float32", device="cpu")
    return encode_texts(texts, store, key, tokenize, lambda: network, entering={"letters": 256})


def test_each_text_is_computed_once(store: FeatureStore) -> None:
    network = TextNetwork()
    first = encode(store, ["a wedding", "a beach", "a wedding"], network)
    assert (first.computed, first.read) == (2, 0)
    assert network.given == [(16, 9)]
    features = first.rows[:]["features"]
    assert torch.equal(features[0], features[2])
    assert torch.allclose(features[1], network(tokenize(["a beach"]))["features"][0])
    more = encode(store, ["a feast", "a beach", "a wedding"], network)
    assert (more.computed, more.read) == (1, 2)
    assert torch.equal(more.rows[:]["features"][1:], features[[1, 0]])


def test_a_longer_text_pads_all_and_makes_another_shelf(store: FeatureStore) -> None:
    network = TextNetwork()
    encode(store, ["a beach"], network)
    longer = encode(store, ["a beach", "a long way"], network)
    assert (longer.computed, longer.read) == (2, 0)
    assert len(list(store.shelves.iterdir())) == 2


def test_many_texts_are_computed_in_full_batches(store: FeatureStore) -> None:
    network = TextNetwork()
    texts = [f"photo {number:02}" for number in range(20)]
    found = encode(store, texts, network)
    assert (found.computed, network.given) == (20, [(16, 8), (16, 8)])
    alone = encode(FeatureStore(store.root / "other"), texts[7:8], network)
    assert torch.equal(alone.rows[:]["features"][0], found.rows[[7]]["features"][0])


def test_what_is_stored_needs_neither_the_network_nor_the_tokenizer(store: FeatureStore) -> None:
    texts = ["a wedding", "a beach"]
    first = encode(store, texts, TextNetwork())

    def nothing(*_: object) -> Never:
        raise AssertionError("all of this is stored")

    key = shelf_key({"family": "letters"}, None, cut=1, dtype="float32", device="cpu")
    again = encode_texts(texts, store, key, nothing, nothing, entering={"letters": 256})
    assert (again.computed, again.read) == (0, 2)
    assert torch.equal(again.rows[:]["features"], first.rows[:]["features"])
    with pytest.raises(AssertionError, match="stored"):  # another tokenizer may pad them to another length
        encode_texts(texts, store, key, nothing, nothing, entering={"letters": 128})
