"""GTZAN in small: its folders, its faults, and the published split files."""

import numpy as np
import pytest
import soundfile

from thawline.data.listing import LeftOut
from thawline.data.splits import kfold
from thawline.data.tracks.collection import build_tracks
from thawline.data.tracks.groups import SEGMENTS
from thawline.data.tracks.track import read_track
from thawline.errors import UserError
from thawline.tasks.genre.gtzan import list_gtzan
from thawline.tasks.task import capability


@pytest.fixture
def gtzan(tmp_path, piece):
    """genres/ with two clips of each of two genres, one that is a copy, and the broken one."""
    for seed, (genre, number) in enumerate([("blues", 0), ("blues", 29), ("jazz", 0), ("jazz", 1)]):
        path = tmp_path / "genres" / genre / f"{genre}.{number:05}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, piece(seed, 3), 22050)
    jazz = tmp_path / "genres/jazz"
    (jazz / "jazz.00054.wav").write_bytes(np.random.default_rng(0).bytes(4000))
    (jazz / "jazz.00051.wav").write_bytes((jazz / "jazz.00001.wav").read_bytes())
    return tmp_path


def collect(listing):
    return build_tracks(listing, {track.name: read_track(track.path, None)[0] for track in listing.tracks})


@pytest.mark.parametrize("inside", ["", "genres"])
def test_folders_copies_and_the_broken_file(gtzan, inside) -> None:
    listing = list_gtzan(gtzan / inside)
    assert listing.root == gtzan / "genres"
    assert listing.classes == ("blues", "jazz")
    collection = collect(listing)
    assert collection.names == (
        "blues/blues.00000.wav", "blues/blues.00029.wav",
        "jazz/jazz.00000.wav", "jazz/jazz.00001.wav", "jazz/jazz.00051.wav",
    )  # fmt: skip
    assert collection.left_out == (
        LeftOut("jazz/jazz.00054.wav", "not audio (WAV, FLAC, OGG, MP3, AIFF and others are)"),
    )
    assert collection.grouping.exact_duplicates == [(3, 4)]
    assert collection.grouping.reasons[SEGMENTS] == 0
    assert collection.sides is None


def test_the_published_split_files(gtzan) -> None:
    for name, lines in {
        "train_filtered": ["blues/blues.00029.wav", "jazz/jazz.00000.au", ""],
        "valid_filtered": ["jazz/jazz.00001"],
        "test_filtered": ["blues/blues.00000.wav", "rock/rock.00007.wav"],
    }.items():
        (gtzan / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    splits = sorted(gtzan.glob("*.txt"))
    listing = list_gtzan(gtzan, splits=splits)
    assert {track.name: track.side for track in listing.tracks} == {
        "blues/blues.00000.wav": "test",
        "blues/blues.00029.wav": "train",
        "jazz/jazz.00000.wav": "train",
        "jazz/jazz.00001.wav": "val",
    }
    assert listing.left_out == (
        LeftOut("jazz/jazz.00051.wav", "in none of the split files"),
        LeftOut("jazz/jazz.00054.wav", "in none of the split files"),
        LeftOut("rock/rock.00007.wav", "named by test_filtered.txt, but not there"),
    )
    only = list_gtzan(gtzan, ["blues"], splits=splits)
    assert {track.label for track in only.tracks} == {"blues"}
    assert only.left_out == ()


def test_split_files_that_cannot_be_used(gtzan) -> None:
    def given(name: str, text: str):
        (gtzan / name).write_text(text, encoding="utf-8")
        return gtzan / name

    train = given("train.txt", "blues/blues.00000.wav\n")
    with pytest.raises(UserError, match=r"both train.txt and test.txt name blues/blues.00000.wav"):
        list_gtzan(gtzan, splits=[train, given("test.txt", "blues/blues.00000.wav")])
    with pytest.raises(UserError, match="does not say which side it is"):
        list_gtzan(gtzan, splits=[given("fold1.txt", "")])
    with pytest.raises(UserError, match="the split files name none of the clips"):
        list_gtzan(gtzan, splits=[given("train.txt", "a.wav")])
    with pytest.raises(UserError, match=r"there is no file .*gone.txt; check the path"):
        list_gtzan(gtzan, splits=[gtzan / "train_gone.txt"])
    with pytest.raises(UserError, match="holds none of GTZAN's genre folders"):
        list_gtzan(gtzan / "genres/jazz")


def test_segments_of_three_seconds_cannot_be_split_at_random(tmp_path, piece) -> None:
    """The copy of GTZAN that is cut into segments: a split at random would have each clip on both sides."""
    for genre in ("blues", "jazz"):
        (tmp_path / genre).mkdir()
        for clip in range(3):
            sound = piece(clip + 10 * (genre == "jazz"), 3)
            for part, segment in enumerate(np.split(sound, 3)):
                soundfile.write(tmp_path / genre / f"{genre}.{clip:05}.{part}.wav", segment, 22050)
    collection = collect(list_gtzan(tmp_path))
    assert collection.grouping.ids.tolist() == np.repeat(range(6), 3).tolist()
    assert collection.grouping.reasons[SEGMENTS] == 6
    folds = kfold(collection.labels, collection.grouping.ids, folds=3, seed=0)
    assert all(len(set(folds[collection.grouping.ids == group])) == 1 for group in range(6))


def test_readers_and_split_files_that_do_not_go_together() -> None:
    settings = capability("genre", "settings")
    with pytest.raises(UserError, match=r"data\.reader=fma is not known; use auto, artists, gtzan or datasets"):
        settings(path="music", reader="fma")
    with pytest.raises(UserError, match=r"data\.splits names GTZAN's split files; add data\.reader=gtzan"):
        settings(path="music", splits=["train.txt"])
