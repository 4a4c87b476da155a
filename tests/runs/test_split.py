import unicodedata
from dataclasses import replace

import pytest

from thawline.errors import UserError
from thawline.runs.split import (
    SplitRow,
    by_name,
    change_of,
    check_unchanged,
    read_split_rows,
    split_difference,
    write_split,
)


def test_it_comes_back(tmp_path):
    rows = [SplitRow("a/été, 1.jpg", "ab", "", "a", 0, "fold0"), SplitRow('b/"2".jpg', "cd", "ff", "b", 1, "")]
    write_split(tmp_path / "split.csv", rows)
    assert read_split_rows(tmp_path / "split.csv") == rows


def test_texts_come_back_and_older_files_have_none(tmp_path):
    rows = [SplitRow("a.jpg (row 2)", "ab", "ff", "match", 0, "holdout", text="12")]
    write_split(tmp_path / "split.csv", rows)
    assert read_split_rows(tmp_path / "split.csv") == rows
    (tmp_path / "old.csv").write_text("path,digest,phash,label,group,fold\na.jpg,ab,ff,a,3,\n")
    assert read_split_rows(tmp_path / "old.csv") == [SplitRow("a.jpg", "ab", "ff", "a", 3, "")]


def test_themes_come_back_and_have_a_column_only_where_some_are_told(tmp_path):
    rows = [SplitRow("a.wav", "ab", "ff", "rock", 0, "fold0", seconds=1.5, themes="war|love"), row("b.wav")]
    write_split(tmp_path / "split.csv", rows)
    assert read_split_rows(tmp_path / "split.csv") == rows
    assert (tmp_path / "split.csv").read_text().splitlines()[0].endswith(",album,seconds,themes")
    write_split(tmp_path / "split.csv", rows[1:])
    assert (tmp_path / "split.csv").read_text().splitlines()[0].endswith(",album,seconds")
    assert split_difference(rows[:1], [replace(rows[0], themes="")]) is None


def row(path, **changes):
    """A sample of a split."""
    return replace(SplitRow(path, f"digest of {path}", "", "beach", 0, "fold1"), **changes)


def test_groups_are_the_same_whatever_their_numbers():
    first = [row("a", group=1), row("b", group=1), row("c", group=2), row("only here", group=3)]
    second = [row("a", group=7), row("b", group=7), row("c", group=0, digest="")]
    assert split_difference(first, second) is None


@pytest.mark.parametrize(
    ("second", "phrase"),
    [
        ([row("z")], "no file is in both"),
        ([row("a", digest="other")], "the content of a differs"),
        ([row("a", text="other")], "the content of a differs"),
        ([row("a", label="snow")], "a is 'beach' in one and 'snow' in the other"),
        ([row("a", fold="fold2")], "a is judged by fold1 in one and judged by fold2 in the other"),
        ([row("a", fold="")], "a is judged by fold1 in one and trained on alone in the other"),
        ([row("a"), row("b"), row("told", themes="war|love")], "the themes of told are others"),
        ([row("a"), row("b", group=1)], "b is in a group with others"),
        ([row("a"), row("c")], "c is in a group with others"),
    ],
)
def test_what_differs_between_splits_is_named(second, phrase):
    first = [row("a"), row("b"), row("c", group=1), row("told", themes="love")]
    assert split_difference(first, second) == phrase


@pytest.mark.parametrize(
    ("now", "phrase"),
    [
        ([row("a")], "told came or went"),
        ([row("a"), row("told", themes="war")], "the themes of told are others"),
        ([row("a"), row("told")], "themes of lyrics came or went"),
        ([row("a", digest="other"), row("told", themes="love")], "the content of a differs"),
    ],
)
def test_a_run_whose_samples_changed_does_not_go_on(tmp_path, now, phrase):
    before = [row("a"), row("told", themes="love")]
    write_split(tmp_path / "split.csv", before)
    check_unchanged(tmp_path / "split.csv", before)
    with pytest.raises(UserError, match=rf"can't go on: its samples are not what they were \({phrase}\); start a new"):
        check_unchanged(tmp_path / "split.csv", now)


@pytest.mark.parametrize(
    ("now", "change"),
    [
        ([row("a"), row("b"), row("new")], "new came or went"),
        ([row("a")], "b came or went"),
        ([row("a"), row("b", digest="other")], "the content of b differs"),
        ([row("a"), row("b", themes="war")], "themes of lyrics came or went"),
    ],
)
def test_a_run_does_not_go_on_with_other_samples(tmp_path, now, change):
    write_split(tmp_path / "split.csv", [row("a"), row("b")])
    check_unchanged(tmp_path / "split.csv", [row("a"), row("b")])
    with pytest.raises(UserError, match=rf"can't go on: its samples are not what they were \({change}\)"):
        check_unchanged(tmp_path / "split.csv", now)


def test_names_in_another_unicode_form_are_the_same_samples(tmp_path):
    apart, composed = (unicodedata.normalize(form, "fête.jpg") for form in ("NFD", "NFC"))
    write_split(tmp_path / "split.csv", [row(apart, digest="1"), row("b")])
    check_unchanged(tmp_path / "split.csv", [row("b"), row(composed, digest="1")])
    # Two files whose names differ in their form alone are two.
    both = [row(apart, digest="1"), row(composed, digest="2", group=5)]
    assert set(by_name(both)) == {apart, composed}
    assert change_of(both, both) is None
    assert change_of(both, both[:1]) is not None


def test_samples_may_be_compared_before_folds_are_planned():
    before = [row("a"), row("b", fold="")]
    now = [row("a", fold=""), row("b", fold="")]
    assert change_of(before, now, folds=False) is None
    assert change_of(before, now) == "a is judged by fold1 in one and trained on alone in the other"
    assert change_of(before, [now[0], row("b", digest="x")], folds=False) == "the content of b differs"
