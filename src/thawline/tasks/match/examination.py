"""What is said of image–text pairs besides accuracy: ranking, difficulty, retrieval, what was learnt by heart."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch

from thawline.data.pairs.graph import Grouping
from thawline.data.pairs.table import Pair
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.tail import predict
from thawline.judging.intervals import Estimate, FloatArray, proportion
from thawline.judging.ranking import average_precision, best_ranks, recall_at, roc_auc
from thawline.runs.predictions import Predictions
from thawline.tasks.match.fitted import cosines, embed
from thawline.tasks.match.problem import MatchProblem

# Learnt pairs are many and the gap is rough: more of them would not change what is said.
_MOST_LEARNT = 2000
_MOST_RETRIEVED = 5000  # images and texts of a fold whose similarity is held in memory


def examine_pairs(
    problem: MatchProblem, judged: Sequence[tuple[Fold, FittedTail]], predictions: Predictions, device: torch.device
) -> dict[str, Any]:
    """All of it as plain JSON; each number with its interval over groups.

    Args:
        problem: The pairs.
        judged: The folds that were judged, with what was fitted for each; none where only `predictions` are there.
        predictions: What was said of the pairs that were held out.
        device: What to compute on.
    """
    return {
        **examine_answers(problem, predictions),
        "zero_shot": _zero_shot(problem, judged, predictions),
        "set_aside": {fold.name: _set_aside(problem, fold) for fold, _ in judged},
        "thresholds": {fold.name: fit.chosen["threshold"] for fold, fit in judged},
        "retrieval": _retrieval(problem, judged),
        "learnt": _learnt(problem, judged, predictions, device),
    }


class AnsweredPairs(Protocol):
    """Pairs of which something was said."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each is called."""

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs."""

    @property
    def grouping(self) -> Grouping:
        """Which may not be parted."""


def examine_answers(answered: AnsweredPairs, predictions: Predictions) -> dict[str, Any]:
    """`examine_pairs` where nothing is known but the answers."""
    p = predictions
    # Of the pairs that are judged: no one answer does better on them.
    majority = int(np.bincount(p.labels, minlength=2).argmax())
    return {
        "majority": {"answer": p.classes[majority], "accuracy": _json(proportion(p.labels == majority, p.groups))},
        **_ranking(p, p.probabilities[:, 1].astype(np.float64)),
        "zero_shot": None,
        "groups": "components" if answered.grouping.whole else "images",
        "set_aside": {},
        "thresholds": {},
        "by_difficulty": _by_difficulty(answered, p),
        "retrieval": None,
        "learnt": None,
    }


def _ranking(p: Predictions, scores: FloatArray) -> dict[str, Any]:
    return {
        "roc_auc": _json(roc_auc(p.labels, scores, p.groups)),
        "average_precision": _json(average_precision(p.labels, scores, p.groups)),
    }


def _zero_shot(
    problem: MatchProblem, judged: Sequence[tuple[Fold, FittedTail]], p: Predictions
) -> dict[str, Any] | None:
    """How well pretrained CLIP ranks the same pairs; None where the run is not compared with it."""
    found: dict[str, float] = {}
    for fold, fit in judged:
        tail = problem.zero_shot(fit)
        if tail is None:
            return None
        cosine = cosines(tail, problem.samples(fold.test))
        found |= zip((problem.names[i] for i in fold.test), cosine.tolist(), strict=True)
    return _ranking(p, np.array([found[path] for path in p.paths])) if found else None


def _set_aside(problem: MatchProblem, fold: Fold) -> int:
    """How many pairs `fold` neither trains on nor judges, since their texts are on another side."""
    inner = () if fold.inner is None else fold.inner
    return len(problem.labels) - len(np.unique(np.concatenate([fold.train, fold.test, inner])))


def _by_difficulty(answered: AnsweredPairs, p: Predictions) -> dict[str, Any]:
    """How well each difficulty's pairs are told; a mismatch's difficulty says how near it is to a match."""
    difficulty = dict(zip(answered.names, (pair.difficulty or "" for pair in answered.pairs), strict=True))
    named = np.array([difficulty[path] for path in p.paths])
    found = {}
    for name in sorted(set(named.tolist()) - {""}):
        rows = np.flatnonzero(named == name)
        right = p.said[rows] == p.labels[rows]
        found[name] = {"pairs": len(rows), "accuracy": _json(proportion(right, p.groups[rows]))}
    return found


def _retrieval(problem: MatchProblem, judged: Sequence[tuple[Fold, FittedTail]]) -> dict[str, Any] | None:
    """How often the right text of an image, and the right image of a text, is among the first 1, 5 and 10 held out.

    None where no image has a true text among those held out, or where these are too many to compare with each other.
    """
    ranks: dict[str, list[np.ndarray]] = {"image_to_text": [], "text_to_image": []}
    groups: dict[str, list[np.ndarray]] = {"image_to_text": [], "text_to_image": []}
    candidates: list[tuple[int, int]] = []
    for fold, fit in judged:
        samples = problem.samples(fold.test)
        matches = fold.test[problem.labels[fold.test] == 1]
        images, image_at = np.unique(problem.surveyed.checked.images[fold.test], return_index=True)
        texts, text_at = np.unique(problem.surveyed.checked.texts[fold.test], return_index=True)
        if not len(matches) or max(len(images), len(texts)) > _MOST_RETRIEVED:
            return None
        tail = problem.tail()
        tail.load_state_dict(fit.state)
        image_vectors, text_vectors = embed(tail, samples)
        similarity = (image_vectors[image_at] @ text_vectors[text_at].T).double().numpy()
        right = np.zeros(similarity.shape, dtype=bool)
        pairs = problem.surveyed.checked.images[matches], problem.surveyed.checked.texts[matches]
        right[np.searchsorted(images, pairs[0]), np.searchsorted(texts, pairs[1])] = True
        for name, sims, hits, at in (
            ("image_to_text", similarity, right, image_at),
            ("text_to_image", similarity.T, right.T, text_at),
        ):
            asked = np.flatnonzero(hits.any(axis=1))
            ranks[name].append(best_ranks(sims[asked], hits[asked]))
            groups[name].append(problem.groups[fold.test][at[asked]])
        candidates.append((len(images), len(texts)))
    if not candidates:
        return None
    found: dict[str, Any] = {
        name: {
            str(depth): _json(estimate)
            for depth, estimate in recall_at(np.concatenate(ranks[name]), np.concatenate(groups[name])).items()
        }
        for name in ranks
    }
    return {**found, "images": [one[0] for one in candidates], "texts": [one[1] for one in candidates]}


def _learnt(
    problem: MatchProblem, judged: Sequence[tuple[Fold, FittedTail]], p: Predictions, device: torch.device
) -> dict[str, Any] | None:
    """Accuracy on the training side beside that on the pairs held out: the gap is what was learnt by heart."""
    right, count = 0, 0
    for fold, fit in judged:
        chosen = np.random.default_rng(0).permutation(fold.train)[:_MOST_LEARNT]
        samples: FeatureSet = problem.samples(np.sort(chosen))
        tail = problem.tail()
        tail.load_state_dict(fit.state)
        said = problem.answers(predict(tail, samples, device), fit)
        right += int((said == samples.targets).sum())
        count += len(samples)
    if not count:
        return None
    held = float((p.said == p.labels).mean())
    return {"train_accuracy": right / count, "held_out_accuracy": held, "gap": right / count - held}


def _json(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else estimate.to_json()
