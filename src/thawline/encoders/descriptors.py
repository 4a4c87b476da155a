"""Descriptors of a sound as an encoder: no network, no weights, nothing to thaw."""

from dataclasses import dataclass
from importlib.metadata import version

import torch
from torch import nn

from thawline.data.preprocessing import JSON
from thawline.data.windows import Windowing
from thawline.encoders.encoder import Encoder, Features
from thawline.encoders.hearing import Hearing
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError

RATE = 22_050  # Hz
SECONDS = 30.0  # the middle of a track; all of a shorter one
VERSION = 1  # to be raised when the same waveform gives other numbers
MFCCS = 20

PITCHES = ("c", "c_sharp", "d", "d_sharp", "e", "f", "f_sharp", "g", "g_sharp", "a", "a_sharp", "b")
_SPECTRAL = ("centroid", "bandwidth", "rolloff", "flatness", "zero_crossings")
MFCC_NAMES = tuple(f"{name}_{i}" for name in ("mfcc_mean", "mfcc_std") for i in range(1, MFCCS + 1))

DESCRIPTORS: tuple[str, ...] = (
    "tempo",  # beats a minute
    "pulse",  # 0 to 1: how much of the onsets' strength recurs at the tempo
    "onset_rate",  # onsets a second
    "energy",  # RMS of the audible frames, dB of full scale
    "energy_std",  # dB
    "dynamics",  # dB between the loud frames (95th percentile) and the soft ones (10th) of the audible
    "crest",  # dB between peak and RMS
    "sustain",  # share of the frames within 20 dB of the loudest
    *(f"{name}_{kind}" for name in _SPECTRAL for kind in ("mean", "std")),  # kHz; flatness in dB; crossings a sample
    *(f"contrast_{i}" for i in range(1, 8)),  # dB between peaks and valleys in seven bands
    *(f"chroma_{pitch}" for pitch in PITCHES),  # 0 to 1
    "key_strength",  # correlation with the best of 24 keys, 0 to 1
    "major",  # how much better the best major key fits than the best minor one
    "harmonic_share",  # 0 to 1: of the energy, what lasts rather than strikes
    "acousticness",  # 0 to 1
    *MFCC_NAMES,
)
MFCC: tuple[str, ...] = (
    *MFCC_NAMES,
    *(f"{name}_{i}" for name in ("mfcc_delta_mean", "mfcc_delta_std") for i in range(1, MFCCS + 1)),
)
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
        from thawline.encoders import sound  # late: librosa takes seconds to import

        said = {"descriptors": sound.describe, "mfcc": sound.describe_mfcc}[self.kind](samples.numpy())
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
