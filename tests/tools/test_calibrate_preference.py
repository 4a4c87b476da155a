"""The figures of `tools/calibrate_preference.py`, of answers that follow the probabilities and of those that do not."""

import numpy as np
import pytest
from scipy.special import expit, logit
from tools.calibrate_preference import Said, bias, brier, draw, error, interval, least_error, slope


@pytest.fixture
def right():
    """Answers that follow the probabilities, to within what 4,000 of them vary by."""
    rng = np.random.default_rng(0)
    like = rng.uniform(0.02, 0.98, 4000)
    return Said(like, (rng.random(4000) < like).astype(np.int64))


def test_what_is_right_has_no_error_but_that_of_chance(right):
    assert abs(bias(right)) < 1.5
    assert slope(right) == pytest.approx(1, abs=0.08)
    assert error(right) < 2 * least_error(right) < 4
    assert brier(right) == pytest.approx((right.like * (1 - right.like)).mean(), abs=0.01)


def test_what_is_too_sure_or_too_hopeful_is_told(right):
    sure = Said(expit(2 * logit(right.like)), right.liked)
    assert slope(sure) == pytest.approx(slope(right) / 2, rel=0.01)
    assert error(sure) > 3 * least_error(sure)
    assert bias(Said(np.minimum(right.like + 0.01, 1), right.liked)) == pytest.approx(bias(right) + 1, abs=0.01)


def test_an_interval_is_over_draws():
    draws = [Said(np.full(10, 0.5), np.full(10, liked)) for liked in (0, 1)]
    assert interval(bias, draws) == (0, -50, 50)


def test_a_draw_is_answered_with_mistakes_and_is_the_same_again(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(100):
            (tmp_path / "photos" / name / f"{number}.jpg").touch()
    for table in ("one.csv", "two.csv"):
        draw(tmp_path / "photos", "a", "b", 300, 0, tmp_path / table)
    text = (tmp_path / "one.csv").read_text()
    assert text == (tmp_path / "two.csv").read_text()
    rows = [row.split(",") for row in text.splitlines()[1:]]
    wrong = [path for path, said in rows if (said == "dislike") != ("/c/" in path)]
    assert len(rows) == 300
    assert 15 < len(wrong) < 45
    assert {said for path, said in rows if "/b/" in path} == {"super_like", "dislike"}
