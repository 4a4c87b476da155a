"""Networks of modules in a row, timm's and torchvision's, as stages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder, Features, Normalise, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.files import JSON

# A block, what enters it, and how many tokens to compute, to these tokens.
FirstTokens = Callable[[nn.Module, torch.Tensor, int], torch.Tensor]


class Entry(Stage):
    """Normalises pixels, then runs the network's first modules."""

    def __init__(self, normalise: Normalise, first: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.first = first

    def forward(self, features: Features) -> Features:
        """{"pixels"} to {"hidden"}."""
        return {"hidden": self.first(_arranged(self.normalise(features["pixels"])))}


class Middle(Stage):
    """One block or stage."""

    def __init__(self, block: nn.Module, first: FirstTokens | None = None) -> None:
        """Take the block, and what computes its first tokens alone."""
        super().__init__()
        self.block = block
        self._first = first

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"hidden"}."""
        return {"hidden": self.block(_arranged(features["hidden"]))}

    def of_first(self, features: Features, count: int) -> Features:
        """The same with the first `count` tokens alone."""
        if self._first is None:
            return super().of_first(features, count)
        return {"hidden": self._first(self.block, features["hidden"], count)}


class Exit(Stage):
    """What follows the last block: norm, pooling."""

    def __init__(self, block: nn.Module, tokens: int | None) -> None:
        """Take the modules, and how many of the first tokens they read; None: all, or there are none."""
        super().__init__()
        self.block = block
        self._tokens = tokens

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"features"}."""
        return {"features": self.block(_arranged(features["hidden"]))}

    def tokens_read(self, only: str | None) -> int | None:
        """What the network's pooling reads."""
        return self._tokens


class Whole(Stage):
    """A network of a family that is not listed, in one piece."""

    def __init__(self, normalise: Normalise, model: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.model = model

    def forward(self, features: Features) -> Features:
        """{"pixels"} to {"features"}."""
        return {"features": self.model(self.normalise(features["pixels"]))}


@dataclass(frozen=True)
class Parts:
    """A network's own modules in the order in which they run.

    Attributes:
        family: `timm:resnet`, say.
        first: Normalised pixels [batch, 3, height, width] to what enters the blocks.
        blocks: What `thaw` counts.
        borders: Names of the borders above each block.
        last: What leaves the blocks to [batch, width]; None for a network that is not listed, which stays in one piece.
        convolutional: Whether it is faster with the channels last.
        tokens: How many of the first tokens `last` reads; None: all, or there are no tokens.
        first_tokens: What computes these tokens of the last block alone.
    """

    family: str
    first: nn.Module
    blocks: Sequence[nn.Module]
    borders: Sequence[str]
    last: nn.Module | None
    convolutional: bool
    tokens: int | None = None
    first_tokens: FirstTokens | None = None


def cut_parts(
    model: nn.Module,
    parts: Parts,
    preprocessing: Preprocessing,
    settings: EncoderSettings,
    versions: Mapping[str, str],
) -> Encoder:
    """`model`, which gives a vector for an image, as stages made of its `parts`.

    Raises:
        UserError: It gives something else than a vector.
    """
    normalise = Normalise(preprocessing)
    if parts.last is None:
        stages: list[Stage] = [Whole(normalise, model)]
        borders = ["pixels", "features"]
    else:
        middle = [Middle(block, parts.first_tokens) for block in parts.blocks]
        stages = [Entry(normalise, parts.first), *middle, Exit(parts.last, parts.tokens)]
        borders = ["pixels", "embedding", *parts.borders, "features"]
    if parts.convolutional:
        # 1.3 to 1.9 times as fast on the CPU.
        model.to(memory_format=torch.channels_last)
    architecture: dict[str, JSON] = {
        "model": settings.model,
        "model_args": {str(k): str(v) for k, v in settings.model_args.items()},
        "bn_eps": settings.bn_eps,
        "channels_last": parts.convolutional,
        "versions": {**versions, "torch": torch.__version__},
    }
    return Encoder(
        family=parts.family,
        modality="image",
        model=model,
        stages=stages,
        borders=borders,
        dim=_width(model.eval(), preprocessing.size, settings),
        blocks=len(parts.blocks),
        architecture=architecture,
        preprocessing=preprocessing,
        licence=settings.licence,
    )


def set_bn_eps(model: nn.Module, settings: EncoderSettings) -> None:
    """Give every BatchNorm the eps that the weights want, where the settings name one."""
    for module in model.modules():
        if settings.bn_eps is not None and isinstance(module, nn.BatchNorm2d):
            module.eps = settings.bn_eps


def _arranged(images: torch.Tensor) -> torch.Tensor:
    """Images with the channels last, as the weights of convolutional networks lie; tokens as they are.

    What comes out of the store is arranged the usual way. With this it gives the same bits as what was not stored.
    """
    return images.contiguous(memory_format=torch.channels_last) if images.ndim == 4 else images


def _width(model: nn.Module, size: int, settings: EncoderSettings) -> int:
    """Width of what the network gives for an image; timm's own attributes don't tell it for every network."""
    with torch.no_grad():
        out = model(torch.zeros(1, 3, size, size))
    if not isinstance(out, torch.Tensor) or out.ndim != 2:
        raise UserError(
            f"{settings.family}'s {settings.model} gives no single vector for an image; choose another encoder.model"
        )
    return int(out.shape[1])
