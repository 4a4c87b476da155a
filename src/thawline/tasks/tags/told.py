"""Samples that can have several labels: which are told, who has which, and what a fit of them says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thawline.data.class_report import FEW_GROUPS
from thawline.data.groups import Grouping
from thawline.decisions.label_thresholds import NOTHING_FITTED, THRESHOLDS, fit_label_thresholds
from thawline.errors import UserError
from thawline.fitting.folds import Fold
from thawline.runs.predictions import Predictions, Tags
from thawline.targets.predicted import compare_baseline, judge_said
from thawline.targets.tags import examine_tags, most_usual

if TYPE_CHECKING:
    from thawline.fitting.feature_set import FeatureSet
    from thawline.fitting.methods import FittedTail
    from thawline.fitting.tail import Tail

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Told:
    """The labels that are told of N samples.

    Attributes:
        names: The L labels, sorted, or in the order of a finished run.
        true: Which of them each sample has, at least one, [N, L].
        strata: The label by which a sample is dealt out in a split, [N].
        rare: How many groups each label has that is left out as too rare.
        fewest: On how many a label must be.
        unknown: How many groups each label has that a finished run, whose labels are taken, does not tell.
    """

    names: tuple[str, ...]
    true: BoolArray
    strata: NDArray[np.int64]
    rare: Mapping[str, int]
    fewest: int = field(default=FEW_GROUPS, kw_only=True)
    unknown: Mapping[str, int] = field(default_factory=dict, kw_only=True)

    @property
    def sets(self) -> BoolArray:
        """The sets of labels that there are, [sets, L], which the targets of a feature set number."""
        return self._numbered[0]

    def numbered(self, samples: FeatureSet, indices: NDArray[np.int64]) -> FeatureSet:
        """`samples`, which are of `indices`, with the number of each one's set of labels for its target."""
        numbers = self._numbered[1][indices]
        return replace(samples, targets=numbers if samples.owners is None else numbers[samples.owners])

    def most_frequent(self, fold: Fold) -> NDArray[np.int64]:
        """Of each sample that `fold` holds out, the label that most have of those that are trained on."""
        return np.full(len(fold.test), int(self.shares(fold).argmax()), dtype=np.int64)

    def settle(
        self, fit: FittedTail, fresh: Callable[[], Tail], inner: FeatureSet | None, earlier: Sequence[FittedTail]
    ) -> FittedTail:
        """`fit` with a threshold for each label.

        That is what the method fitted, or the best for its F1 on inner samples, or the median of the folds'.

        Args:
            fit: What was fitted.
            fresh: Gives a tail that can take the state of `fit`.
            inner: Samples that the fit was not trained on; None: there are none.
            earlier: The fits of the folds, where all is fitted at the end.
        """
        values = np.full(len(self.names), NOTHING_FITTED)
        if THRESHOLDS in fit.chosen:
            values = np.array(fit.chosen[THRESHOLDS])
        elif inner is not None:
            from thawline.fitting.tail import predict  # late: a check of the labels needs no PyTorch

            tail = fresh()
            tail.load_state_dict(fit.state)
            first = slice(None) if inner.owners is None else np.unique(inner.owners, return_index=True)[1]
            values = fit_label_thresholds(self.sets[inner.targets[first]], predict(tail, inner))
        elif earlier:
            values = np.median([[one.chosen[THRESHOLDS][name] for name in self.names] for one in earlier], axis=0)
        return replace(fit, chosen={**fit.chosen, THRESHOLDS: dict(zip(self.names, values.tolist(), strict=True))})

    def tags(self, fold: Fold, probabilities: NDArray[np.float32], fit: FittedTail) -> Tags:
        """The labels of the samples that `fold` holds out, those that reach their thresholds, and the most usual."""
        thresholds = np.array([fit.chosen[THRESHOLDS][name] for name in self.names])
        usual = most_usual(self.shares(fold))
        true = self.true[fold.test]
        # In double precision: rounded to single, a threshold could fall on the score below it.
        return Tags(true, probabilities.astype(np.float64) >= thresholds, np.broadcast_to(usual, true.shape).copy())

    def shares(self, fold: Fold) -> NDArray[np.float64]:
        """The share of the samples of `fold` that have each label, [L].

        Of those that are judged where none are trained on: no other labels do better on these.
        """
        shares: NDArray[np.float64] = self.true[fold.train if len(fold.train) else fold.test].mean(axis=0)
        return shares

    def examine(self, judged: Sequence[tuple[Fold, FittedTail]], predictions: Predictions) -> dict[str, Any]:
        """F1 and average precision over the labels and of each, thresholds, and labels not learnt, as plain JSON."""
        absent = {fold.name: self._absent(fold) for fold, _ in judged}
        return {
            **tag_figures(predictions),
            THRESHOLDS: {fold.name: fit.chosen[THRESHOLDS] for fold, fit in judged},
            "not_trained_on": {name: labels for name, labels in absent.items() if labels},
        }

    def rarity(self) -> list[str]:
        """A warning for each reason why labels are left out, in a list; none where none are."""
        rare = f"they are on fewer than {self.fewest} groups"
        return [
            f"Labels left out, since {reason}: "
            f"{', '.join(f'{name!r} ({count})' for name, count in sorted(labels.items()))}."
            for reason, labels in ((rare, self.rare), ("the model does not know them", self.unknown))
            if labels
        ]

    @cached_property
    def _numbered(self) -> tuple[BoolArray, NDArray[np.int64]]:
        """The sets of labels that there are, [sets, L], and the set of each sample, [N]."""
        sets, numbers = np.unique(self.true, axis=0, return_inverse=True)
        return sets, numbers.reshape(-1).astype(np.int64)

    def _absent(self, fold: Fold) -> list[str]:
        """The labels that no sample has that `fold` trains on."""
        return [self.names[i] for i in np.flatnonzero(self.true[fold.train].sum(axis=0) == 0)]


