"""Joined networks in the format of the library that they come from, and back: one entry for each family."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import nn

from thawline.compiler import defer_compiler
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import require_open_clip
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.plugins import added
from thawline.process import importing


@dataclass(frozen=True)
class Network:
    """What is loaded.

    Attributes:
        encoder: The joined network.
        classifier: The network's own linear layer; None where the head lies beside it.
    """

    encoder: Encoder
    classifier: nn.Linear | None


class Family(Protocol):
    """How one family is written and read."""

    def save(
        self,
        folder: Path,
        settings: EncoderSettings,
        encoder: Encoder,
        classifier: nn.Linear | None,
        labels: Sequence[str],
    ) -> bool:
        """Write the joined network, with `classifier` if the library's class has a place for it: whether it had."""

    def load(
        self, folder: Path, preprocessing: Preprocessing, labels: Sequence[str], *, classified: bool
    ) -> tuple[Encoder, nn.Linear | None]:
        """Read what `save` wrote, with its classifier if it has one."""


def _family(name: str) -> Family:
    """How the family `name` is written and read. No name in a bundle leads to code but through this function."""
    # Late: transformers and timm take seconds to import, and a bundle needs one of them.
    defer_compiler()
    with importing():
        if name == "clip":
            from thawline.bundles.networks.clip import CLIP

            return CLIP
        if name == "vit":
            from thawline.bundles.networks.transformers import VIT

            return VIT
        if name == "siglip":
            from thawline.bundles.networks.siglip import SIGLIP

            return SIGLIP
        if name == "open_clip":
            require_open_clip()
            from thawline.bundles.networks.open_clip import OPEN

            return OPEN
        if name in ("dinov2", "dinov3"):
            from thawline.bundles.networks.dino import DINO

            return DINO[name]
        if name in ("timm", "torchvision"):
            from thawline.bundles.networks.images import TIMM, TORCHVISION

            return TIMM if name == "timm" else TORCHVISION
    raise ValueError(f"the network's family '{name}' is not known")


def load_towers(folder: Path, family: str, preprocessing: Preprocessing) -> ClipTowers:
    """Both towers of what `save_network` wrote into `folder`, of a family that has two.

    Raises:
        ValueError, KeyError: The files are of another form, or the family has one.
    """
    if family == "clip":
        from thawline.bundles.networks.clip import CLIP

        return CLIP.load_towers(folder, preprocessing)
    if family == "siglip":
        from thawline.bundles.networks.siglip import SIGLIP

        return SIGLIP.load_towers(folder, preprocessing)
    if family == "open_clip":
        require_open_clip()
        from thawline.bundles.networks.open_clip import OPEN

        return OPEN.load_towers(folder, preprocessing)
    raise ValueError(f"the network's family '{family}' has no tower for texts")


def save_network(
    folder: Path,
    settings: EncoderSettings,
    encoder: Encoder,
    classifier: nn.Linear | None,
    labels: Sequence[str],
) -> bool:
    """Write `encoder` into `folder` as its own library has it.

    Returns:
        Whether `classifier` is within; otherwise the head has to lie beside.

    Raises:
        UserError: The network is one that an installed package adds.
    """
    if (one := added("encoders").get(settings.family)) is not None:
        raise UserError(
            f"encoder.family={one.name} is of the package {one.package}, and a bundle holds none but networks that "
            "Thawline itself can load; export a run of another encoder"
        )
    return _family(settings.family).save(folder, settings, encoder, classifier, labels)


def load_network(
    folder: Path, family: str, preprocessing: Preprocessing, labels: Sequence[str], *, classified: bool
) -> Network:
    """The network that `save_network` wrote into `folder`.

    Raises:
        ValueError, KeyError: The files are of another form.
    """
    return Network(*_family(family).load(folder, preprocessing, labels, classified=classified))
