"""What suggestions are worth: how many of an entry's tags are among the first five, and what thresholds let through."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thawline.judging.intervals import mean_share, proportion
from thawline.judging.paired import compare_scores
from thawline.judging.ranking import recall_of_labels
from thawline.tasks.library.tagging.evidence import CO_OCCURRENCE, IMAGE, SOURCES, TEXT, Array
from thawline.tasks.library.tagging.learning import FoldResult
from thawline.tasks.library.tagging.trying import BoolArray, IntArray

DEPTH: Final = 5  # suggestions that are looked at
FREQUENT, FUSED = "frequent", "fused"

Shares = npt.NDArray[np.float64]


def figures_of(judged: Sequence[FoldResult], groups: IntArray, told: int) -> dict[str, Any]:
    """The figures, as plain JSON: of entries without tags, and of the other half of their tags where half is known.

    Args:
        judged: The folds.
        groups: [n] of all entries.
        told: How many tags are told.
    """
    rows = np.concatenate([one.tried.rows for one in judged])
    untagged = _recalls(judged, [one.tried.true for one in judged], without=(CO_OCCURRENCE,))
    completing = _recalls(judged, [one.tried.hidden for one in judged], without=())
    return {
        "tags": told,
        "entries": len(rows),
        "untagged": _table(untagged, groups[rows]),
        "half_of_the_tags_known": _table(completing, groups[rows]),
        "suggested": _suggested(judged, groups[rows]),
    }


def _recalls(judged: Sequence[FoldResult], wanted: Sequence[BoolArray], without: Sequence[str]) -> dict[str, Shares]:
    """By source, and fused, of each entry the share of the wanted tags among the first; NaN: it has none."""
    there = [source for source in SOURCES if source in judged[0].tried.spoken and source not in without]
    ways: dict[str, tuple[str, ...]] = {FREQUENT: (), **{source: (source,) for source in there}}
    if len(there) > 1:
        ways[FUSED] = tuple(there)
    recalls = {}
    for name, sources in ways.items():
        parts = []
        for one, tags in zip(judged, wanted, strict=True):
            scores = _best_said(one, sources)
            if CO_OCCURRENCE not in without:
                scores = np.where(one.tried.true & ~one.tried.hidden, -np.inf, scores)
            with np.errstate(invalid="ignore"):
                parts.append(recall_of_labels(tags, scores, DEPTH))
        recalls[name] = np.concatenate(parts)
    return recalls


def _best_said(judged: FoldResult, sources: Sequence[str]) -> Array:
    """[m, t] the probabilities of the most of these sources that speak of an entry; where none, how usual tags are."""
    prior = judged.tried.evidence.prior
    said = np.broadcast_to(1 / (1 + np.exp(-prior)), judged.tried.true.shape).copy()
    for some in sorted(judged.probabilities, key=len):
        if set(some) <= set(sources):
            own = judged.probabilities[some]
            speaks = ~np.isnan(own).all(axis=1)
            said[speaks] = np.nan_to_num(own[speaks], nan=-np.inf)
    return said


def _table(recalls: dict[str, Shares], groups: IntArray) -> dict[str, Any] | None:
    """Recall with intervals; tests of each source against frequency, and of all joined against each."""
    has = ~np.isnan(recalls[FREQUENT])
    if not has.any():
        return None
    recalls, groups = {name: own[has] for name, own in recalls.items()}, groups[has]
    spoken = {FREQUENT: "the most frequent tags", CO_OCCURRENCE: "co-occurrence", TEXT: "text", IMAGE: "image"}
    spoken[FUSED] = "all sources joined"
    sources = [name for name in recalls if name not in (FREQUENT, FUSED)]
    pairs = [(name, FREQUENT) for name in sources] + [(FUSED, name) for name in sources if FUSED in recalls]
    tests = {
        f"{a} against {b}": compare_scores(recalls[a], recalls[b], groups, name_a=spoken[a], name_b=spoken[b]).to_json()
        for a, b in pairs
    }
    own = {name: mean_share(each, groups).to_json() for name, each in recalls.items()}
    return {"entries": int(has.sum()), f"recall@{DEPTH}": own, "tests": tests}


def _suggested(judged: Sequence[FoldResult], groups: IntArray) -> dict[str, Any] | None:
    """Of entries without tags: how often what reaches its threshold is right, and is as probable as was said."""
    there = tuple(source for source in judged[0].tried.spoken if source != CO_OCCURRENCE)
    said = [_best_said(one, there) for one in judged]
    reached = np.concatenate([own >= one.thresholds for own, one in zip(said, judged, strict=True)])
    speaks = np.concatenate([np.any([one.tried.spoken[source] for source in there], axis=0) for one in judged])
    reached &= speaks[:, None]
    true = np.concatenate([one.tried.true for one in judged])
    entry, tag = np.nonzero(reached)
    if not len(entry):
        return None
    return {
        "precision": proportion(true[entry, tag], groups[entry]).to_json(),
        "recall": float(true[reached].sum() / max(true.sum(), 1)),
        "mean_probability": float(np.concatenate(said)[reached].mean()),
        "a_photo": float(reached.sum() / len(reached)),
        "none": float((~reached.any(axis=1)).mean()),
    }
