"""A small real network, generated photos, and a store."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from thawline.data.listing import Listed
from thawline.data.preprocessing import Preprocessing
from thawline.features.key import shelf_key
from thawline.features.store import FeatureStore, Shelf
from thawline.features.survey import Wanted

SQUARE = Preprocessing(size=32, resize=32)


class Network(nn.Module):
    """Pixels to two named tensors; counts the samples that it was given."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 5, stride=3)
        self.linear = nn.Linear(8 * 100, 24)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
        self.given: list[int] = []
        self.eval()

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self.given.append(len(inputs["pixels"]))
        hidden = torch.relu(self.conv(inputs["pixels"].float() / 255))
        return {"hidden": hidden.mean(dim=2), "features": self.linear(hidden.flatten(1))}


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "store")


@pytest.fixture
def make_shelf(store: FeatureStore) -> Callable[..., Shelf]:
    def make(cut: int = 3, dtype: str = "float32", name: str = "net") -> Shelf:
        key = shelf_key({"family": name}, SQUARE.pixel_key(), cut=cut, dtype=dtype, device="cpu")
        return store.shelf(key, label=name)

    return make


@pytest.fixture
def wanted(make_shelf: Callable[..., Shelf], network: Network) -> Wanted:
    return Wanted(make_shelf(), network, SQUARE)


@pytest.fixture(scope="session")
def write_photos() -> Callable[..., list[Listed]]:
    """Photos number `start` to `stop`, each with its own content, written long enough ago to be trusted."""

    def write(root: Path, stop: int, start: int = 0) -> list[Listed]:
        folder = root / "beach"
        folder.mkdir(parents=True, exist_ok=True)
        listed = []
        for number in range(start, stop):
            path = folder / f"{number:03}.jpg"
            pixels = np.random.default_rng(number).integers(0, 255, (6, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((90, 60), Image.Resampling.BICUBIC).save(path, quality=90)
            os.utime(path, (1_700_000_000, 1_700_000_000))
            listed.append(Listed(path, f"beach/{path.name}", "beach", "", None))
        return listed

    return write


@pytest.fixture
def make_photos(tmp_path: Path, write_photos: Callable[..., list[Listed]]) -> Callable[..., list[Listed]]:
    return partial(write_photos, tmp_path / "photos")
