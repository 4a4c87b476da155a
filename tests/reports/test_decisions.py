"""Runs with a decision of their own, and runs with several labels a sample: each surface goes by what they said."""

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.reports.made import FACTS, make_run, predictions

import thawline
from thawline.reports.gather import gather
from thawline.reports.page.document import draw_page
from thawline.runs.predictions import Tags
from thawline.targets.predicted import compare_said, judge_said

THREE = ("drums", "piano", "violin")


def threshold(said, value):
    """The same, deciding for the second class from a probability on."""
    return replace(said, decided=(said.probabilities[:, 1] >= value).astype(np.int64))


@pytest.fixture
def decided():
    """40 pairs whose threshold is not where the most probable class changes."""
    said = predictions(34)
    rows = np.arange(40)
    probabilities = said.probabilities.copy()
    probabilities[rows % 5 == 0] = (0.65, 0.35)
    return threshold(replace(said, probabilities=probabilities), 0.3)


def test_a_board_is_ranked_and_tested_by_the_runs_own_decisions(tmp_path, decided):
    other = replace(decided, decided=None)
    facts = {**FACTS, "kind": "pairs"}
    runs = [make_run(tmp_path / name, said, facts=facts) for name, said in (("own", decided), ("most", other))]
    comparison = gather(runs)
    (board,) = comparison.boards
    of = {line.entry.name: line for line in board.lines}
    for name, said in (("own", decided), ("most", other)):
        assert of[name].judgement.accuracy.value == np.mean(said.said == said.labels)
        assert of[name].judgement.confusion.counts.tolist() == judge_said(said).confusion.counts.tolist()
    assert of["own"].judgement.accuracy != of["most"].judgement.accuracy
    (second,) = (line for line in board.lines if line.against_best is not None)
    assert second.against_best == compare_said(
        *((decided, other) if second is of["own"] else (other, decided)),
        second.entry.name,
        board.lines[0].entry.name,
    )
    assert board.title == "Judged pairs"
    page = draw_page(comparison)
    tables = re.findall(r'<table class="confusion">.*?<tbody>(.*?)</tbody>', page)
    drawn = [[int(cell or 0) for cell in re.findall(r"<td[^>]*>(\d*)</td>", table)] for table in tables]
    assert drawn == [line.judgement.confusion.counts.ravel().tolist() for line in board.lines]
    frame = thawline.compare(*runs).frame
    assert frame["accuracy"].tolist() == [line.judgement.accuracy.value for line in board.lines]
    assert frame["roc_auc"][0] == judge_said(decided).own["roc_auc"].value


@pytest.fixture
def several():
    """40 tracks with one or two labels, and a tagger that says too much of some."""
    said = predictions(40, classes=THREE)
    true = np.eye(3, dtype=bool)[said.labels] | (np.arange(40)[:, None] % 4 == 0) & (np.arange(3) == 2)
    marked = true | (np.arange(40)[:, None] % 13 == 0)
    probabilities = (0.3 + 0.4 * marked).astype(np.float32)
    return replace(said, probabilities=probabilities, tags=Tags(true, marked, np.arange(3) == np.zeros((40, 1))))


def test_taggers_are_ranked_by_what_they_said_and_not_by_their_best_label(tmp_path, several):
    # The other's most probable labels are all right, but it never says a second one.
    tags = several.tags
    cautious = replace(
        several,
        probabilities=(np.eye(3)[several.labels] + 0.1).clip(0, 1).astype(np.float32),
        tags=replace(tags, said=np.eye(3, dtype=bool)[several.labels]),
    )
    assert judge_said(cautious).accuracy.value == 1 > judge_said(several).accuracy.value
    runs = [make_run(tmp_path / name, said) for name, said in (("cautious", cautious), ("generous", several))]
    comparison = gather(runs)
    (board,) = comparison.boards
    scores = {"cautious": cautious.tags.overlap.mean(), "generous": several.tags.overlap.mean()}
    assert board.headline == "overlap"
    assert [line.entry.name for line in board.lines] == ["generous", "cautious"]
    first, second = board.lines
    gain = scores[second.entry.name] - scores[first.entry.name]
    assert second.against_best.difference.value == pytest.approx(gain)
    assert first.against_baseline.difference.value == pytest.approx(
        scores[first.entry.name] - several.tags.baseline_overlap.mean()
    )
    page = draw_page(comparison)
    assert "Confusion matrix" not in page
    assert 'class="confusion"' not in page
    for figure in ("macro F1", "micro F1", "mean average precision", "average precision"):
        assert figure in page
    wrong = {path for path, one in zip(several.paths, several.tags.overlap, strict=True) if one < 1}
    for path in sorted(wrong)[:3]:
        assert path in page
    frame = thawline.compare(*runs).frame
    assert "accuracy" not in frame
    assert frame["overlap"].tolist() == [scores[line.entry.name] for line in board.lines]
    assert frame["macro_f1_low"][0] == first.judgement.macro_f1.low
