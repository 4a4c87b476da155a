"""What weighs the sources, and what it is worth: each fold is judged by what the others chose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from thawline.decisions.label_thresholds import NOTHING_FITTED
from thawline.tasks.library.tagging.evidence import CO_OCCURRENCE, TEXT, Array
from thawline.tasks.library.tagging.fusing import Weights, fit_thresholds, fit_weights, sets_of
from thawline.tasks.library.tagging.text import STRENGTHS, choose
from thawline.tasks.library.tagging.trying import IntArray, Material, Tried, try_sources

FOLDS: Final = 5
MOST_JUDGED: Final = 5000  # entries of a library up to which all folds are judged; of a larger one two are
MOST_OF_FOLD: Final = 1500  # entries that are judged


@dataclass(frozen=True)
class FoldResult:
    """What came of the entries of one fold.

    Attributes:
        tried: What the sources say of them.
        probabilities: [m, t] of each set of sources; NaN where one of these has nothing to go by.
        thresholds: [t] by which tags were suggested.
    """

    tried: Tried
    probabilities: Mapping[tuple[str, ...], Array]
    thresholds: Array


@dataclass(frozen=True)
class Fused:
    """What is used of new entries.

    Attributes:
        strength: Of the text's penalty.
        weights: Of each set of sources.
        thresholds: [t] from which probability on a tag is suggested.
    """

    strength: float
    weights: tuple[Weights, ...]
    thresholds: Array


def judge_folds(material: Material) -> tuple[Fused, list[FoldResult]]:
    """Judge the folds, and weigh the sources by all that they said of entries that they did not learn from."""
    count = FOLDS if len(material.folds) <= MOST_JUDGED else 2
    judged: list[FoldResult] = []
    losses = []
    for fold in range(count):
        inner, outer = (_some(np.flatnonzero(material.folds == one)) for one in ((fold + 1) % FOLDS, fold))
        each = try_sources(material, inner, (fold, (fold + 1) % FOLDS), STRENGTHS)
        losses.append(np.array([_loss(tried) for tried in each]))
        best = choose(losses[-1:])
        chosen = _weigh([each[STRENGTHS.index(best)]], best)
        (tried,) = try_sources(material, outer, (fold,), (best,))
        judged.append(FoldResult(tried, _probabilities(chosen.weights, tried), chosen.thresholds))
    return _weigh([one.tried for one in judged], choose(losses), judged), judged


def _weigh(tried: Sequence[Tried], strength: float, judged: Sequence[FoldResult] = ()) -> Fused:
    """Weights by what was said of the entries of `tried`; thresholds by what `judged` made of it, or else they do."""
    fitted = (_fit(sources, tried) for sources in sets_of(list(tried[0].spoken)))
    weights = tuple(one for one in fitted if one is not None)
    if not weights:
        return Fused(strength, (), np.full(tried[0].true.shape[1], NOTHING_FITTED))
    widest = max(weights, key=lambda one: (CO_OCCURRENCE not in one.sources, len(one.sources))).sources
    if judged and not all(widest in one.probabilities for one in judged):
        judged = ()
    said = [one.probabilities[widest] for one in judged] or [_probabilities(weights, one)[widest] for one in tried]
    true, asked = np.concatenate([one.true for one in tried]), np.concatenate([~np.isnan(one) for one in said])
    return Fused(strength, weights, fit_thresholds(np.concatenate(said), true, asked))


def _fit(sources: tuple[str, ...], tried: Sequence[Tried]) -> Weights | None:
    own = [(one, one.where(sources)) for one in tried]
    numbers = np.concatenate([one.evidence.rows(rows).of(sources) for one, rows in own])
    true = np.concatenate([one.true[rows] for one, rows in own])
    asked = np.concatenate([one.asked(sources)[rows] for one, rows in own])
    return fit_weights(sources, numbers, true, asked)


def _probabilities(weights: Sequence[Weights], tried: Tried) -> dict[tuple[str, ...], Array]:
    said = {}
    for one in weights:
        own = one.probabilities(tried.evidence)
        own[np.setdiff1d(np.arange(len(own)), tried.where(one.sources))] = np.nan
        own[~tried.asked(one.sources)] = np.nan
        said[one.sources] = own
    return said


def _some(rows: IntArray) -> IntArray:
    """No more entries than are judged, spread over the library."""
    return rows if len(rows) <= MOST_OF_FOLD else rows[np.linspace(0, len(rows) - 1, MOST_OF_FOLD).astype(np.int64)]


def _loss(tried: Tried) -> float:
    share = 1 / (1 + np.exp(-tried.evidence.prior))
    return float(np.square(tried.evidence.by[TEXT][..., 1] + share - tried.true).sum())
