"""The sample of music: synthetic tracks in several genres, by artists who each have a sound of their own."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import soundfile

from thawline.errors import UserError
from thawline.samples.marker import write_sample
from thawline.samples.music.bands import MOST_ARTISTS, Artist, Track, choose_artist, name_artists, record
from thawline.samples.music.genres import GENRES
from thawline.samples.music.sounds import RATE
from thawline.samples.music.studios import Desk

FILE = "tracks.csv"
INSTRUMENTS_FILE = "instruments.csv"

# Raised when other sounds come out of the same seed.
_EDITION = 1
_WHAT = (
    "Synthetic music computed by `thawline sample genre`: no artist or song in it exists. For trying Thawline out and "
    "for tests; results on it say nothing about real music."
)


@dataclass(frozen=True)
class GenreSummary:
    """What a sample of music holds.

    Attributes:
        root: Where it lies.
        file: The CSV with audio_path, label, artist and album.
        instruments: The CSV whose labels are what plays, several a track.
        classes: Genres, sorted.
        artists: How many, in all genres together.
        tracks: How many.
        seconds: Of each track.
        already_there: The directory held this very sample, so nothing was written.
    """

    root: Path
    file: Path
    instruments: Path
    classes: tuple[str, ...]
    artists: int
    tracks: int
    seconds: float
    already_there: bool


def make_genre(
    directory: Path, *, artists: int = 8, tracks_per_artist: int = 5, seconds: float = 8.0, seed: int = 0
) -> GenreSummary:
    """Make the sample of music: FLAC files in `audio/<genre>/`, `tracks.csv` and `instruments.csv`.

    An artist's equaliser, room, tape noise, tuning and tempo are the same on all tracks and unlike any other artist's,
    so that a split with an artist on both sides looks better than it is. The same seed gives the same samples with the
    same library versions.

    Args:
        directory: New or empty, or a sample made by the same call.
        artists: In each genre, at least 2.
        tracks_per_artist: At least 1.
        seconds: Of each track, 1 to 600.
        seed: Any whole number.

    Raises:
        UserError: `directory` holds something else, or cannot be written; or a number is out of its range.
    """
    if not 2 <= artists <= MOST_ARTISTS:
        raise UserError(f"a sample of music has 2 to {MOST_ARTISTS} artists a genre, not {artists}: change artists")
    if not 1 <= tracks_per_artist <= 100:
        raise UserError(
            f"a sample of music has 1 to 100 tracks an artist, not {tracks_per_artist}: change tracks_per_artist"
        )
    if not 1 <= seconds <= 600:
        raise UserError(f"a sample's tracks last 1 to 600 seconds, not {seconds:g}: change seconds")
    sample = _Sample(artists, tracks_per_artist, float(seconds), seed)
    already_there = write_sample(directory, sample)
    return GenreSummary(
        root=directory,
        file=directory / FILE,
        instruments=directory / INSTRUMENTS_FILE,
        classes=tuple(sorted(GENRES)),
        artists=artists * len(GENRES),
        tracks=len(sample.shown),
        seconds=float(seconds),
        already_there=already_there,
    )


class _Sample:
    """Everything about a sample that is known before a note is played."""

    about = _WHAT

    def __init__(self, artists: int, tracks_per_artist: int, seconds: float, seed: int) -> None:
        self.settings: Mapping[str, str | int | float] = {
            "sample": "genre",
            "edition": _EDITION,
            "artists": artists,
            "tracks_per_artist": tracks_per_artist,
            "seconds": seconds,
            "seed": seed,
        }
        self.broken: Mapping[str, str] = {}
        self._seconds, self._seed, self._each = seconds, seed, tracks_per_artist
        names = iter(name_artists(seed))
        self._artists = [choose_artist(next(names), genre, seed) for genre in sorted(GENRES) for _ in range(artists)]

    @cached_property
    def shown(self) -> list[tuple[Artist, int, str]]:
        """(artist, number of the track, file name), by artist. File names do not tell who plays."""
        shown = []
        for genre in sorted(GENRES):
            pieces = [
                (artist, number) for artist in self._artists if artist.genre == genre for number in range(self._each)
            ]
            order = np.random.default_rng(list(f"order {self._seed} {genre}".encode())).permutation(len(pieces))
            for place, (artist, number) in zip(order.tolist(), pieces, strict=True):
                shown.append((artist, number, f"audio/{genre}/{genre}.{place:05d}.flac"))
        return shown

    def names(self) -> set[str]:
        """Names of all files."""
        return {FILE, INSTRUMENTS_FILE, *(name for _, _, name in self.shown)}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of all files, recorded one by one."""
        rows: list[tuple[str, str, str, str, str]] = []
        for artist, pieces in groupby(self.shown, key=itemgetter(0)):
            desk = Desk(artist.studio, round(self._seconds * RATE))
            for _, number, name in pieces:
                track = record(artist, number, self._seconds, self._seed, desk)
                album = f"{artist.name}, volume {1 + 2 * number // self._each}"
                rows.append((name, artist.genre, "|".join(track.instruments), artist.name, album))
                yield name, _flac(track)
        rows.sort()
        yield FILE, _table([(name, genre, artist, album) for name, genre, _, artist, album in rows])
        yield INSTRUMENTS_FILE, _table([(name, heard, artist, album) for name, _, heard, artist, album in rows])


def _flac(track: Track) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, track.samples, RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def _table(rows: list[tuple[str, str, str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("audio_path", "label", "artist", "album"))
    writer.writerows(rows)
    return text.getvalue().encode()
