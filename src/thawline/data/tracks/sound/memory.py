"""Samples in memory as a sound: to the bit what a WAV file of them is read as."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.data.tracks.sound.files import MAX_RATE, MIN_RATE, Samples
from thawline.errors import UnusableError, UserError

# Samples, [samples] or [samples, channels], and their rate in Hz.
InMemory = tuple[NDArray[Any], float]

_BLOCK = 2**17  # samples of all channels that are converted at a time


class MemorySound:
    """Samples in memory, in the place of a `Sound`.

    Attributes:
        rate: Hz.
        channels: how many.
        frames: how many, each a sample of every channel.
        stated: seconds.
        seekable: they are read from anywhere.
        decoder: none.
    """

    seekable, decoder = True, ""

    def __init__(self, track: InMemory) -> None:
        """Take floats, whose full scale is 1, or int16, whose full scale is 32768.

        Raises:
            UserError: the array or the rate is of a kind that is no sound.
            UnusableError: an impossible rate.
        """
        array, rate = track
        self._array = _channels_last(array)
        self._scale = np.float32(1 if array.dtype.kind == "f" else 2**-15)
        if isinstance(rate, bool) or not isinstance(rate, int | float | np.number) or rate % 1 != 0:
            raise UserError(f"a rate is a whole number of samples a second, such as 44100, and {rate!r} is none")
        if not MIN_RATE <= rate <= MAX_RATE:
            raise UnusableError(f"a rate of {int(rate)} Hz ({MIN_RATE} to {MAX_RATE} are supported)")
        self.rate = int(rate)
        self.frames, self.channels = self._array.shape
        self.stated = self.frames / self.rate

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[Samples]:
        """As of a `Sound`."""
        last = self.frames if stop is None else min(stop, self.frames)
        size = max(1, _BLOCK // self.channels)
        for begin in range(start, last, size):
            with np.errstate(over="ignore"):  # what is too large for float32 is said to be infinite
                yield self._array[begin : min(begin + size, last)].astype(np.float32) * self._scale

    def check_parts(self) -> None:
        """As of a `Sound`; nothing can be missing."""

    def check_seconds(self, seconds: float) -> None:
        """As of a `Sound`; nothing can be missing."""


def _channels_last(array: NDArray[Any]) -> NDArray[Any]:
    """`array` as [samples, channels]."""
    if array.dtype.kind != "f" and array.dtype.newbyteorder("=") != np.int16:
        raise UserError(
            f"an array of {array.dtype} is no sound; give floats, of which full scale is 1, or int16, such as "
            "(array / 2**31).astype('float32') of 32 bits"
        )
    if array.ndim not in (1, 2):
        raise UserError(f"an array of shape {list(array.shape)} is no sound; give [samples] or [samples, channels]")
    if array.ndim == 1:
        return array[:, None]
    samples, channels = array.shape
    if channels >= samples > 0 or not channels:
        raise UserError(
            f"an array of shape {list(array.shape)} would be {samples} samples of {channels} channels; give "
            "[samples, channels], such as array.T of [channels, samples]"
        )
    return array
