"""Instruments made of arithmetic: strings, a fiddle, pads, basses, leads and drums, mono at 22,050 Hz.

A note is read from a table of one period, or of a whole string's life, at the speed of its pitch: that is some fifty
times as fast as adding up its harmonics. Tables hold no harmonic above half the sampling rate.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from scipy import signal

FloatArray = npt.NDArray[np.float32]
Generator = np.random.Generator

RATE = 22_050  # Hz
_PERIOD = 2048  # samples of a table of one period
_STRING_PERIOD = 256  # samples of each period of a string
_LONGEST = 2.5  # s, of a string's note


@dataclass(frozen=True)
class Note:
    """A tone to play.

    Attributes:
        start: Seconds from the beginning.
        length: Seconds.
        pitch: MIDI number, 69 is 440 Hz; parts of a semitone are allowed.
        loudness: Of 1.
    """

    start: float
    length: float
    pitch: float
    loudness: float = 1.0


Voice = Callable[[float, int], FloatArray]
"""(pitch, samples) to the sound of one note."""


def hertz(pitch: float) -> float:
    """The frequency of a MIDI number."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def play(notes: Iterable[Note], voice: Voice, samples: int) -> FloatArray:
    """The notes as a recording of `samples`; a note that returns is computed once."""
    recording = np.zeros(samples, np.float32)
    made: dict[tuple[float, int], FloatArray] = {}
    for note in notes:
        start, key = round(note.start * RATE), (note.pitch, round(note.length * RATE))
        if start >= samples or key[1] < 16:
            continue
        if key not in made:
            made[key] = voice(*key)
        sound = made[key][: samples - start]
        recording[start : start + len(sound)] += np.float32(note.loudness) * sound
    return recording


def _time(samples: int) -> FloatArray:
    return np.arange(samples, dtype=np.float32) / np.float32(RATE)


def _envelope(samples: int, attack: float, release: float) -> FloatArray:
    """A rise of `attack` seconds, 1, and a fall of `release` seconds that ends with the note."""
    rise = np.minimum(_time(samples) / max(attack, 1e-3), 1.0)
    fall = np.minimum(_time(samples)[::-1] / max(release, 1e-3), 1.0)
    return np.asarray(rise * fall, np.float32)


