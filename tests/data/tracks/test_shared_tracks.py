"""The floor as a whole on real recordings, where they are."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from thawline.data.splits import kfold
from thawline.data.tracks.collection import build_tracks
from thawline.data.tracks.listing import list_tracks
from thawline.data.tracks.report import track_report
from thawline.data.tracks.track import read_track


def test_recordings_of_instruments(shared_data) -> None:
    if not (shared_data / "instruments").is_dir():
        pytest.skip("the recordings are not on this machine")
    listing = list_tracks(shared_data / "instruments")
    with ThreadPoolExecutor(2) as pool:
        facts = list(pool.map(lambda track: read_track(track.path, None)[0], listing.tracks))
    collection = build_tracks(listing, {track.name: fact for track, fact in zip(listing.tracks, facts, strict=True)})
    report = track_report(collection)
    assert {counts["tracks"] for counts in report["classes"].values()} == {15}
    assert report["left_out"] == report["exact_duplicates"] == report["two_labels"] == []
    # They share four of five marks; nobody has listened to them.
    assert report["near_duplicates"] == [["Snare_drum/229be2be.flac", "Snare_drum/5ce40b1b.flac"]]
    assert report["groups"]["count"] == 149
    folds = kfold(collection.labels, collection.grouping.ids, folds=5, seed=0)
    assert np.bincount(folds).tolist() == [30] * 5
