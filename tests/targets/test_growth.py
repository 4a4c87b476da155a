"""The figures of growing parts are those of the judgement."""

from dataclasses import replace

import numpy as np
import pytest
from tests.reports.made import predictions

from thawline.targets.growth import growth_of
from thawline.targets.predicted import judge_said

CLASSES = ("beach", "family", "snow")


def said(share, seed, samples=180):
    """Predictions of which about a share is right."""
    p = predictions(samples, samples=samples, classes=CLASSES)
    wrong = np.random.default_rng(seed).random(samples) > share
    answers = np.where(wrong, (p.labels + 1) % 3, p.labels)
    return replace(p, probabilities=np.where(np.arange(3) == answers[:, None], 0.8, 0.1).astype(np.float32))


@pytest.fixture(scope="module")
def grown():
    sizes = [0.25, 0.35, 0.5, 0.7, 1.0]
    parts = [
        [said(0.6 + 0.3 * size**0.5, 10 * number + draw) for draw in range(3)] for number, size in enumerate(sizes)
    ]
    parts[-1] = [parts[-1][0]]
    return parts, growth_of(sizes, parts, judge_said(parts[-1][0]).to_json(), 0)


def test_each_figure_is_that_of_the_judgement(grown):
    parts, growths = grown
    judged = judge_said(parts[-1][0]).to_json()
    assert len(growths) == 3 + 3 * 3
    for (figure, label), growth in growths.items():
        found = (judged if label is None else judged["per_class"][label])[figure]
        assert growth.values[-1] == pytest.approx(found["value"])
        assert growth.whole.to_json() == found
    first = [judge_said(one).to_json() for one in parts[0]]
    assert growths["accuracy", None].values[0] == pytest.approx(np.mean([one["accuracy"]["value"] for one in first]))
    recalls = [one["per_class"]["snow"]["recall"]["value"] for one in first]
    assert growths["recall", "snow"].values[0] == pytest.approx(np.mean(recalls))


def test_what_half_gained_holds_the_difference_and_its_noise(grown):
    _, growths = grown
    gained = growths["accuracy", None].gained
    values = growths["accuracy", None].values
    assert gained.value == pytest.approx(values[-1] - values[2])
    assert gained.low < gained.value < gained.high
    assert 0.02 < gained.high - gained.low < 0.2
    assert growths["accuracy", None].luck > 0


def test_the_same_seed_gives_the_same_and_a_figure_that_is_not_known_is_left_out(grown):
    parts, growths = grown
    sizes = [0.25, 0.35, 0.5, 0.7, 1.0]
    judged = judge_said(parts[-1][0]).to_json()
    again = growth_of(sizes, parts, judged, 0)
    assert again["accuracy", None].forecast(2.0) == growths["accuracy", None].forecast(2.0)
    judged["per_class"]["snow"]["precision"] = None
    assert ("precision", "snow") not in growth_of(sizes, parts, judged, 0)
