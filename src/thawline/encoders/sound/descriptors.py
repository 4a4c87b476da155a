"""Descriptors of a sound as an encoder: no network, no weights, nothing to thaw."""

from dataclasses import dataclass
from importlib.metadata import version

import torch
from torch import nn

from thawline.data.tracks.windows import Windowing
from thawline.encoders.encoder import Encoder, Features
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.hearing import Hearing
from thawline.encoders.sound.names import DESCRIPTORS, MFCC, RATE
from thawline.errors import UserError
from thawline.files import JSON

SECONDS = 30.0  # the middle of a track; all of a shorter one
VERSION = 1  # to be raised when the same waveform gives other numbers

KINDS: dict[str, tuple[str, ...]] = {"descriptors": DESCRIPTORS, "mfcc": MFCC}


@dataclass(frozen=True)
class Describe:
    """A window's waveform to named numbers in one row. Pure, and safe in threads.

    Attributes:
        kind: `descriptors` or `mfcc`.
    """

    kind: str

    @property
    def names(self) -> tuple[str, ...]:
        """What the numbers are, in order."""
        return KINDS[self.kind]

    def __call__(self, samples: torch.Tensor) -> Features:
        """float32 [samples] to {"features": float32 [descriptors]}."""
        from thawline.encoders.sound import measures  # late: librosa takes seconds to import

        said = {"descriptors": measures.describe, "mfcc": measures.describe_mfcc}[self.kind](samples.numpy())
        return {"features": torch.tensor([said[name] for name in self.names], dtype=torch.float32)}

    def key(self) -> dict[str, JSON]:
        """All that decides the numbers besides the waveform."""
        versions: dict[str, JSON] = {name: version(name) for name in ("librosa", "numpy", "scipy")}
        return {"kind": self.kind, "thawline": VERSION, "versions": versions}


def load_descriptors(settings: EncoderSettings) -> Encoder:
    """The descriptors, or the MFCC alone, of the middle of a track: no stages, and nothing that could train.

    Raises:
        UserError: `settings.name` is neither `descriptors` nor `mfcc`, or several windows are asked for.
    """
    if settings.name not in KINDS:
        raise UserError(f"encoder.name={settings.name} is not known here; use {' or '.join(KINDS)}")
    if settings.hop is not None or settings.windows is not None:
        raise UserError(f"encoder.hop and windows are not for {settings.name}, which describe one stretch of a track")
    describe = Describe(settings.name)
    windowing = Windowing(RATE, settings.seconds or SECONDS, most=1, whole=True)
    return Encoder(
        family="descriptors",
        modality="audio",
        model=nn.Identity(),
        stages=[],
        borders=["features"],
        dim=len(describe.names),
        blocks=0,
        architecture={},
        hearing=Hearing(windowing, describe, describe.key()),
    )
