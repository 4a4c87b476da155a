"""How a track is cut into windows of one length, and what names a window."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import soundfile
import soxr

from thawline.errors import UserError
from thawline.files import JSON

# Counts changes of our own code that move samples; raise it with each, so that stored rows are not mixed.
TRACKS_VERSION = 2

_EPSILON = 1e-6  # seconds that rounding may cost


@dataclass(frozen=True)
class Windowing:
    """How a track is cut into windows.

    Attributes:
        rate: Hz of the samples; one channel, the mean of the file's.
        seconds: length of a window.
        hop: seconds from one start to the next; None: `seconds`, so that windows touch.
        most: at most so many windows a track; where there would be more, they are spread evenly over it.
        whole: one window only, from the middle, and a shorter track as it is. Otherwise a track shorter than a window
            is repeated until it fills one, since padding would move what a network hears.
    """

    rate: int
    seconds: float
    hop: float | None = None
    most: int = 8
    whole: bool = False

    def __post_init__(self) -> None:
        if self.rate < 1000:
            raise UserError(f"a rate of {self.rate} Hz is not possible; use at least 1000")
        for name, value in (("length", self.seconds), ("hop", self.seconds if self.hop is None else self.hop)):
            if not 0.01 <= value <= 3600:
                raise UserError(f"a window's {name} of {value} s is not possible; use 0.01 to 3600")
        if self.most < 1:
            raise UserError(f"at most {self.most} windows of a track is not possible; use at least 1")

    @property
    def samples(self) -> int:
        """How many samples a window has."""
        return round(self.seconds * self.rate)

    def starts(self, duration: float) -> tuple[float, ...]:
        """Where the windows of a track begin, to the millisecond.

        Args:
            duration: of the track, seconds.

        Returns:
            Seconds, rising; (0.0,) when the track is not longer than a window.
        """
        room = duration - self.seconds
        if room <= _EPSILON:
            return (0.0,)
        if self.whole:
            return (_floor_ms(room / 2),)
        hop = self.seconds if self.hop is None else self.hop
        count = math.floor((room + _EPSILON) / hop) + 1
        if count <= self.most:
            return tuple(_floor_ms(i * hop) for i in range(count))
        if self.most == 1:
            return (_floor_ms(room / 2),)
        return tuple(_floor_ms(room * i / (self.most - 1)) for i in range(self.most))

    def key(self) -> dict[str, JSON]:
        """Everything that decides the samples of a window with a given start; equal keys mean equal samples.

        `hop` and `most` are not in it: they choose the starts, which `window_digest` names.
        """
        return {
            "rate": self.rate,
            "seconds": self.seconds,
            "whole": self.whole,
            "decoders": {
                "thawline": TRACKS_VERSION,
                "soundfile": soundfile.__version__,
                "libsndfile": soundfile.__libsndfile_version__,
                "soxr": soxr.__version__,
                "libsoxr": soxr.__libsoxr_version__,
            },
        }


def window_digest(digest: str, start: float, decoder: str = "") -> str:
    """What names a window: 64 hex digits.

    Args:
        digest: of the file.
        start: of the window, seconds.
        decoder: `TrackFacts.decoder`: with another version of it the samples may be others.
    """
    return hashlib.sha256(f"{digest} {start:.3f} {decoder}".rstrip().encode()).hexdigest()


def _floor_ms(seconds: float) -> float:
    """Down to the millisecond: up could lead beyond the track's end."""
    return math.floor((seconds + _EPSILON) * 1000) / 1000