def choose_labels(
    groups: Mapping[str, int],
    fewest: int,
    *,
    wanted: Sequence[str] | None,
    known: Sequence[str] | None,
    where: Path,
    noun: str,
) -> tuple[tuple[str, ...], dict[str, int], dict[str, int]]:
    """The labels that are told, and on how many groups is each that is too rare, and each that is not `known`.

    Args:
        groups: How many each label is on, in the order of the labels.
        fewest: That a label must be on.
        wanted: Take only these; None: all.
        known: Those of a finished run, which are taken as they are; None: there is none.
        where: The collection.
        noun: What it holds.

    Raises:
        UserError: A wanted label is on nothing, or fewer than two labels are on enough groups.
    """
    if absent := sorted(name for name in wanted or () if not groups.get(name)):
        raise UserError(f"{where} has no usable {noun} with the label {absent[0]!r}; it has {', '.join(groups)}")
    asked = [name for name in groups if wanted is None or name in wanted]
    kept = tuple(known) if known is not None else tuple(name for name in asked if groups[name] >= fewest)
    if len(kept) < 2:
        raise UserError(
            f"data.labels=several needs at least two labels on {fewest} groups of {noun}s each, and {where} has: "
            f"{', '.join(f'{name} {groups[name]}' for name in asked)}"
        )
    others = {name: groups[name] for name in asked if name not in kept}
    return (kept, others, {}) if known is None else (kept, {}, others)


def tag_figures(p: Predictions) -> dict[str, Any]:
    """F1 and average precision over the labels of `p` and of each, beside the base rates, as plain JSON."""
    assert p.tags is not None  # noqa: S101  # the caller says so
    test = compare_baseline(p, "what was said", "the most usual")
    return examine_tags(judge_said(p), test, p.tags, p.probabilities, p.groups)


def count_groups(member: BoolArray, grouping: Grouping) -> int:
    """How many groups the samples make that are a `member`, [N]."""
    return len(np.unique(grouping.ids[member]))


def choose_strata(own: Sequence[Sequence[int]], labels: int, grouping: Grouping, fewest: int) -> NDArray[np.int64]:
    """The first of each sample's labels that is the first of enough groups for every fold to have some, [N].

    A sample that has no such label is dealt out with the label that is the first of most groups.

    Args:
        own: Each sample's labels in its own order, at least one, as indices.
        labels: How many there are.
        grouping: Of the samples.
        fewest: Groups that are enough.
    """
    first = np.array([each[0] for each in own], dtype=np.int64)
    sizes = np.array([count_groups(first == i, grouping) for i in range(labels)])
    enough = set(np.flatnonzero(sizes >= fewest).tolist())
    most = int(sizes.argmax())
    return np.array([next((i for i in each if i in enough), most) for each in own], dtype=np.int64)
