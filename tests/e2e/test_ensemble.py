"""Real runs on the sample, joined from the command line."""

import numpy as np
import pytest

from thawline.decisions.temperature import calibrated, fit_temperature
from thawline.runs.predictions import read_predictions

pytestmark = pytest.mark.usefixtures("shared_store")
TINY = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "refit=false")


def test_runs_are_joined_judged_and_compared(thawline, sample):
    thawline("train", sample, *TINY, "method=zero_shot", "cv=3")
    thawline("train", sample, *TINY, "method=logistic", "method.c=[1]", "cv=3")
    thawline("train", sample, *TINY, "method=linear", "method.epochs=5", "cv=3")
    runs = thawline.runs()
    thawline("ensemble", *runs)
    (joined,) = thawline.runs("ensemble")
    facts = thawline.metrics("ensemble")
    said = read_predictions(joined / "predictions.parquet")
    members = [read_predictions(run / "predictions.parquet") for run in runs]
    assert said.paths == members[0].paths

    # One fold by hand: temperatures by the other folds, and the weights that the file gives.
    mine = np.array(said.folds) == "fold0"
    by_hand = np.zeros((mine.sum(), len(said.classes)))
    for member, weight in zip(members, facts["weights_by_fold"]["fold0"], strict=True):
        value = fit_temperature(member.labels[~mine], member.probabilities[~mine], "out-of-fold").value
        by_hand += weight * calibrated(member.probabilities[mine], value)
    assert np.abs(by_hand - said.probabilities[mine]).max() < 1e-5

    # Five epochs are not enough for the last, so it has next to no say.
    weights = [one["weight"] for one in facts["components"]]
    assert sum(weights) == pytest.approx(1)
    assert weights[2] < 0.1
    best = max(one["judged"]["accuracy"]["value"] for one in facts["components"])
    assert facts["judged_baseline"]["accuracy"]["value"] == best
    printed = thawline("compare", joined, *runs)
    assert "ensemble (fitted weights)" in printed
    assert "is a run of 'thawline ensemble', which fits nothing" in thawline.refused("export", joined)
