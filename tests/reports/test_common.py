"""Runs that judged different samples of one collection, on those that they have in common."""

import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.reports.made import FACTS, make_run, predictions

import thawline
from thawline.errors import UserError
from thawline.reports.gather import gather
from thawline.reports.page.document import draw_page
from thawline.runs.predictions import Predictions, Tags, join_predictions
from thawline.runs.split import SplitRow, write_split
from thawline.targets.predicted import compare_said, judge_said

PAIRS = {**FACTS, "kind": "pairs"}


@pytest.fixture
def crossed():
    """What a run over folds said of all 40 samples."""
    return predictions(30)


@pytest.fixture
def held():
    """What another said of every third of them."""
    rows = np.arange(0, 40, 3)
    return predictions(38).subset(rows), rows


def test_a_hold_out_and_a_cross_validation_are_joined_on_their_common_samples(tmp_path, crossed, held):
    part, rows = held
    runs = [make_run(tmp_path / "cv", crossed), make_run(tmp_path / "held", part)]
    (board,) = gather(runs).boards
    first, second = board.lines
    assert (first.entry.name, second.entry.name) == ("held", "cv")
    assert first.judgement.score == judge_said(part).score
    assert second.judgement.score == judge_said(crossed.subset(rows)).score
    assert second.against_best == compare_said(crossed.subset(rows), part, "cv", "held")
    assert second.against_best.samples == len(rows) == 14
    assert first.entry.notes == ()
    assert second.entry.notes == ("cv judged 40 photos; its figures here are of the 14 in common.",)
    assert thawline.compare(*runs).frame["samples"].tolist() == [14, 14]


def test_names_are_matched_across_unicode_forms(tmp_path):
    """Their order differs: "é" stands behind "f", and "e" with an accent of its own before it."""
    runs = []
    for form, right in (("NFC", 40), ("NFD", 30)):
        names = [unicodedata.normalize(form, f"{'été' if i % 2 else 'fin'}/{i:02}.jpg") for i in range(40)]
        said = join_predictions([predictions(right, paths=names)])
        assert said.paths[0].startswith("fin" if form == "NFC" else "e")
        runs.append(make_run(tmp_path / form, said, photos=tmp_path / "photos"))
    decomposed = tmp_path / "photos" / unicodedata.normalize("NFD", "été")
    decomposed.mkdir(parents=True)
    for i in range(31, 40, 2):
        Image.new("RGB", (30, 20)).save(decomposed / f"{i}.jpg")
    comparison = gather(runs)
    (board,) = comparison.boards
    first, second = board.lines
    assert (first.entry.name, second.entry.name) == ("NFC", "NFD")
    assert (first.judgement.score.value, second.judgement.score.value) == (1, 0.75)
    assert second.against_best.samples == 40
    assert (first.entry.notes, second.entry.notes) == ((), ())
    assert draw_page(comparison, thumbnails=True).count("<img") > 0


def test_three_that_overlap_are_joined_on_what_all_have(tmp_path, crossed):
    parts = {"a": np.arange(0, 30), "b": np.arange(10, 40), "c": np.arange(20, 35)}
    runs = [make_run(tmp_path / name, crossed.subset(rows)) for name, rows in parts.items()]
    (board,) = gather(runs).boards
    assert {line.entry.predictions.paths for line in board.lines} == {crossed.paths[20:30]}
    assert all(line.judgement.samples == 10 for line in board.lines)


def test_in_a_folder_each_set_has_a_board_and_whoever_judged_more_is_in_it(tmp_path, crossed, held):
    part, _ = held
    make_run(tmp_path / "x" / "cv", crossed)
    make_run(tmp_path / "x" / "held", part)
    make_run(tmp_path / "x" / "also", part)
    make_run(tmp_path / "x" / "strange", predictions(8, samples=8, classes=("cat", "dog")))
    comparison = gather([tmp_path])
    boards = {tuple(sorted(line.entry.name for line in board.lines)): board for board in comparison.boards}
    assert set(boards) == {("also", "cv", "held"), ("cv",), ("strange",)}
    assert boards["also", "cv", "held"].lines[0].judgement.samples == 14
    # By itself a run's figures are those of its own file.
    (whole,) = boards["cv",].lines
    assert whole.judgement.score == judge_said(crossed).score
    assert whole.entry.notes == ()
    assert [board.title for board in comparison.boards] == [f"Judged photos, set {i} of 3" for i in (1, 2, 3)]


def test_runs_without_common_samples_are_refused_by_what_they_judged(tmp_path, crossed):
    a = make_run(tmp_path / "a", crossed.subset(np.arange(10)), facts=PAIRS)
    b = make_run(tmp_path / "b", crossed.subset(np.arange(5, 40)), facts=PAIRS)
    c = make_run(tmp_path / "c", crossed.subset(np.arange(20, 40)), facts=PAIRS)
    with pytest.raises(UserError, match=r"^the runs a and c judged different pairs, none of which all of them judged"):
        gather([a, c])
    with pytest.raises(UserError, match=r"^the runs a, b and c judged different pairs"):
        gather([a, b, c])
    (board,) = gather([a, b]).boards
    assert board.title == "Judged pairs"


