"""A bundle's network with its head: uint8 pixels to logits."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.bundles.bounds import check_picture
from thawline.bundles.heads import load_head
from thawline.bundles.manifest import CONFIG, DECISION, INDEX, MODEL, PREPROCESSING, verify
from thawline.bundles.networks.families import load_network
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.weights import read_tensor
from thawline.features.encoders import EncoderIdentity
from thawline.features.passes.workers import BATCH
from thawline.files import read_json


class Classifier:
    """Pixels to logits, in batches of few sizes: a photo's logits depend on what it is asked with by rounding alone."""

    def __init__(self, stages: nn.Module, head: nn.Module, device: torch.device) -> None:
        """Take the whole network.

        Args:
            stages: {"pixels": uint8 [batch, 3, size, size]} to {"features": [batch, dim]}.
            head: [batch, dim] to logits [batch, classes].
            device: What to compute on.
        """
        self.stages, self.head, self._device = stages.to(device).eval(), head.to(device).eval(), device

    def logits(self, pixels: torch.Tensor) -> NDArray[np.float32]:
        """Uint8 [n, 3, size, size] to logits [n, classes]."""
        return self.logits_and_features(pixels)[0]

    @torch.no_grad()
    def logits_and_features(self, pixels: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Uint8 [n, 3, size, size] to logits [n, classes] and what enters the head, [n, dim]."""
        logits, features = zip(*(self._batch(part) for part in torch.split(pixels, BATCH)), strict=True)
        return np.concatenate(logits), np.concatenate(features)

    @torch.no_grad()
    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Uint8 [n, 3, size, size] to what enters the head, [n, dim] on the CPU."""
        return torch.cat([self._features(part)[: len(part)].cpu() for part in torch.split(pixels, BATCH)])

    def probabilities(self, pixels: torch.Tensor) -> NDArray[np.float32]:
        """Uint8 [n, 3, size, size] to probabilities [n, classes]."""
        said: NDArray[np.float32] = torch.softmax(torch.from_numpy(self.logits(pixels)), dim=-1).numpy()
        return said

    def _batch(self, pixels: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        features = self._features(pixels)
        logits: torch.Tensor = self.head(features)
        return logits[: len(pixels)].float().cpu().numpy(), features[: len(pixels)].float().cpu().numpy()

    def _features(self, pixels: torch.Tensor) -> torch.Tensor:
        """What leaves the network for a batch that begins with `pixels`, filled up to a power of two or `BATCH`.

        Each size that a network meets first costs it a plan, and few sizes round in few ways.
        """
        size = min(BATCH, 1 << (len(pixels) - 1).bit_length())
        filled = torch.cat([pixels, pixels[:1].expand(size - len(pixels), -1, -1, -1)])
        features: torch.Tensor = self.stages({"pixels": filled.to(self._device)})["features"]
        return features


def preprocessing_json(how: Preprocessing) -> dict[str, Any]:
    """What `preprocessing.json` holds: how a photo becomes pixels, and by which decoders it did when it was written."""
    return {**asdict(how), "decoders": how.pixel_key()["decoders"]}


def read_preprocessing(folder: Path) -> Preprocessing:
    """How the bundle in `folder` prepares photos."""
    values = dict(read_json(folder / PREPROCESSING))
    values.pop("decoders")
    mean, std = (tuple(float(each) for each in values.pop(name)) for name in ("mean", "std"))
    if len(mean) != 3 or len(std) != 3:
        raise ValueError(f"{PREPROCESSING} has no mean and std of three channels")
    how = Preprocessing(**values, mean=mean, std=std)
    check_picture(how.size, how.resize)
    return how


def load_classifier(folder: Path, decision: Mapping[str, Any], device: torch.device) -> Classifier:
    """The network in `folder`, whose files were verified."""
    encoder, head = load_parts(folder, decision)
    return Classifier(encoder.prefix(len(encoder.stages)), head, device)


def load_late_parts(folder: Path, root: Path) -> tuple[Encoder, nn.Module]:
    """The parts of the bundle in `folder`; the network is built when it is first needed, if it was ever loaded before.

    Its files are verified when it is loaded, and then believed for as long as none of them changes.

    Args:
        folder: The bundle's.
        root: Folder of the store that remembers the network.

    Raises:
        UserError: The bundle is not sound.
        ValueError, KeyError: Its files are of another form.
    """

    def load() -> Encoder:
        verify(folder)
        return load_parts(folder, read_json(folder / DECISION))[0]

    code = ("thawline.bundles", "thawline.encoders")
    known = EncoderIdentity({"bundle": str(folder)}, str(folder), lambda: _entries(folder), code)
    encoder = known.late(root, load)
    assert isinstance(encoder, Encoder)  # noqa: S101  # it is the image tower alone
    kind = read_json(folder / DECISION)["head"]
    return encoder, (_read_classifier(folder) if kind == "classifier" else load_head(folder, kind)).eval()


def load_parts(folder: Path, decision: Mapping[str, Any]) -> tuple[Encoder, nn.Module]:
    """The network in `folder`, whose files were verified, and what turns its features [n, dim] into logits."""
    kind = decision["head"]
    if kind not in ("cache", "classifier", "dense", "ordinal", "probe", "prompts", "score"):
        raise ValueError(f"{DECISION} names a head '{kind}', which is not known")
    network = load_network(
        folder,
        decision["family"],
        read_preprocessing(folder),
        decision["labels"],
        classified=kind == "classifier",
    )
    head = network.classifier if kind == "classifier" else load_head(folder, kind)
    if head is None:
        raise ValueError("the network has no classifier")
    return network.encoder, head.eval()


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else [folder]


def _read_classifier(folder: Path) -> nn.Linear:
    """The linear layer that lies among the network's own weights."""
    # Of timm's and torchvision's the config says where; transformers' classes have one name for it.
    name = read_json(folder / CONFIG).get("classifier") or "classifier"
    weights = folder / (INDEX if (folder / INDEX).exists() else MODEL)
    weight, bias = (read_tensor(weights, f"{name}.{part}") for part in ("weight", "bias"))
    if weight is None or bias is None:
        raise ValueError("the network has no classifier")
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = (nn.Parameter(part.float(), requires_grad=False) for part in (weight, bias))
    return layer
