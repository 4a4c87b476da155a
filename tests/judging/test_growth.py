"""Power laws through what was measured, and forecasts by them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thawline.judging.growth import Growth, fit_laws, luck_of
from thawline.judging.intervals import Estimate

SIZES = np.array([2.0 ** (-k / 2) for k in range(6, -1, -1)])


def grown(values, resamples=None, half=0.05, luck=0.0, gained=(0.01, 0.005, 0.015)):
    rows = np.vstack([values, *([values] * 40 if resamples is None else resamples)])
    whole = Estimate(values[-1], values[-1] - half, min(1.0, values[-1] + half))
    return Growth(SIZES, values, whole, Estimate(*gained), luck, fit_laws(SIZES, rows))


@given(st.floats(0, 0.3), st.floats(0.01, 0.2), st.sampled_from((0.1, 0.35, 0.8, 1.5)))
def test_a_power_law_is_found_again(rest, factor, exponent):
    laws = fit_laws(SIZES, (1 - rest - factor * SIZES**-exponent)[None])
    for size in (1.0, 2.0, 10.0):
        assert laws.at(size)[0] == pytest.approx(1 - rest - factor * size**-exponent, abs=1e-6)
    assert laws.at(math.inf)[0] == pytest.approx(1 - rest, abs=1e-6)


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_whatever_was_measured_a_law_never_falls_nor_leaves_1(values):
    laws = fit_laws(SIZES, np.array([values]))
    at = [float(laws.at(size)[0]) for size in (1.0, 2.0, 4.0, 100.0, math.inf)]
    assert at == sorted(at)
    assert at[-1] <= 1 + 1e-12


def test_what_does_not_grow_is_forecast_as_it_is():
    flat = np.full(7, 0.8)
    growth = grown(flat)
    assert growth.forecast(10.0).value == pytest.approx(0.8)
    assert growth.forecast(math.inf).high == pytest.approx(0.85)
    falling = grown(np.linspace(0.9, 0.8, 7))
    assert falling.forecast(2.0).value == pytest.approx(falling.laws.at(1.0)[0])


def test_the_interval_adds_today_the_draw_and_the_gain_by_squares():
    rising = 1 - 0.1 * SIZES**-0.5
    resamples = [1 - factor * SIZES**-0.5 for factor in np.linspace(0.08, 0.12, 401)]
    growth = grown(rising, resamples, half=0.03)
    gain = 0.1 * (1 - 4**-0.5)
    value, width = 1 - 0.1 * 4**-0.5, 0.95 * 0.02 / 0.1 * gain
    told = growth.forecast(4.0)
    assert told.value == pytest.approx(value)
    assert told.low == pytest.approx(value - math.hypot(0.03, width), abs=1e-3)
    lucky = grown(rising, resamples, half=0.03, luck=0.02).forecast(4.0)
    assert lucky.low == pytest.approx(value - math.hypot(0.03, width, 1.96 * 0.02), abs=1e-3)
    assert growth.forecast(1.0).low == pytest.approx(0.9 - 0.03)
    said = growth.to_json()
    assert said["law"]["exponent"] == pytest.approx(0.5, abs=0.02)
    assert said["four_times"] == told.to_json()


def test_luck_is_the_spread_over_whole_collections():
    random = np.random.default_rng(0)
    found = []
    for _ in range(200):
        collection = random.random(400) < 0.3
        draws = [np.array([random.permutation(collection)[:100].mean() for _ in range(5)])]
        found.append(luck_of(np.array([0.25]), draws) ** 2)
    assert math.sqrt(np.mean(found)) == pytest.approx(math.sqrt(0.3 * 0.7 / 400), rel=0.1)
    assert luck_of(np.array([0.7, 1.0]), [np.zeros(5), np.zeros(1)]) == 0.0
