"""Seeded augmentation: its settings, and the views of a photo that it makes."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from omegaconf import MISSING

from thawline.compiler import defer_compiler
from thawline.data.tracks.spec_augment import SpecAugmentSettings
from thawline.errors import UserError
from thawline.files import JSON

if TYPE_CHECKING:
    import torch
    from torchvision.transforms import v2

# Counts changes of our own code that move the pixels of views; raise it with each, so that stored ones are not mixed.
VIEWS_VERSION = 1

_MAGNITUDES = 31  # torchvision's default number of RandAugment's magnitudes

# torchvision draws from PyTorch's one global generator.
_GENERATOR = threading.Lock()


@dataclass
class AugmentationSettings:
    """How samples are varied for training.

    Attributes:
        name: The augmentation's name in reports.
        views: Seeded views of each sample that are stored below the thaw line, besides the plain one.
        crop: Random resized crop: least and most share of the area, above 0 and at most 1; null: none.
        flip: Probability of a horizontal flip.
        jitter: Brightness, contrast, saturation and hue of torchvision's ColorJitter; null: none.
        randaugment: Number of operations and magnitude (0 to 30) of torchvision's RandAugment; null: none.
        mixup: α of the beta distribution by which MixUp mixes samples (arXiv 1710.09412); 0: none.
        average: Whether judging averages the probabilities over the views.
        masks: SpecAugment's, over spectrograms; null: none.
    """

    name: str = MISSING
    views: int = 0
    crop: list[float] | None = None
    flip: float = 0.0
    jitter: list[float] | None = None
    randaugment: list[int] | None = None
    mixup: float = 0.0
    average: bool = False
    masks: SpecAugmentSettings | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.views < 0:
            raise UserError(f"augmentation.views={self.views} must be 0 or more")
        if not 0 <= self.mixup < float("inf"):
            raise UserError(f"augmentation.mixup={self.mixup} must be 0 or more; 0 mixes nothing")
        self._check_transforms()
        if self.views and not self.changes_pixels:
            raise UserError(
                f"augmentation.views={self.views} but nothing varies; set augmentation.crop, flip, jitter or "
                "randaugment"
            )
        if self.average and not self.views:
            raise UserError("augmentation.average=true has no views to average over; set augmentation.views=4, say")

    @property
    def changes_pixels(self) -> bool:
        """Whether a view differs from the plain pixels."""
        return self.crop is not None or self.flip > 0 or any(self.jitter or ()) or self.randaugment is not None

    def key(self) -> dict[str, JSON]:
        """Everything that decides a view's pixels besides the plain ones and the seed."""
        return {
            "thawline": VIEWS_VERSION,
            "torchvision": version("torchvision"),
            "crop": None if self.crop is None else [float(share) for share in self.crop],
            "flip": float(self.flip),
            "jitter": [float(strength) for strength in self.jitter] if self.jitter and any(self.jitter) else None,
            "randaugment": None if self.randaugment is None else list(self.randaugment),
        }

    def _check_transforms(self) -> None:
        if not 0 <= self.flip <= 1:
            raise UserError(f"augmentation.flip={self.flip} is a probability; use 0 to 1")
        if self.crop is not None and not (len(self.crop) == 2 and 0 < self.crop[0] <= self.crop[1] <= 1):
            raise UserError(
                f"augmentation.crop={self.crop} must be the least and the most share of the area, above 0 and at most "
                "1, such as [0.6,1]"
            )
        if self.jitter is not None and not _is_jitter(self.jitter):
            raise UserError(
                f"augmentation.jitter={self.jitter} must be brightness, contrast, saturation (0 or more) and hue (0 to "
                "0.5), such as [0.2,0.2,0.2,0.05]"
            )
        if self.randaugment is not None and not _is_randaugment(self.randaugment):
            raise UserError(
                f"augmentation.randaugment={self.randaugment} must be the number of operations (1 or more) and the "
                f"magnitude (0 to {_MAGNITUDES - 1}), such as [2,9]"
            )


class Augmentation:
    """Random crop, flip, colour jitter and RandAugment, in this order, as pure functions of pixels and a seed.

    May be called from threads, and pickled for worker processes.
    """

    def __init__(self, settings: AugmentationSettings) -> None:
        self.settings = settings

    def __call__(self, pixels: torch.Tensor, seed: int) -> torch.Tensor:
        """Vary a photo.

        Args:
            pixels: uint8 [3, size, size], which stay as they are.
            seed: 0 to 2⁶³-1; the same seed varies the same pixels the same way.

        Returns:
            uint8 [3, size, size].
        """
        import torch

        transforms = self._transforms(pixels.shape[-1])
        varied = pixels
        with _GENERATOR, torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed: that also seeds the generators of all GPUs.
            torch.default_generator.manual_seed(seed)
            for transform in transforms:
                varied = transform(varied)
        return varied

    def view(self, pixels: torch.Tensor, digest: str, view: int) -> torch.Tensor:
        """The pixels uint8 [3, size, size] of a numbered view of a photo, by its content; view 0 is plain."""
        return self(pixels, view_seed(digest, view)) if view else pixels

    def _transforms(self, size: int) -> list[v2.Transform]:
        """What is applied to squares of `size` px."""
        defer_compiler()
        from torchvision.transforms import v2

        settings = self.settings
        chosen: list[v2.Transform] = []
        if settings.crop is not None:
            least, most = settings.crop
            chosen.append(v2.RandomResizedCrop(size, scale=(least, most), antialias=True))
        if settings.flip:
            chosen.append(v2.RandomHorizontalFlip(settings.flip))
        if settings.jitter is not None:
            chosen.append(v2.ColorJitter(*settings.jitter))
        if settings.randaugment is not None:
            operations, magnitude = settings.randaugment
            chosen.append(v2.RandAugment(operations, magnitude, num_magnitude_bins=_MAGNITUDES))
        return chosen


def view_seed(digest: str, view: int) -> int:
    """The seed of a numbered view of a content, 0 to 2⁶³-1, so that it is the same wherever it is made."""
    return int.from_bytes(hashlib.sha256(f"{digest} view {view}".encode()).digest()[:8]) >> 1


def _is_jitter(jitter: list[float]) -> bool:
    return len(jitter) == 4 and all(0 <= strength < float("inf") for strength in jitter) and jitter[3] <= 0.5


def _is_randaugment(randaugment: list[int]) -> bool:
    return len(randaugment) == 2 and randaugment[0] >= 1 and 0 <= randaugment[1] < _MAGNITUDES
