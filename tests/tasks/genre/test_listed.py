"""Which tracks belong with those that a run was trained on."""

from pathlib import Path

import numpy as np

from thawline.data.tracks.collection import build_tracks
from thawline.data.tracks.listed import ListedTrack, TrackListing
from thawline.data.tracks.track import TrackFacts
from thawline.features.files import FileIndex, FileRecord, Stamp
from thawline.features.media import TRACKS
from thawline.runs.split import SplitRow
from thawline.tasks.genre.listed import related_tracks


def facts(number: int, higher: int = 0) -> TrackFacts:
    """A piece by the marks that it is known by, so many steps higher; no two pieces share any."""
    drawn = np.random.default_rng(number)
    marks = np.empty(192, [("value", ">u4"), ("time", ">u2")])
    marks["value"], marks["time"] = drawn.permutation(60_000)[:192] * 512 + 100 + higher, np.arange(192) * 30
    plain = np.random.default_rng([number, higher + 1]).integers(0, 2**32, 192, dtype=np.uint32)
    fingerprint = np.sort(plain).astype(">u4").tobytes().hex()
    return TrackFacts(f"{number:032x}{higher + 1:032x}", 30.0, 8000, 1, fingerprint, pitches=marks.tobytes().hex())


def test_copies_in_another_pitch_are_known_by_what_the_store_read(tmp_path):
    trained = [facts(number) for number in range(4)]
    rows = [SplitRow(f"{i}.wav", one.digest, one.fingerprint or "", "a", i, "") for i, one in enumerate(trained)]
    new = {"same": trained[0], "higher": facts(1, 1), "lower": facts(2, -1), "octave": facts(3, 24), "new": facts(9)}
    tracks = [ListedTrack(tmp_path / name, name, label, (label,)) for name, label in zip(new, "ababa", strict=True)]
    collection = build_tracks(TrackListing(tmp_path, ("a", "b"), tuple(tracks), ()), new)

    def names(store: Path) -> tuple[list[str], list[str]]:
        indices, untold = related_tracks(collection, rows, store)
        return [collection.names[i] for i in indices], untold

    sentence = (
        "Of {} of the 4 tracks that were trained on the feature store knows no pitches, since it never read them: "
        "copies of these in another pitch or speed may be among those that are judged."
    )
    store = tmp_path / "store"
    store.mkdir()
    index = FileIndex(store, TRACKS)
    index.remember([FileRecord(tmp_path / "x", Stamp(1, 1, 1, True), facts(9))])
    assert names(store) == (["same"], [sentence.format(4)])
    for known, found in ((1, ["same"]), (2, ["higher", "same"]), (4, ["higher", "lower", "same"])):
        index.remember([FileRecord(tmp_path / "x", Stamp(1, 1, 1, True), one) for one in trained[:known]])
        indices, untold = names(store)
        assert (sorted(indices), untold) == (found, [sentence.format(4 - known)] if known < 4 else [])
