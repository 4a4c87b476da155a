"""Small networks of every family with a tail as a run fits it, photos of every kind, and bundles made of them."""

import dataclasses
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from tests.encoders.conftest import save_clip, save_dino, save_siglip, save_vit
from tests.encoders.open_clips import save_open_clip
from torch import nn
from torchvision import models

from thawline.bundles.write import Extras, write_bundle
from thawline.data.photos.preprocessing import Preprocessing
from thawline.decisions.temperature import Temperature
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.features.passes.workers import BATCH
from thawline.fitting.heads.head import DenseHead, Head, PromptHead
from thawline.fitting.tail import Tail
from thawline.tasks.photos.bundle.write import TunedPhotos

CLASSES = ("birthday", "snow", "wedding")
PROMPTS = {
    "birthday": ["a birthday cake with candles", "a party"],
    "snow": ["snow"],
    "wedding": ["a photo of a wedding", "a bride and a groom"],
}
METRICS = {
    "samples": 12,
    "groups": 7,
    "of": "held out",
    "estimates": {"accuracy": {"value": 0.75, "low": 0.4, "high": 0.9}, "log_loss": None},
}
FACTS = {"run": {"name": "run"}, "hashes": {"config": "0" * 64}, "metrics": METRICS}


@dataclasses.dataclass(frozen=True)
class Kind:
    """One way of fitting one family: the network's name, the head, and where the thaw line is."""

    network: str
    head: str
    thaw: int | str

    @property
    def name(self) -> str:
        return f"{self.network}-{self.head}-{self.thaw}"


KINDS = [
    Kind("clip", "prompts", "head"),  # zero-shot
    Kind("clip", "prompts", "projection"),
    Kind("clip", "prompts and text", "projection"),  # contrastive
    Kind("clip", "prompts", 2),
    Kind("clip", "linear", "head"),
    Kind("clip", "mlp", "all"),
    Kind("siglip", "prompts", "head"),
    Kind("siglip", "prompts and text", "projection"),
    Kind("siglip", "linear", 2),
    Kind("dinov2", "linear", 2),
    Kind("dinov3", "linear", "head"),
    Kind("dinov3", "mlp", 1),
    Kind("vit", "linear", "head"),
    Kind("vit", "linear", 2),
    Kind("vit", "mlp", "all"),
    Kind("timm:vit_tiny_patch16_224", "linear", 2),
    Kind("timm:test_resnet", "linear", "all"),
    Kind("timm:test_resnet", "mlp", 1),
    Kind("timm:test_efficientnet", "linear", "head"),
    Kind("timm:test_convnext", "linear", 1),
    Kind("timm:mobilenetv4_conv_small_035", "linear", 2),
    Kind("torchvision:mobilenet_v3_small", "linear", 1),
    Kind("torchvision:mobilenet_v2", "linear", "all"),
    Kind("torchvision:squeezenet1_1", "linear", "head"),
]


