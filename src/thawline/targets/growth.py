"""How the figures of a run with one class a sample grow with its training samples, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.judging.growth import Growth, fit_laws, luck_of
from thawline.judging.intervals import Estimate, FloatArray, IntArray, number_groups
from thawline.runs.predictions import Predictions

OF_A_CLASS = ("recall", "precision", "f1")
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", *OF_A_CLASS)
_RESAMPLES = 1000

# A figure by its name and, where it is of a class, that class's; None: of all together.
Figure = tuple[str, str | None]


def growth_of(
    sizes: Sequence[float], said: Sequence[Sequence[Predictions]], judged: Mapping[str, Any], seed: int
) -> dict[Figure, Growth]:
    """How each figure grows; one that is not known with the whole collection is left out.

    Groups of the judged samples are sampled with replacement, and at each size the draws of the training samples; each
    resample has a power law of its own.

    Args:
        sizes: Shares of the training samples that were fitted on, rising to 1, [S].
        said: What fits on these said of the same samples, by size and draw.
        judged: The judgement of the whole, as `metrics.json` has it.
        seed: Of the resampling.
    """
    random = np.random.default_rng([seed, 7])
    groups, count = number_groups(said[-1][0].groups)
    weights = np.ones((1 + _RESAMPLES, count))
    weights[1:] = random.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
    counts = np.stack([_mean_counts(draws, groups, weights, random) for draws in said], axis=1)
    drawn = [np.stack([_counts(one, groups, weights[:1])[0] for one in draws])[:, None] for draws in said]
    by_draw = [dict(_figures(one, said[-1][0].classes)) for one in drawn]
    at = np.asarray(sizes, dtype=np.float64)
    grown = {}
    for name, values in _figures(counts, said[-1][0].classes):
        found = (judged if name[1] is None else judged["per_class"][name[1]]).get(name[0])
        if found is None or not np.isfinite(values[0]).all():
            continue
        values = np.where(np.isfinite(values), values, values[0])
        luck = luck_of(at, [one[name][:, 0][np.isfinite(one[name][:, 0])] for one in by_draw])
        laws = fit_laws(at, values)
        grown[name] = Growth(at, values[0], Estimate(**found), _gained(at, values), luck, laws)
    return grown


def _mean_counts(
    draws: Sequence[Predictions], groups: IntArray, weights: FloatArray, random: np.random.Generator
) -> FloatArray:
    """Of each class the samples that are right, that are of it, and that were said to be: [1 + resamples, 3, classes].

    The first are the mean over the draws, the others that over draws sampled with replacement, of the groups'
    `weights` [1 + resamples, groups].
    """
    by_draw = np.stack([_counts(one, groups, weights) for one in draws])
    taken = random.integers(len(draws), size=(len(weights), len(draws)))
    taken[0] = np.arange(len(draws))
    means: FloatArray = by_draw[taken, np.arange(len(weights))[:, None]].mean(axis=1)
    return means


def _counts(p: Predictions, groups: IntArray, weights: FloatArray) -> FloatArray:
    classes = len(p.classes)
    cells = np.zeros((weights.shape[1], 3, classes))
    right = p.said == p.labels
    np.add.at(cells[:, 0], (groups[right], p.labels[right]), 1)
    np.add.at(cells[:, 1], (groups, p.labels), 1)
    np.add.at(cells[:, 2], (groups, p.said), 1)
    found: FloatArray = (weights @ cells.reshape(len(cells), -1)).reshape(-1, 3, classes)
    return found


def _figures(counts: FloatArray, classes: Sequence[str]) -> Iterator[tuple[Figure, FloatArray]]:
    """Each figure of counts [K, S, 3, classes], [K, S]; NaN where there is nothing to tell it by."""
    right, support, said = (counts[:, :, i] for i in range(3))
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, precision = right / support, right / said
        f1 = 2 * right / (support + said)
    there = support > 0
    yield ("accuracy", None), right.sum(axis=2) / support.sum(axis=2)
    yield ("balanced_accuracy", None), _mean(recall, there)
    yield ("macro_f1", None), _mean(f1, there)
    for number, name in enumerate(classes):
        for figure, values in zip(OF_A_CLASS, (recall, precision, f1), strict=True):
            yield (figure, name), values[:, :, number]


def _mean(values: FloatArray, there: NDArray[np.bool_]) -> FloatArray:
    """The mean over the classes that have samples."""
    mean: FloatArray = np.where(there, values, 0.0).sum(axis=2) / there.sum(axis=2)
    return mean


def _gained(sizes: FloatArray, values: FloatArray) -> Estimate:
    """What is gained from half the samples, or what was fitted on that is nearest to that, to all of them."""
    half = int(np.abs(sizes - 0.5).argmin())
    gains = values[:, -1] - values[:, half]
    low, high = (float(one) for one in np.quantile(gains[1:], (0.025, 0.975)))
    return Estimate(float(gains[0]), min(low, float(gains[0])), max(high, float(gains[0])))
