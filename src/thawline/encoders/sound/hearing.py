"""How a window of sound becomes what enters a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from thawline.data.tracks.windows import Windowing
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.files import JSON

MOST = 8  # windows of a track, unless the settings say otherwise


@dataclass(frozen=True)
class Hearing:
    """What an audio encoder wants of a track.

    Attributes:
        windowing: How a track is cut.
        front: The waveform of one window, float32 [samples] at `windowing.rate`, to what enters the first stage,
            without a batch axis. The same bits every time, and safe to be called from several threads.
        front_key: All that decides what `front` gives: its kind, its parameters, the versions of its libraries.
    """

    windowing: Windowing
    front: Callable[[torch.Tensor], dict[str, torch.Tensor]]
    front_key: Mapping[str, JSON]

    def key(self) -> dict[str, JSON]:
        """All that decides what enters the first stage for a window of a given file."""
        return {**self.windowing.key(), "front": dict(self.front_key)}


def windowing_for(settings: EncoderSettings, *, rate: int, seconds: float) -> Windowing:
    """How a track is cut for an encoder that hears `rate` Hz and by default `seconds` at a time."""
    return Windowing(
        rate=rate,
        seconds=settings.seconds or seconds,
        hop=settings.hop,
        most=settings.windows or MOST,
    )


def check_shortest(windowing: Windowing, samples: int, name: str) -> None:
    """Refuse windows that are shorter than `samples`, the least that the network `name` can take.

    Raises:
        UserError: They are shorter.
    """
    if windowing.samples < samples:
        raise UserError(
            f"encoder.seconds={windowing.seconds} is too short for {name}, which needs at least "
            f"{samples / windowing.rate:g} s"
        )
