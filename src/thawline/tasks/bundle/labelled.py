"""New samples whose answers are known, as a bundle is judged by them: what each task gives, and how it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from thawline.data.settings import DataSettings
from thawline.runs.predictions import Predictions, Scores, Tags, scored_predictions
from thawline.runs.split import SplitRow
from thawline.targets.tags import most_usual

FOLD = "bundle"  # what judges the samples, in the place of a fold's name


@dataclass(frozen=True, eq=False)
class Answers:
    """What a bundle says of samples.

    Attributes:
        probabilities: At its temperature, [n, classes]; of a sample that it can't use they mean nothing.
        problems: Why it can't use a sample, by its place.
        decided: The class that a threshold decides for, [n]; None: the most probable one.
        said: Which classes a sample is said to have, [n, classes]; None: each has one.
        scores: The true scores, and those that were said, [n] each, where samples have scores; None: they have classes.
    """

    probabilities: NDArray[np.float32]
    problems: Mapping[int, str]
    decided: NDArray[np.int64] | None = None
    said: NDArray[np.bool_] | None = None
    scores: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


class Labelled(Protocol):
    """N samples whose answers are known."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the bundle's classes; none where it gives scores."""

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each sample, relative to the collection's folder."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each sample, [N]; where there can be several, one of them."""

    @property
    def true(self) -> NDArray[np.bool_] | None:
        """Which classes each sample has where there can be several, [N, classes]; None: each has one."""

    @property
    def groups(self) -> NDArray[np.int64]:
        """Group of each sample, [N]."""

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON."""

    def related_to(self, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
        """Indices of the samples that are of one group with one of `rows`, which a bundle keeps of what it learnt."""

    @property
    def untold(self) -> Sequence[str]:
        """Sentences on what `related_to` could not tell."""

    def ask(self, indices: NDArray[np.int64]) -> Answers:
        """What the bundle says of the samples `indices`."""

    def examine(self, predictions: Predictions) -> dict[str, Any] | None:
        """What the task says of `predictions` besides what is said of any classes, as plain JSON; None: nothing."""


class Labeller(Protocol):
    """Reads the samples that a bundle of a task is judged by."""

    def __call__(self, bundle: Any, data: DataSettings, store: Path) -> Labelled:
        """Read `data` for `bundle`, with the facts of files that the feature store in `store` has.

        Raises:
            UserError: They can't be used, or have a class that the bundle does not know.
        """


def predict_labelled(
    labelled: Labelled, indices: NDArray[np.int64], usual: float | None
) -> tuple[Predictions, dict[str, str]]:
    """What the bundle says of the samples `indices`, and of those that it can't use why not, by name.

    Args:
        labelled: The samples.
        indices: Which.
        usual: The class that most of what the bundle was trained on has, or the mean of its scores; None: it is not
            known, and that of most of the samples is taken, or their mean. No one answer does better on these. Where
            there can be several classes it is always the most usual ones of the samples.
    """
    answers = labelled.ask(indices)
    usable = np.array([i for i in range(len(indices)) if i not in answers.problems], dtype=np.int64)
    judged = indices[usable]
    paths, folds = tuple(labelled.names[i] for i in judged), (FOLD,) * len(judged)
    problems = {labelled.names[indices[i]]: problem for i, problem in answers.problems.items()}
    if answers.scores is not None:
        own, said = (each[usable] for each in answers.scores)
        mean = usual if usual is not None or not len(own) else float(own.mean())
        scores = Scores(own, said, np.full(len(own), mean, dtype=np.float64))
        return scored_predictions(paths, labelled.groups[judged], folds, scores), problems
    labels, true = labelled.labels[judged], None if labelled.true is None else labelled.true[judged]
    if true is not None:
        usual = int(true.sum(axis=0).argmax())
    elif usual is None:
        usual = int(np.bincount(labels, minlength=1).argmax())
    predictions = Predictions(
        paths=paths,
        groups=labelled.groups[judged],
        labels=labels,
        folds=folds,
        probabilities=answers.probabilities[usable],
        baseline=np.full(len(judged), usual, dtype=np.int64),
        classes=labelled.classes,
        decided=None if answers.decided is None else answers.decided[usable],
        tags=None if true is None or answers.said is None else _tags(true, answers.said[usable]),
    )
    return predictions, problems


def _tags(true: NDArray[np.bool_], said: NDArray[np.bool_]) -> Tags:
    usual = most_usual(true.mean(axis=0)) if len(true) else np.zeros(true.shape[1], dtype=np.bool_)
    return Tags(true, said, np.broadcast_to(usual, true.shape).copy())