def test_runs_that_disagree_about_what_is_so_are_refused(tmp_path, crossed, held):
    part, _ = held
    whole = make_run(tmp_path / "whole", crossed)
    flipped = Predictions(**{**vars(part), "labels": 1 - part.labels})
    with pytest.raises(UserError, match="runs whole and b can't be compared: they have other labels for some of the s"):
        gather([whole, make_run(tmp_path / "b", flipped)])
    named = Predictions(**{**vars(part), "classes": ("beach", "party")})
    with pytest.raises(UserError, match="they have other classes, such as 'party' of one of them alone"):
        gather([whole, make_run(tmp_path / "c", named)])
    marks = np.eye(2, dtype=bool)[part.labels]
    several = Predictions(**{**vars(part), "tags": Tags(marks, marks, marks)})
    with pytest.raises(UserError, match="they have other labels for some"):
        gather([whole, make_run(tmp_path / "d", several)])
    seeds = crossed.subset(np.repeat(np.arange(20), 2))
    with pytest.raises(UserError, match="e judged photos more than once, a time for each seed, and the other did not"):
        gather([whole, make_run(tmp_path / "e", seeds)])


def test_files_of_one_name_are_compared_only_if_they_are_the_same(tmp_path, crossed, held):
    """Rows of two data sets and photos of two months have the same names."""
    part, _ = held
    whole, other = make_run(tmp_path / "whole", crossed), make_run(tmp_path / "other", part)
    for run, p, content in ((whole, crossed, "a"), (other, part, "b")):
        write_split(run / "split.csv", [SplitRow(path, content * 64, "", "beach", 0, "") for path in p.paths])
    with pytest.raises(UserError, match=f"can't be compared: {crossed.paths[0]} is another file in each of them"):
        gather([whole, other])
    same = make_run(tmp_path / "same", crossed)
    write_split(same / "split.csv", [SplitRow(path, "b" * 64, "", "beach", 0, "") for path in crossed.paths])
    with pytest.raises(UserError, match="is another file in each of them"):
        gather([whole, same])
    write_split(other / "split.csv", [SplitRow(path, "a" * 64, "", "beach", 0, "") for path in part.paths])
    assert len(gather([whole, other]).boards) == 1


def test_what_is_said_of_another_systems_table_names_the_samples(tmp_path, crossed):
    run = make_run(tmp_path / "run", crossed, facts={**FACTS, "kind": "tracks"})
    rows = [f"{crossed.paths[i]},beach" for i in range(10)]
    (tmp_path / "api.csv").write_text("\n".join(["path,prediction", *rows, "nowhere.wav,beach"]))
    (board,) = gather([run], [tmp_path / "api.csv"]).boards
    (notes,) = (line.entry.notes for line in board.lines if not line.entry.certain)
    assert "api.csv has no row for 30 of 40 judged tracks; it is compared on the others." in notes
    assert "Rows of api.csv left out, as no run judged their tracks: 1." in notes


def test_what_is_named_is_judged_by_the_last_corrected_labels(tmp_path, held):
    """40 photos of two classes; corrections turn three of the labels, and a later table one more."""
    before, (part, rows) = predictions(30), held
    runs = [make_run(tmp_path / "before", before), make_run(tmp_path / "held", part)]
    labels = {}
    for name, turned in (("first", [0, 3, 5]), ("second", [0, 3, 5, 6])):
        labels[name] = before.labels.copy()
        labels[name][turned] = 1 - labels[name][turned]
        runs.append(make_run(tmp_path / name, replace(before, labels=labels[name])))
        (runs[-1] / "corrections.csv").write_text("path,label\n")
    (board,) = gather([runs[0], runs[2], runs[3]]).boards
    assert [line.entry.predictions.labels.tolist() for line in board.lines] == 3 * [labels["second"].tolist()]
    notes = {line.entry.name: line.entry.notes for line in board.lines}
    said = "is judged by the corrected labels of second: {} of the 40 photos in common had another label."
    assert notes == {"before": (f"before {said.format(4)}",), "first": (f"first {said.format(1)}",), "second": ()}

    # A run that judged some of them: what is counted are those that both judged.
    (board,) = gather([runs[1], runs[2]]).boards
    assert {tuple(line.entry.predictions.labels.tolist()) for line in board.lines} == {
        tuple(labels["first"][rows].tolist())
    }
    (note,) = [line.entry.notes[0] for line in board.lines if line.entry.name == "held"]
    assert "2 of the 14 photos in common had another label" in note

    # Without corrections, labels that differ are refused.
    (runs[2] / "corrections.csv").unlink()
    with pytest.raises(UserError, match="they have other labels for some of the same photos"):
        gather([runs[0], runs[2]])


def test_of_several_labels_the_corrected_ones_count_too(tmp_path):
    """Of 40 photos the corrections give three one more label; one of these is among those that the third run judged."""
    one = predictions(30)
    true = np.eye(2, dtype=np.bool_)[one.labels]
    more = true.copy()
    more[[0, 3, 5]] = True
    marks = np.eye(2, dtype=np.bool_)
    before, after = (replace(one, tags=Tags(each, marks[one.said], marks[one.baseline])) for each in (true, more))
    runs = [
        make_run(tmp_path / name, said)
        for name, said in (("before", before), ("after", after), ("part", before.subset(np.arange(4, 20))))
    ]
    with pytest.raises(UserError, match="they have other labels for some of the same photos"):
        gather(runs[:2])
    (runs[1] / "corrections.csv").write_text("path,label\n")
    (board,) = gather(runs[:2]).boards
    assert all(np.array_equal(line.entry.predictions.tags.true, more) for line in board.lines)
    notes = {line.entry.name: line.entry.notes for line in board.lines}
    said = "is judged by the corrected labels of after: {} of the {} photos in common had other labels."
    assert notes == {"before": (f"before {said.format(3, 40)}",), "after": ()}
    (board,) = gather([runs[2], runs[1]]).boards
    assert all(np.array_equal(line.entry.predictions.tags.true, more[4:20]) for line in board.lines)
    (note,) = [line.entry.notes[0] for line in board.lines if line.entry.name == "part"]
    assert note == f"part {said.format(1, 16)}"
