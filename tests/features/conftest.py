"""A small real network, generated photos, and a store."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from thawline.data.listing import Listed
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder, Stage
from thawline.features import media
from thawline.features.media import Photos
from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore, Shelf
from thawline.features.wanted import Target, Wanted

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


class Counted(Stage):
    """One of the stages of a small encoder; counts the samples of its batches."""

    def __init__(self, module: nn.Module, seed: int, entry: str = "hidden", exit_: str = "hidden") -> None:
        super().__init__()
        self.module = module
        generator = torch.Generator().manual_seed(seed)
        for parameter in module.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.2
        self.entry, self.exit = entry, exit_
        self.given: list[int] = []

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        entering = features[self.entry]
        self.given.append(len(entering))
        # As convolutional encoders do: whatever the arrangement in memory, the bits are the same.
        entering = entering.float().contiguous(memory_format=torch.channels_last)
        return {self.exit: self.module(entering)}


@pytest.fixture
def encoder() -> Encoder:
    """Three stages that can be cut at each border."""
    stages = [
        Counted(nn.Conv2d(3, 8, 5, stride=3), 1, entry="pixels"),
        Counted(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(8, 12, 3)), 2),
        Counted(nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(12 * 64, 24)), 3, exit_="features"),
    ]
    return Encoder(
        family="small",
        modality="image",
        model=nn.Sequential(*stages),
        stages=stages,
        borders=["pixels", "entry", "block 1", "features"],
        dim=24,
        blocks=1,
        architecture={},
        preprocessing=SQUARE,
    )


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
    return Wanted((Target(make_shelf(), cut=3),), lambda *_: network, Photos(SQUARE))


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


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The photos that a pass has read so far."""
    paths: list[Path] = []
    read_photo = media.read_photo

    def noting(path: Path, *how: Any) -> Any:
        paths.append(path)
        return read_photo(path, *how)

    monkeypatch.setattr(media, "read_photo", noting)
    return paths
