"""Artists: who plays what on which instruments, with habits of their own, recorded in their own studio."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thawline.samples.music import genres as music
from thawline.samples.music.genres import GENRES, Habits, Song, choose_habits, compose
from thawline.samples.music.sounds import (
    RATE,
    FloatArray,
    Generator,
    Voice,
    distorted,
    drum,
    fiddle,
    fm_bass,
    lead,
    pad,
    play,
    plucked,
)
from thawline.samples.music.studios import Desk, Studio, choose_studio

_FIRST = (
    *("Amber", "Broken", "Copper", "Distant", "Electric", "Faded", "Golden", "Hollow", "Iron", "Jade", "Kindly"),
    *("Late", "Midnight", "Northern", "Open", "Paper"),
)
_SECOND = (
    *("Avenue", "Bridges", "Canyon", "Drifters", "Engines", "Foxes", "Gardens", "Harbour", "Islands", "Junction"),
    *("Kites", "Lanterns", "Meadow", "Nightjars", "Orchard"),
)
MOST_ARTISTS = len(_FIRST) * len(_SECOND) // len(GENRES)

# Instrument -> how loud it is in the mix.
_LOUDNESS = {
    **{"acoustic guitar": 0.5, "violin": 0.55, "electric guitar": 0.5, "distorted guitar": 0.5, "piano": 0.5},
    **{"strings": 0.35, "synthesizer": 0.4, "synth pad": 0.35, "bass guitar": 0.6, "synth bass": 0.6},
    "sub bass": 0.9,
}
# What the sample's own names are called where instruments are the labels.
_INSTRUMENT = {"synth pad": "synthesizer", "synth bass": "synthesizer", "sub bass": "synthesizer"}


@dataclass(frozen=True)
class Artist:
    """An artist of the sample.

    Attributes:
        name: Of the artist.
        genre: Key of `music.GENRES`.
        parts: Instruments played, each with its loudness.
        drums: The drums' loudness.
        habits: Tempo, key and drum pattern of all tracks.
        taste: 0 to 1, what the instruments are set to: brightness, decay, gain.
        studio: How it is recorded.
    """

    name: str
    genre: str
    parts: dict[str, float]
    drums: float
    habits: Habits
    taste: tuple[float, float, float]
    studio: Studio


def name_artists(seed: int) -> list[str]:
    """All names there are, in an order that the seed decides."""
    names = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    order = np.random.default_rng(list(f"names {seed}".encode())).permutation(len(names))
    return [names[number] for number in order]


def choose_artist(name: str, genre: str, seed: int) -> Artist:
    """An artist of the genre; the same for the same words."""
    rng = np.random.default_rng(list(f"artist {seed} {genre} {name}".encode()))
    traits = GENRES[genre]
    likely = [part for part, share in traits.parts.items() if rng.random() < share]
    # At least two play, so that no artist is a lone bass.
    parts = likely if len(likely) > 1 else list(traits.parts)[:2]
    return Artist(
        name=name,
        genre=genre,
        parts={part: float(_LOUDNESS[part] * rng.uniform(0.7, 1.35)) for part in parts},
        drums=float(traits.drum_level * rng.uniform(0.75, 1.3)),
        habits=choose_habits(traits, rng),
        taste=(float(rng.random()), float(rng.random()), float(rng.random())),
        studio=choose_studio(traits.house, rng),
    )


@dataclass(frozen=True)
class Track:
    """A finished recording.

    Attributes:
        samples: [N] at `sounds.RATE`.
        instruments: What is heard in it, sorted.
    """

    samples: npt.NDArray[np.int16]
    instruments: tuple[str, ...]


def record(artist: Artist, number: int, seconds: float, seed: int, desk: Desk) -> Track:
    """The artist's track of that number; the same for the same words."""
    rng = np.random.default_rng(list(f"track {seed} {artist.genre} {artist.name} {number}".encode()))
    samples = round(seconds * RATE)
    song = compose(GENRES[artist.genre], artist.habits, seconds, rng)
    parts = [part for part in artist.parts if rng.random() < 0.93]
    parts = parts or list(artist.parts)[:1]
    mix = np.zeros(samples, np.float32)
    for part in parts:
        sound = _play(part, artist, song, samples, rng)
        rms = max(float(np.sqrt(np.mean(sound**2))), 1e-4)
        mix += np.float32(artist.parts[part] * rng.uniform(0.85, 1.15) / rms) * sound
    heard = {_INSTRUMENT.get(part, part) for part in parts}
    if song.drums != "none":
        mix += np.float32(3 * artist.drums) * _drums(artist, song, samples, rng)
        heard.add("drums")
    return Track(desk.record(mix, rng), tuple(sorted(heard)))


def _play(part: str, artist: Artist, song: Song, samples: int, rng: Generator) -> FloatArray:
    """One instrument's recording."""
    bright, long, rough = artist.taste
    maker = artist.studio.maker
    if part == "acoustic guitar":
        notes = music.strum if rough < 0.6 else music.pick
        return play(notes(song, rng), plucked(0.9 + 0.09 * bright, 1 + 2 * long, maker), samples)
    if part == "electric guitar":
        clean = play(music.strum(song, rng), plucked(0.93 + 0.06 * bright, 2 + 2 * long, maker), samples)
        return distorted(clean, 1 + 3 * rough, 3500 + 1500 * bright)
    if part == "distorted guitar":
        clean = play(music.chug(song, rng), plucked(0.95 + 0.04 * bright, 3 + long, maker), samples)
        return distorted(clean, 12 + 25 * rough, 3500 + 2000 * bright)
    if part == "piano":
        notes = music.stabs if long < 0.5 else music.pick
        return play(notes(song, rng), plucked(0.82 + 0.1 * bright, 3 + 2 * long, 1), samples)
    if part == "violin":
        return play(music.melody(song, rng), fiddle(0.004 + 0.008 * long, 0.05 + 0.1 * rough, rng), samples)
    if part in ("strings", "synth pad"):
        shape = "bowed" if part == "strings" else ("saw", "square")[rough < 0.5]
        return play(music.chords(song, rng), pad(0.04 + 0.1 * long, shape), samples)
    if part == "synthesizer":
        return play(music.melody(song, rng), lead(("square", "saw")[bright < 0.5], 0.15 + long), samples)
    notes, depth = {
        "bass guitar": (music.bass, 0.6 + 1.5 * bright),
        "synth bass": (music.pulse, 2 + 3 * bright),
        "sub bass": (music.long_bass, 0.3 + 0.6 * bright),
    }[part]
    return play(notes(song, rng), fm_bass(depth), samples)


def _drums(artist: Artist, song: Song, samples: int, rng: Generator) -> FloatArray:
    own = np.random.default_rng(artist.studio.maker)  # the same set of drums on all tracks
    recording = np.zeros(samples, np.float32)
    for kind, loudness in (("kick", 0.9), ("snare", 0.7), ("hat", 0.5)):
        hit = drum(kind, float(own.uniform(0.8, 1.3)), float(own.uniform(0.6, 1.4)), own)
        recording += np.float32(loudness) * play(music.hits(song, kind, rng), _struck(hit), samples)
    return recording


def _struck(hit: FloatArray) -> Voice:
    """A drum as a voice that has one sound."""
    return lambda _pitch, samples: hit[:samples]