if find_spec("open_clip"):
    KINDS += [
        Kind("open_clip", "prompts and text", "projection"),
        Kind("open_clip:siglip", "prompts", "head"),
        Kind("open_clip:timm", "linear", 2),
    ]


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A tail that was fitted, and what the training-time path says with it.

    Attributes:
        tuned: What a bundle is written from.
        preprocessing: How photos become pixels.
        say: Pixels to probabilities [n, classes]: the frozen part in the store's batches, then the tail.
    """

    tuned: TunedPhotos
    preprocessing: Preprocessing
    say: Callable[[torch.Tensor], NDArray[np.float32]]


_SAVE = {"clip": save_clip, "siglip": save_siglip, "vit": save_vit, "dinov2": save_dino}
_SAVE["open_clip"] = save_open_clip
_SAVE["dinov3"] = lambda place: save_dino(place, "dinov3")


@pytest.fixture(scope="session")
def networks(tmp_path_factory) -> Callable[[str], EncoderSettings]:
    """The settings of a small network with random weights, by its name."""
    folder = tmp_path_factory.mktemp("networks")

    def make(name: str) -> EncoderSettings:
        family, _, model = name.partition(":")
        place = folder / name.replace(":", "-")
        if family in _SAVE:
            if not place.exists():
                _SAVE[family](place, *([model] if model else []))
            return EncoderSettings(family=family, name=str(place), licence="MIT")
        small = model.startswith("vit")
        given: dict[str, Any] = {"depth": 3, "embed_dim": 48, "num_heads": 3, "img_size": 64} if small else {}
        path = place.with_suffix(".safetensors")
        if not path.exists():
            torch.manual_seed(0)
            bare = family == "timm"
            network = timm.create_model(model, num_classes=0, **given) if bare else models.get_model(model)
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.momentum = None  # the statistics are those of the next batch
            network.train()(torch.randn(8, 3, 64, 64))
            save_file(network.state_dict(), path)
        return EncoderSettings(
            family=family, name=model, model=model, weights=str(path), model_args=given, size=64, licence="Apache-2.0"
        )

    return make


@pytest.fixture(scope="session")
def fit(networks) -> Callable[..., Fitted]:
    """Fit a kind: every parameter of its tail moved as training moves it."""

    def make(kind: Kind, decode: str = "reduced") -> Fitted:
        settings = networks(kind.network)
        loaded = load(settings, fresh=True)
        image = loaded.image if isinstance(loaded, ClipTowers) else loaded
        cut = image.cut_for(kind.thaw)
        torch.manual_seed(1)
        tail = Tail(image.tail(cut), _head(kind, loaded, image))
        with torch.no_grad():
            for parameter in tail.parameters():
                parameter.add_(torch.randn_like(parameter) * (0.2 * parameter.std().nan_to_num(0.1) + 0.01))
        tail.eval()
        prefix = image.prefix(cut)

        @torch.no_grad()
        def say(pixels: torch.Tensor) -> NDArray[np.float32]:
            filled = torch.cat([pixels, pixels[:1].expand(-len(pixels) % BATCH, -1, -1, -1)])
            logits = torch.cat([tail(prefix({"pixels": batch})) for batch in torch.split(filled, BATCH)])
            return torch.softmax(logits[: len(pixels)], dim=-1).numpy()

        tuned = TunedPhotos(
            task="events",
            encoder=settings,
            decode=decode,
            thaw=kind.thaw,
            state=tail.state_dict(),
            classes=CLASSES,
            prompts=PROMPTS if kind.head.startswith("prompts") else None,
            temperature=Temperature(2.0, "inner", 10, (0.5, 0.4)),
            text_thaw="projection" if kind.head == "prompts and text" else "head",
        )
        assert image.preprocessing is not None
        return Fitted(tuned, dataclasses.replace(image.preprocessing, decode=decode), say)

    return make


def _head(kind: Kind, loaded: Any, image: Encoder) -> Head:
    if kind.head in ("linear", "mlp"):
        head = DenseHead(image.dim, len(CLASSES), hidden=None if kind.head == "linear" else 8, dropout=0.5)
        size = image.preprocessing.size
        coarse = torch.randint(0, 256, (16, 3, 4, 4)).float()
        pixels = nn.functional.interpolate(coarse, (size, size), mode="bilinear").round().to(torch.uint8)
        head.standardise.measure(image.prefix(len(image.stages))({"pixels": pixels})["features"])
        return head
    text, trained = loaded.text, kind.head == "prompts and text"
    cut = text.cut_for("projection" if trained else "head")
    tokens = loaded.tokenize([prompt for prompts in PROMPTS.values() for prompt in prompts])
    of = torch.tensor([i for i, prompts in enumerate(PROMPTS.values()) for _ in prompts])
    return PromptHead(text.prefix(cut)(tokens), of, loaded.logit_scale, text.tail(cut) if trained else None)


@pytest.fixture(scope="session")
def write(fit, tmp_path_factory) -> Callable[..., tuple[Path, Fitted]]:
    """Write the bundle of a kind, once for all tests that do not change it."""
    written: dict[tuple[Kind, str, bool], tuple[Path, Fitted]] = {}

    def make(kind: Kind, decode: str = "reduced", *, onnx: bool = False) -> tuple[Path, Fitted]:
        key = (kind, decode, onnx)
        if key not in written:
            folder = tmp_path_factory.mktemp("bundles") / kind.name.replace(":", "-")
            fitted = fit(kind, decode)
            write_bundle(folder, fitted.tuned, Extras((), 1e-5, FACTS, onnx=onnx))
            written[key] = folder, fitted
        return written[key]

    return make


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> list[Path]:
    """Soft patches of colour as photos of every kind: large and small, on their side, transparent, grey."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)

    def picture(width: int, height: int) -> Image.Image:
        coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        return coarse.resize((width, height), Image.Resampling.BICUBIC)

    for number in range(14):
        picture(900 + 37 * number, 1400 - 61 * number).save(folder / f"large{number}.jpg", quality=90)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture(700, 333).save(folder / f"side{orientation}.jpg", exif=exif)
    alpha = Image.linear_gradient("L").resize((300, 200))
    transparent = picture(300, 200)
    transparent.putalpha(alpha)
    transparent.save(folder / "transparent.png")
    picture(400, 300).convert("L").save(folder / "grey.jpg")
    picture(40, 30).save(folder / "small.webp")
    return sorted(folder.iterdir())
