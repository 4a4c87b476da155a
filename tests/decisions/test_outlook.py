"""How many more samples a gate takes."""

import math

import numpy as np
import pytest
from tests.judging.test_growth import SIZES

from thawline.decisions.gates import MET, MISSED, UNDECIDABLE, Gate, Verdict
from thawline.decisions.outlook import FAR, MORE, NEVER, look_out
from thawline.errors import UserError
from thawline.judging.growth import Growth, fit_laws
from thawline.judging.intervals import Estimate, wilson

NAME = ("recall", "barat")


def growth(rest, factor, exponent=0.5, samples=400):
    """A figure that follows its law, judged by so many samples, and certain of its gain."""
    values = 1 - rest - factor * SIZES**-exponent
    low, high = wilson(np.array(values[-1]), np.array(float(samples)))
    whole = Estimate(float(values[-1]), float(low), float(high))
    return Growth(SIZES, values, whole, Estimate(0.02, 0.01, 0.03), 0.0, fit_laws(SIZES, np.vstack([values] * 50)))


def outlook(one, wanted, by="value", verdict=MISSED, samples=400):
    return look_out(Verdict(Gate(*NAME, wanted), one.whole, verdict, samples), by, {NAME: one}, 150)


def test_by_the_figure_it_takes_what_the_law_says():
    one = outlook(growth(0.0, 0.1), 0.94)
    # 0.1 s^-0.5 = 0.06 where s = 2.78.
    assert one.verdict == MORE
    assert one.more == pytest.approx(150 * ((0.1 / 0.06) ** 2 - 1), rel=0.02)
    assert one.fewest < one.more
    assert one.most is None  # today's interval is wide: at worst ten times as many would not do
    assert one.to_json()["more"] == one.more


def test_by_the_lower_bound_it_takes_samples_to_show_it_as_well():
    one = growth(0.03, 0.02, samples=200)
    low = outlook(one, 0.94, by="low", verdict=UNDECIDABLE, samples=200)
    assert one.whole.value > 0.94
    assert low.verdict == MORE
    size = low.more / 150 + 1
    bound = wilson(np.array(one.forecast(size).value), np.array(200 * size))[0]
    assert bound == pytest.approx(0.94, abs=0.002)


def test_what_is_met_takes_nothing_and_what_has_an_end_below_never_gets_there():
    assert outlook(growth(0.0, 0.05), 0.9, verdict=MET).verdict == MET
    never = outlook(growth(0.1, 0.02, samples=4000), 0.97, samples=4000)
    assert never.verdict == NEVER
    assert never.more is None
    assert never.growth.forecast(math.inf).high < 0.97
    far = outlook(growth(0.0, 0.1, exponent=0.15), 0.99)
    assert far.verdict == FAR
    assert far.more is None


def test_a_figure_that_is_not_forecast_is_refused():
    gate = Gate("roc_auc", None, 0.9)
    with pytest.raises(UserError, match=r"'ROC AUC' can't be forecast; what can be is recall"):
        look_out(Verdict(gate, None, MISSED, 10), "value", {NAME: growth(0, 0.1)}, 10)
