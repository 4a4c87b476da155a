"""The sound of an artist's recordings: equaliser, room, tape and levels, the same on every track."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from thawline.samples.music.sounds import RATE, FloatArray, Generator

_ROOM = RATE  # samples, the longest


@dataclass(frozen=True)
class House:
    """What a genre's studios have in common: the middle of their `tilt`, `drive` and `room`."""

    tilt: float
    drive: float
    room: float


@dataclass(frozen=True)
class Studio:
    """How an artist is recorded and mastered.

    Attributes:
        tilt: dB an octave, about 1 kHz.
        peaks: Hz, dB and width in octaves of each band that is raised or lowered.
        band: Hz, below and above which little is left.
        room: Seconds in which the room's echo falls by 60 dB.
        wet: The echo's loudness, of the direct sound's.
        hiss: dB, the tape's noise below the music.
        hum: dB, the mains' hum below the music.
        drive: How hard the tape is driven.
        level: The peak, of full scale.
        maker: Which room, guitar and drums they are.
    """

    tilt: float
    peaks: tuple[tuple[float, float, float], ...]
    band: tuple[float, float]
    room: float
    wet: float
    hiss: float
    hum: float
    drive: float
    level: float
    maker: int


def choose_studio(house: House, rng: Generator) -> Studio:
    """A studio of the house's kind, like no other."""
    return Studio(
        tilt=float(rng.normal(house.tilt, 0.6)),
        peaks=tuple(
            (float(centre * 2 ** rng.uniform(-0.5, 0.5)), float(rng.normal(0, 1.7)), float(rng.uniform(0.3, 0.8)))
            for centre in (120, 300, 700, 1600, 3500, 7000)
        ),
        band=(float(rng.uniform(30, 110)), float(rng.uniform(5000, 9000))),
        room=float(house.room * rng.uniform(0.6, 1.6)),
        wet=float(rng.uniform(0.05, 0.45)),
        hiss=float(rng.uniform(-62, -42)),
        hum=float(rng.uniform(-70, -40)),
        drive=float(house.drive * rng.uniform(0.6, 1.5)),
        level=float(rng.uniform(0.15, 0.4)),
        maker=int(rng.integers(2**31)),
    )


class Desk:
    """A studio set up for recordings of one length."""

    def __init__(self, studio: Studio, samples: int) -> None:
        self._studio, self._samples = studio, samples
        self._size = next_fast_len(samples + _ROOM, real=True)
        self._response = _response(studio, self._size)

    def record(self, mix: FloatArray, rng: Generator) -> npt.NDArray[np.int16]:
        """The finished recording [samples] of a mix [samples]."""
        studio = self._studio
        loud = mix / np.float32(max(float(np.sqrt(np.mean(mix**2))), 1e-6))
        driven = np.tanh(np.float32(studio.drive) * loud) / np.float32(studio.drive)
        time = np.arange(self._samples, dtype=np.float32) / RATE
        driven += np.float32(10 ** (studio.hiss / 20)) * rng.standard_normal(self._samples, np.float32)
        driven += np.float32(10 ** (studio.hum / 20)) * np.sign(np.sin(np.float32(2 * np.pi * 50) * time))
        heard = irfft(rfft(driven, self._size) * self._response, self._size)[: self._samples]
        peak = max(float(np.abs(heard).max()), 1e-9)
        return np.asarray(np.rint(heard * (studio.level * 32767 / peak)), np.int16)


def _response(studio: Studio, size: int) -> npt.NDArray[np.complex64]:
    """What the room and the equaliser do to each frequency of a transform of `size`."""
    frequency = np.maximum(rfftfreq(size, 1 / RATE), 1.0)
    octave = np.log2(frequency / 1000)
    decibels = studio.tilt * octave
    for centre, gain, width in studio.peaks:
        decibels += gain * np.exp(-0.5 * ((octave - np.log2(centre / 1000)) / width) ** 2)
    low, high = studio.band
    edges = 1 / np.sqrt((1 + (low / frequency) ** 4) * (1 + (frequency / high) ** 16))
    rng = np.random.default_rng(studio.maker)
    echo = rng.standard_normal(_ROOM, np.float32) * 10 ** (-3 * np.arange(_ROOM) / (studio.room * RATE))
    echo[: round(0.012 * RATE)] = 0
    echo *= studio.wet / np.sqrt(np.sum(echo**2))
    echo[0] = 1
    return np.asarray(rfft(echo, size) * (edges * 10 ** (decibels / 20)), np.complex64)
