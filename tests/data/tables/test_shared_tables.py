"""Tables that went wrong once, where they are: each gives what whoever wrote it would expect."""

import unicodedata

import pytest

from thawline.data.listing import list_photos
from thawline.data.pairs.table import read_pairs
from thawline.data.splits import read_split
from thawline.data.tracks.listing import list_tracks


@pytest.mark.parametrize("name", ["split", "split1252", "split16", "splitabs", "splitdot", "splitwin", "splitwin2"])
def test_split_files_say_the_same(shared_data, name):
    folder = shared_data / "cases" / "split_csv"
    listing = list_photos(folder / "Photos")
    names = [photo.name for photo in listing.photos]
    notes: list[str] = []
    sides = read_split(folder / f"{name}.csv", names, listing.root, notes)
    expected = read_split(folder / "splitdot.csv", names)
    assert len(names) == 24
    assert sides.tolist() == expected.tolist()
    assert (sides.tolist().count("train"), sides.tolist().count("test")) == (18, 6)
    said = {"split1252": "was read as Windows-1252", "splitabs": "were matched by their ends (24)"}
    assert [said[name] in note for note in notes] == [True] if name in said else notes == []


@pytest.mark.parametrize(
    "name",
    ["bool.parquet", "float.parquet", "floatlabel.csv", "header_comma.csv", "header_newline.csv", "sep_line.csv",
     "truefalse.csv"],
)  # fmt: skip
def test_files_of_pairs_say_the_same(shared_data, name):
    table = read_pairs([(shared_data / "cases" / "csv_header" / name, None)], None)
    assert [finding for finding in table.findings if finding.dropped] == []
    assert [pair.row for pair in table.pairs] == list(range(2, len(table.pairs) + 2))
    assert [pair.label for pair in table.pairs[:6]] == [1, 1, 1, 0, 0, 0]
    assert (len(table.pairs), sum(pair.label or 0 for pair in table.pairs)) == (40, 21)
    assert len({pair.image for pair in table.pairs}) == 7


def test_names_are_matched_across_unicode_forms(shared_data):
    folder = shared_data / "cases" / "nfc_nfd"
    table = read_pairs([(folder / "pairs.csv", None)], None)
    assert table.dropped == 0
    assert {pair.path.name for pair in table.pairs} == {path.name for path in (folder / "imgs").iterdir()}
    # One of the 36 tracks is there.
    listing = list_tracks(folder / "tracks" / "nfd.csv")
    assert [unicodedata.normalize("NFC", track.name) for track in listing.tracks] == ["m/Beyoncé 1b24c166.flac"]
    assert {left.reason.partition(": ")[2] for left in listing.left_out} == {"nothing is there"}