def _most_harmonics(pitch: float) -> int:
    """How many fit below the highest frequency, for any note of the pitch's octave."""
    octave_top = 12 * (int(pitch) // 12 + 1)
    return max(1, int(0.47 * RATE / hertz(octave_top)))


@cache
def _period(shape: str, harmonics: int) -> FloatArray:
    """One period [_PERIOD] of a shape, band-limited, peak 1."""
    number = np.arange(1, min(harmonics, _PERIOD // 2 - 1) + 1)
    weights = {
        "saw": 1 / number,
        "square": (number % 2) / number,
        "organ": np.where(np.isin(number, (1, 2, 3, 4, 6, 8)), 0.8 / np.sqrt(number), 0.0),
        # A violin's body favours some harmonics; enough here that its tone is no plain saw.
        "bowed": (1 + 0.7 * np.cos(1.9 * number)) / number**0.85,
    }[shape]
    spectrum = np.zeros(_PERIOD // 2 + 1, complex)
    spectrum[1 : len(number) + 1] = -1j * weights
    wave = np.fft.irfft(spectrum)
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def _read(table: FloatArray, phase: npt.NDArray[np.float64]) -> FloatArray:
    """A table of one period at phases that count periods."""
    return np.asarray(table[(phase * _PERIOD).astype(np.int64) & (_PERIOD - 1)], np.float32)


def tone(shape: str, pitch: float, samples: int, *, vibrato: float = 0.0, speed: float = 5.5) -> FloatArray:
    """A steady tone; `vibrato` is the share of the frequency by which it swings, `speed` times a second."""
    time = np.arange(samples) / RATE
    phase = hertz(pitch) * time
    if vibrato:
        swing = 2 * np.pi * speed
        # It sets in after the note has begun, as a player's does.
        phase += hertz(pitch) * vibrato / swing * np.sin(swing * time) * np.minimum(time / 0.25, 1.0)
    return _read(_period(shape, _most_harmonics(pitch)), phase)


@lru_cache(maxsize=32)
def _string(octave: int, brightness: float, sustain: float, maker: int) -> FloatArray:
    """A plucked string's whole life: period after period, each the one before with its treble softened.

    After Karplus and Strong 1983, with the mean of two neighbours taken as its gain for each harmonic.
    """
    middle = hertz(12 * octave + 6)
    periods = int(_LONGEST * hertz(12 * octave + 12)) + 2
    number = np.arange(_STRING_PERIOD // 2 + 1)
    pick = np.random.default_rng(maker).normal(size=_STRING_PERIOD)
    spectrum = np.fft.rfft(pick) * brightness**number
    spectrum[0] = 0
    spectrum[_most_harmonics(12 * octave) + 1 :] = 0
    gain = np.cos(np.pi * np.minimum(number * middle / RATE, 0.5)) * 0.001 ** (1 / (sustain * middle))
    life = np.fft.irfft(spectrum * gain ** np.arange(periods)[:, None]).ravel()
    return np.asarray(life / np.abs(life[: 4 * _STRING_PERIOD]).max(), np.float32)


def plucked(brightness: float, sustain: float, maker: int) -> Voice:
    """A string instrument: `brightness` 0.8 to 1, `sustain` seconds to a thousandth; `maker` is which one it is."""

    def voice(pitch: float, samples: int) -> FloatArray:
        samples = min(samples, int(_LONGEST * RATE))
        life = _string(int(pitch) // 12, brightness, sustain, maker)
        at = (np.arange(samples) * (hertz(pitch) / RATE * _STRING_PERIOD)).astype(np.int64)
        return life[at] * _envelope(samples, 0.002, 0.03)

    return voice


def fiddle(vibrato: float, noise: float, rng: Generator) -> Voice:
    """A bowed string: vibrato, a bow that takes its time, and the bow's noise."""

    def voice(pitch: float, samples: int) -> FloatArray:
        hiss = rng.standard_normal(samples, np.float32)
        hiss[1:] -= 0.7 * hiss[:-1]
        string = tone("bowed", pitch, samples, vibrato=vibrato, speed=5.0 + 1.5 * rng.random())
        return (string + noise * hiss) * _envelope(samples, 0.06, 0.07)

    return voice


def pad(detune: float, shape: str = "saw") -> Voice:
    """Three slow tones beside each other, `detune` semitones apart, without most of their treble."""
    treble = signal.butter(2, 2200, fs=RATE)

    def voice(pitch: float, samples: int) -> FloatArray:
        tones = sum(tone(shape, pitch + shift, samples) for shift in (-detune, 0.0, detune))
        soft = signal.lfilter(*treble, np.asarray(tones, np.float32))
        return np.asarray(0.4 * soft * _envelope(samples, 0.25, 0.3), np.float32)

    return voice


def lead(shape: str, decay: float) -> Voice:
    """A synthesizer's melody voice that fades within `decay` seconds."""

    def voice(pitch: float, samples: int) -> FloatArray:
        fading = np.exp(-_time(samples) / decay) * _envelope(samples, 0.004, 0.02)
        return np.asarray(tone(shape, pitch, samples) * fading, np.float32)

    return voice


def fm_bass(depth: float, ratio: float = 1.0) -> Voice:
    """A bass by frequency modulation whose colour fades as it rings (Chowning 1973)."""

    def voice(pitch: float, samples: int) -> FloatArray:
        time = _time(samples)
        turn = np.float32(2 * np.pi * hertz(pitch)) * time
        wave = np.sin(turn + depth * np.exp(-6 * time) * np.sin(ratio * turn))
        return np.asarray(wave * np.exp(-1.5 * time) * _envelope(samples, 0.005, 0.03), np.float32)

    return voice


def distorted(clean: FloatArray, gain: float, cabinet: float) -> FloatArray:
    """A recording through an amplifier driven by `gain`, and a loudspeaker that ends at `cabinet` Hz."""
    loud = np.tanh(np.float32(gain) * clean) / np.tanh(np.float32(min(gain, 3.0)))
    sections = signal.butter(2, (90, cabinet), "bandpass", fs=RATE, output="sos").astype(np.float32)
    return np.asarray(signal.sosfilt(sections, loud), np.float32)


def drum(kind: str, tuning: float, decay: float, rng: Generator) -> FloatArray:
    """One hit of a kick, snare or hat; `tuning` and `decay` are about 1."""
    samples = round({"kick": 0.35, "snare": 0.25, "hat": 0.09}[kind] * decay * RATE)
    time = _time(samples)
    if kind == "kick":
        turn = 2 * np.pi * tuning * (48 * time + 3.5 * (1 - np.exp(-35 * time)))
        hit = np.sin(turn) * np.exp(-9 * time / decay) + 0.3 * np.exp(-400 * time)
    elif kind == "snare":
        hiss = rng.standard_normal(samples, np.float32)
        hit = 0.6 * hiss * np.exp(-18 * time / decay) + 0.6 * np.sin(2 * np.pi * 185 * tuning * time) * np.exp(
            -25 * time
        )
    else:
        hiss = np.diff(rng.standard_normal(samples + 2, np.float32), 2)
        hit = 0.35 * hiss * np.exp(-55 * time / decay)
    return np.asarray(hit * _envelope(samples, 0.001, 0.01), np.float32)
