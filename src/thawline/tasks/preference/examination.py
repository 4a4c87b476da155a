"""What is said of a taste besides what is said of any two classes, as JSON and on screen."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from rich.console import Console

from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.judging.intervals import Estimate, proportion
from thawline.judging.ranking import roc_auc
from thawline.judging.wording import percent
from thawline.runs.predictions import Predictions
from thawline.screen import say
from thawline.tasks.preference.answers import ANSWERS, LIKE, SUPER_LIKE, guess_sentence, guesses
from thawline.tasks.preference.problem import PreferenceProblem

_DEPTHS = (10, 20)


def examine_preference(
    problem: PreferenceProblem,
    _judged: Sequence[tuple[Fold, FittedTail]],
    predictions: Predictions,
    _device: torch.device,
) -> dict[str, Any]:
    """What there is to say of `predictions`; see `tasks.capabilities.examine`."""
    answers = dict(zip(problem.names, problem.said, strict=True))
    return examine_answers([answers[path] for path in predictions.paths], predictions, problem.counts)


def examine_answers(answers: Sequence[str], p: Predictions, learnt: Mapping[str, int]) -> dict[str, Any]:
    """As plain JSON: how many of the photos at the top are liked, and whether super-likes stand above likes.

    Args:
        answers: Those of the photos that are judged.
        p: What was said of these.
        learnt: How many answers of each class the model has learnt from, or those of its like that are judged.
    """
    scores, liked = p.probabilities[:, p.classes.index(LIKE)].astype(np.float64), np.array(answers) != ANSWERS[0]
    order = np.argsort(-scores, kind="stable")
    majority = int(np.bincount(p.labels, minlength=len(p.classes)).argmax())
    super_liked = np.array([answer == SUPER_LIKE for answer in answers])
    above = roc_auc(super_liked[liked].astype(np.int64), scores[liked], p.groups[liked]) if liked.any() else None
    counts = Counter(answers)
    return {
        "majority": {
            "answer": p.classes[majority],
            "accuracy": proportion(p.labels == majority, p.groups).to_json(),
        },
        "answers": {answer: counts[answer] for answer in ANSWERS},
        "precision_at": {
            str(depth): proportion(liked[order[:depth]], p.groups[order[:depth]]).to_json()
            for depth in _DEPTHS
            if depth <= len(order)
        },
        "super_likes_above_likes": None if above is None else above.to_json(),
        "learnt": dict(learnt),
        "guess": guesses(learnt),
    }


def print_examined(examined: Mapping[str, Any], console: Console) -> None:
    """Show it."""
    for line in _lines(examined):
        say(console, line)


def _lines(examined: Mapping[str, Any]) -> Iterator[str]:
    top = [f"{_percent(one)} of the first {depth}" for depth, one in examined["precision_at"].items()]
    if top:
        yield f"liked, in the order of their scores: {'; '.join(top)}"
    if examined["super_likes_above_likes"]:
        yield f"a super-like stands above a like in {_percent(examined['super_likes_above_likes'])} of all pairs"
    if examined["guess"]:
        yield guess_sentence(examined["learnt"])


def _percent(estimate: Mapping[str, float]) -> str:
    return percent(Estimate(**estimate))
