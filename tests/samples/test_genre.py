"""The sample of music holds what its tables say, and the same seed gives the same sounds."""

import csv
import hashlib
from collections import Counter

import numpy as np
import pytest
import soundfile

from thawline.errors import UserError
from thawline.samples.genre import make_genre
from thawline.samples.music.bands import MOST_ARTISTS, name_artists
from thawline.samples.music.genres import GENRES
from thawline.samples.music.sounds import RATE, Note, fm_bass, hertz, lead, play, plucked, tone
from thawline.samples.music.studios import Desk, House, choose_studio


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_genre(
        tmp_path_factory.mktemp("samples") / "Songs (2024)", artists=2, tracks_per_artist=3, seconds=2, seed=1
    )


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def digests(root):
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_tables_name_every_file_and_every_file_is_sound(made):
    tracks = rows(made.file)
    names = [row["audio_path"] for row in tracks]
    assert sorted(names) == sorted(path.relative_to(made.root).as_posix() for path in made.root.rglob("*.flac"))
    assert [row["audio_path"] for row in rows(made.instruments)] == names
    assert (made.tracks, made.artists, made.classes) == (36, 12, tuple(sorted(GENRES)))
    assert Counter(row["label"] for row in tracks) == dict.fromkeys(GENRES, 6)
    assert set(Counter(row["artist"] for row in tracks).values()) == {3}
    for name in names:
        sound, rate = soundfile.read(made.root / name, dtype="int16")
        assert (rate, sound.shape) == (RATE, (2 * RATE,))
        assert 4500 < np.abs(sound.astype(int)).max() < 13_500
        assert soundfile.info(made.root / name).subtype == "PCM_16"


def test_an_artist_has_one_genre_and_albums_of_its_own(made):
    tracks = rows(made.file)
    assert len({(row["artist"], row["label"]) for row in tracks}) == 12
    assert len({row["album"] for row in tracks}) == len({(row["artist"], row["album"]) for row in tracks}) == 24
    by_number = [row["artist"] for row in tracks if row["label"] == "rock"]
    assert by_number != sorted(by_number)  # the files' numbers don't tell who plays


def test_instruments_are_what_the_genres_say(tmp_path):
    made = make_genre(tmp_path / "many", artists=6, tracks_per_artist=1, seconds=1, seed=0)
    labels = {row["audio_path"]: row["label"] for row in rows(made.file)}
    heard = Counter()
    for row in rows(made.instruments):
        for instrument in row["label"].split("|"):
            heard[labels[row["audio_path"]], instrument] += 1
    assert heard["country", "violin"] >= 4 > heard["rock", "violin"]
    assert heard["metal", "distorted guitar"] >= 5
    assert heard["electronic", "synthesizer"] >= 5
    assert heard["classical", "drums"] == 0
    assert heard["rock", "drums"] == heard["country", "drums"] == 6


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(made, tmp_path):
    again = make_genre(tmp_path / "again", artists=2, tracks_per_artist=3, seconds=2, seed=1)
    assert digests(again.root) == digests(made.root)
    other = make_genre(tmp_path / "other", artists=2, tracks_per_artist=3, seconds=1, seed=2)
    assert not set(digests(other.root).values()) & set(digests(made.root).values())


def test_a_second_call_finds_it_and_wrong_numbers_are_refused(made, tmp_path):
    assert not made.already_there
    assert make_genre(made.root, artists=2, tracks_per_artist=3, seconds=2, seed=1).already_there
    for wrong, says in (
        ({"artists": 1}, "2 to 40 artists"),
        ({"artists": MOST_ARTISTS + 1}, "2 to 40 artists"),
        ({"tracks_per_artist": 0}, "1 to 100 tracks"),
        ({"seconds": 0.5}, "1 to 600 seconds"),
    ):
        with pytest.raises(UserError, match=says):
            make_genre(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_there_are_names_for_the_most_artists():
    assert len(set(name_artists(0))) >= MOST_ARTISTS * len(GENRES)
    assert name_artists(0) != name_artists(1)


def frequency(sound):
    """The strongest one, in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return spectrum.argmax() * RATE / len(sound)


@pytest.mark.parametrize("pitch", [33.0, 45.3, 69.0, 81.0])
def test_a_note_has_its_pitch(pitch):
    bass = fm_bass(0.5)(pitch, RATE)
    assert frequency(bass) == pytest.approx(hertz(pitch), abs=1.5)
    assert frequency(tone("saw", pitch, RATE)) == pytest.approx(hertz(pitch), abs=1.5)
    # A pick's strongest harmonic may be any.
    harmonic = frequency(plucked(0.9, 2.0, 3)(pitch, RATE)) / hertz(pitch)
    assert harmonic == pytest.approx(round(harmonic), abs=2 / hertz(pitch) * round(harmonic))


def test_nothing_folds_back_from_above_the_highest_frequency():
    # 4,186 Hz has two harmonics below 11,025 Hz; folded ones would stand elsewhere.
    spectrum = np.abs(np.fft.rfft(tone("saw", 108.0, RATE) * np.hanning(RATE)))
    allowed = np.zeros(len(spectrum), bool)
    for harmonic in (1, 2):
        at = round(harmonic * hertz(108.0))
        allowed[at - 4 : at + 5] = True
    assert spectrum[~allowed].max() < 0.01 * spectrum.max()


def test_a_note_sounds_when_it_is_played_and_no_longer():
    sound = play([Note(0.5, 0.25, 69.0, 0.5), Note(5.0, 1.0, 69.0)], lead("square", 1.0), RATE)
    heard = np.flatnonzero(sound)
    assert len(sound) == RATE
    assert 0.5 * RATE <= heard.min() < 0.51 * RATE
    assert 0.74 * RATE < heard.max() < 0.76 * RATE
    assert 0.3 < np.abs(sound).max() < 0.7


def test_a_studio_colours_all_its_recordings_alike():
    mix = np.random.default_rng(0).standard_normal(4 * RATE).astype(np.float32)
    spectra = []
    for maker in (0, 0, 1):
        desk = Desk(choose_studio(House(0.0, 0.7, 0.3), np.random.default_rng(maker)), len(mix))
        recording = desk.record(mix, np.random.default_rng(len(spectra))).astype(float)
        frames = np.abs(np.fft.rfft(recording[: 40 * 2048].reshape(40, 2048))) ** 2
        bands = frames.mean(0)[1:].reshape(16, 64).mean(1)
        spectra.append(10 * np.log10(bands / bands.mean()))
    first, again, another = spectra
    assert np.abs(first - again).max() < 0.5
    assert np.abs(first - another).max() > 3
