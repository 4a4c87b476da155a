"""Themes as columns beside descriptors, and what is said of them."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from thawline.data.tracks.collection import build_tracks
from thawline.data.tracks.listed import ListedTrack, TrackListing
from thawline.data.tracks.report import track_report
from thawline.data.tracks.track import TrackFacts
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.tail import Tail
from thawline.tasks.genre.tables.theme_report import with_themes
from thawline.tasks.genre.tables.themes import vocabulary
from thawline.tasks.genre.themes import ThemedRows, measure, themed, themes_of

DESCRIPTORS, OTHERS = (
    SimpleNamespace(encoder=EncoderSettings(family=family, name=family)) for family in ("descriptors", "mel_cnn")
)


def collection(*told):
    """A track for each pair of labels and themes."""
    tracks = tuple(
        ListedTrack(Path(f"/m/{i}.wav"), f"{i}.wav", labels[0], tuple(labels), artist=str(i), themes=tuple(themes))
        for i, (labels, themes) in enumerate(told)
    )
    facts = {f"{i}.wav": TrackFacts(f"{i:064x}", seconds=1.0, rate=8000, channels=1) for i in range(len(tracks))}
    return build_tracks(TrackListing(Path("/m"), ("a", "b"), tracks, ()), facts)


class Described:
    """Rows of two descriptors, as the store gives them."""

    def __len__(self):
        return 4

    def __getitem__(self, indices):
        return {"features": torch.arange(8, dtype=torch.float16).reshape(4, 2)[indices]}


TOLD = collection(("a", ["whiskey", "lurve"]), ("b", []), ("b", ["war", "Love"]))
SILENT = collection(("a", []), ("b", ["lurve"]))


def test_columns_are_those_of_the_windows_tracks():
    rows = Described()
    owners = np.array([0, 0, 1, 2])
    assert themed(rows, owners, (), TOLD) is rows
    joined = themed(rows, owners, ("love", "drinking"), TOLD)
    assert len(joined) == 4
    features = joined[np.array([1, 2, 3])]["features"]
    assert features.dtype == torch.float32
    assert features.tolist() == [[2, 3, 0, 1], [4, 5, 0, 0], [6, 7, 1, 0]]


def test_all_themes_are_inputs_where_one_is_told_and_the_encoder_has_them():
    assert themes_of(DESCRIPTORS, None, TOLD) == vocabulary().names
    assert themes_of(DESCRIPTORS, None, SILENT) == ()
    assert themes_of(OTHERS, None, TOLD) == ()
    assert themes_of(DESCRIPTORS, [], TOLD) == ()
    assert themes_of(DESCRIPTORS, ["whiskey", "war", "drinking"], SILENT) == ("drinking", "war")
    with pytest.raises(UserError, match=r"^data.themes has 'lurve', which is no theme; there are: love, heartbreak, "):
        themes_of(DESCRIPTORS, ["war", "lurve"], TOLD)


def test_the_report_counts_what_is_told_and_names_what_is_not_known():
    report = with_themes(track_report(TOLD), TOLD)
    assert report["themes"] == {
        "tracks": 2,
        "counts": {"love": 1, "drinking": 1, "war": 1},
        "unknown": {"lurve": 1},
    }
    assert not any("theme" in warning for warning in report["warnings"])
    assert with_themes(track_report(SILENT), SILENT)["themes"] == {"tracks": 0, "counts": {}, "unknown": {"lurve": 1}}
    none = collection(("a", []), ("b", []))
    assert "themes" not in with_themes(track_report(none), none)


def test_a_class_of_which_no_theme_is_told_is_a_warning():
    telling = collection(("a", ["war"]), ("b", []), ("b", ["lurve"]))
    [warning] = [each for each in with_themes(track_report(telling), telling)["warnings"] if "theme" in each]
    assert warning.startswith("No track of 'b' has a theme, so that a track has one gives the class away;")
    telling = collection(("ab", ["war"]), ("b", []), ("a", ["war"]))  # a track that tells is b too
    assert not any("has a theme" in each for each in with_themes(track_report(telling), telling)["warnings"])


def test_a_theme_that_no_training_track_tells_is_of_no_weight():
    columns = torch.tensor([[1.0, 1, 0], [0, 1, 0], [1, 1, 0], [0, 1, 0]])  # told of some, of all, of none
    rows = ThemedRows(Described(), columns)
    samples = FeatureSet(rows, np.arange(4), np.zeros(4, dtype=np.int64), np.arange(4))
    tail = Tail(nn.Identity(), DenseHead(5, 2, each=True))
    measure(tail, samples, 3)
    scale = tail.head.standardise.scale
    assert scale.tolist() == pytest.approx([5**0.5, 5**0.5, 0.5, np.inf, np.inf])
    row = torch.tensor([[2.0, 3, 1, 1, 0]])
    with torch.no_grad():
        same = tail({"features": row})
        assert torch.equal(tail({"features": torch.tensor([[2.0, 3, 1, 0, 1]])}), same)
        assert not torch.equal(tail({"features": torch.tensor([[2.0, 3, 0, 1, 0]])}), same)
    # Without themes constant features keep a scale of 1, as they have it.
    measure(tail, samples, 0)
    assert tail.head.standardise.scale.tolist() == pytest.approx([5**0.5, 5**0.5, 0.5, 1, 1])
