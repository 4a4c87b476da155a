"""SpecAugment: masks in time and frequency over a spectrogram (Park et al., arXiv 1904.08779, section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from thawline.errors import UserError

if TYPE_CHECKING:
    import torch


@dataclass
class SpecAugmentSettings:
    """How much of a spectrogram is masked; time is not warped, which the paper found to add little.

    Attributes:
        time_masks: Number of masks over whole frames.
        time_width: The widest of these, as a share of the frames.
        frequency_masks: Number of masks over whole mel bins.
        frequency_width: The widest of these, as a share of the bins.
    """

    time_masks: int = 2
    time_width: float = 0.15
    frequency_masks: int = 2
    frequency_width: float = 0.15

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("time_masks", "frequency_masks"):
            if getattr(self, name) < 0:
                raise UserError(f"augmentation.masks.{name}={getattr(self, name)} must be 0 or more")
        for name in ("time_width", "frequency_width"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"augmentation.masks.{name}={getattr(self, name)} is a share; use 0 to 1")


class SpecAugment:
    """Masks as a pure function of spectrograms and a seed. May be called from threads, and pickled."""

    def __init__(self, settings: SpecAugmentSettings) -> None:
        self.settings = settings

    def __call__(self, mel: torch.Tensor, seed: int) -> torch.Tensor:
        """Mask spectrograms, each by masks of its own, with its own mean.

        Args:
            mel: [mels, frames] or [batch, mels, frames], which stay as they are.
            seed: 0 to 2⁶³-1; the same seed masks the same places of the same shape.

        Returns:
            The same shape.
        """
        import torch

        settings, (bins, frames) = self.settings, mel.shape[-2:]
        batch = mel.shape[:-2]
        generator = torch.Generator().manual_seed(seed)
        frequencies = _masks(batch, bins, settings.frequency_masks, settings.frequency_width, generator)
        times = _masks(batch, frames, settings.time_masks, settings.time_width, generator)
        masked = (frequencies.unsqueeze(-1) | times.unsqueeze(-2)).to(mel.device)
        return torch.where(masked, mel.mean(dim=(-2, -1), keepdim=True), mel)


def _masks(batch: torch.Size, length: int, count: int, widest: float, generator: torch.Generator) -> torch.Tensor:
    """Which of `length` places `count` masks cover together: bool [*batch, length].

    A mask's width is drawn from 0 to `widest`·length, then its start from where it fits.
    """
    import torch

    most = int(widest * length)
    width = torch.randint(0, most + 1, (*batch, count, 1), generator=generator)
    start = (torch.rand((*batch, count, 1), generator=generator) * (length - width + 1)).long()
    place = torch.arange(length)
    return ((place >= start) & (place < start + width)).any(dim=-2)
