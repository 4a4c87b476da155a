from dataclasses import replace

import numpy as np
import pytest

from thawline.runs.predictions import Scores, join_predictions, read_predictions, scored_predictions, write_predictions
from thawline.targets.predicted import (
    compare_baseline,
    compare_said,
    judge_baseline,
    judge_said,
    same_truth,
    worst_mistakes,
)


def made(said=(1.5, 2.0, 2.5, 5.0)):
    true = np.array([1.0, 2.0, 3.0, 4.0])
    scores = Scores(true, np.array(said), np.full(4, true.mean()))
    return scored_predictions(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], np.arange(4), ["fold0"] * 4, scores)


def test_errors_are_judged_in_the_unit_of_the_scores_the_baseline_without_an_order():
    judged, baseline = judge_said(made()), judge_baseline(made())
    assert judged.headline == "mae"
    assert judged.score.value == 0.5
    assert list(judged.to_json()["classes"]) == []
    assert [name for name, _ in judged.figures()] == ["mae", "rmse", "r2", "spearman"]
    assert [name for name, _ in baseline.figures()] == ["mae", "rmse", "r2"]
    assert (baseline.score.value, dict(baseline.figures())["r2"].value) == (1.0, 0.0)


def test_the_least_error_has_the_greatest_merit_and_of_equal_ones_the_least_squared():
    better, worse = made((1.5, 2.5, 3.5, 4.5)), made((1.0, 2.0, 3.0, 6.0))
    assert judge_said(better).score.value == judge_said(worse).score.value == 0.5
    assert judge_said(better).merit > judge_said(worse).merit > judge_said(made((9.0,) * 4)).merit


def test_answers_are_compared_by_their_errors_and_the_worst_stand_first():
    perfect = made((1.0, 2.0, 3.0, 4.0))
    assert compare_said(perfect, made(), "perfect", "made").difference.value == 0.5
    assert compare_baseline(perfect, "perfect", "training mean").difference.value == 1.0
    assert [(one.path, one.true, one.said) for one in worst_mistakes(made(), 2)] == [
        ("d.jpg", ("4.00",), ("5.00",)),
        ("a.jpg", ("1.00",), ("1.50",)),
    ]
    assert worst_mistakes(perfect, 2) == []
    assert same_truth(perfect, made())


def test_a_file_gives_back_what_was_written(tmp_path):
    parts = [replace(made().subset(np.array(rows)), folds=(name,) * 2) for name, rows in (("b", [2, 0]), ("a", [1, 3]))]
    joined = join_predictions(parts)
    write_predictions(tmp_path / "predictions.parquet", joined)
    read = read_predictions(tmp_path / "predictions.parquet")
    assert read.paths == ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    assert (read.folds, read.classes) == (("b", "a", "b", "a"), ())
    for name in ("true", "said", "baseline"):
        np.testing.assert_array_equal(getattr(read.scores, name), getattr(joined.scores, name))
    assert judge_said(read).to_json() == judge_said(made()).to_json()
    assert read.scores.errors.tolist() == pytest.approx([0.5, 0.0, 0.5, 1.0])
