"""How many of a photo's tags are among the first that are suggested, beside the most frequent ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.judging.intervals import mean_share
from thawline.judging.paired import compare_scores
from thawline.judging.ranking import recall_of_labels
from thawline.runs.predictions import Predictions
from thawline.tasks.library.problem import LibraryProblem

_DEPTH = 5


def examine_library(
    problem: LibraryProblem, judged: Sequence[tuple[Fold, FittedTail]], predictions: Predictions, _device: torch.device
) -> dict[str, Any] | None:
    """What there is to say of `predictions`; see `tasks.capabilities.examine`."""
    if predictions.tags is None:
        return None
    shares = {fold.name: problem.tagged.shares(fold) for fold, _ in judged}
    usual = np.stack([shares[name] for name in predictions.folds]) if shares else None
    return {**problem.tagged.examine(judged, predictions), **examine_ranking(predictions, usual)}


def examine_ranking(p: Predictions, usual: NDArray[np.float64] | None = None) -> dict[str, Any]:
    """The share of a photo's tags that are among its most probable ones, as plain JSON.

    Args:
        p: What was said.
        usual: The share of photos that have each tag, of those that each photo's model was trained on, [N, tags];
            None: it is not known, and that of the photos themselves is taken, which no ranking alike for all beats.
    """
    assert p.tags is not None  # noqa: S101  # the caller says so
    true = p.tags.true
    usual = np.broadcast_to(true.mean(axis=0), true.shape) if usual is None else usual
    suggested, frequent = recall_of_labels(true, p.probabilities, _DEPTH), recall_of_labels(true, usual, _DEPTH)
    test = compare_scores(suggested, frequent, p.groups, name_a="what was suggested", name_b="the most frequent tags")
    return {
        "recall_at": {
            str(_DEPTH): {
                "suggested": mean_share(suggested, p.groups).to_json(),
                "most_frequent": mean_share(frequent, p.groups).to_json(),
                "test": test.to_json(),
            }
        }
    }
