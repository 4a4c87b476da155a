"""The file of predictions: one row a sample that was judged, byte for byte the same for the same run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from thawline.errors import UserError
from thawline.files import write_atomically
from thawline.runs.columns import lists_of_texts, numbers, texts
from thawline.runs.digests import noted
from thawline.runs.reading import reading

PREDICTIONS_FILE = "predictions.parquet"
_PROBABILITY = "probability:"
_PEOPLE = "people"
_SCORE = "score"
_LISTS = ("labels", "predictions", "baselines")


@dataclass(frozen=True, eq=False)
class Tags:
    """Of samples that can have several classes: which they have. Each class is told by itself.

    Attributes:
        true: Which classes each sample has, at least one, [N, classes].
        said: Those whose probability reached their threshold, [N, classes].
        baseline: Those that the baseline said, [N, classes].
    """

    true: NDArray[np.bool_]
    said: NDArray[np.bool_]
    baseline: NDArray[np.bool_]

    @property
    def overlap(self) -> NDArray[np.float64]:
        """Of each sample the classes both true and said by those that are either (Jaccard), [N]."""
        return _jaccard(self.true, self.said)

    @property
    def baseline_overlap(self) -> NDArray[np.float64]:
        """The same of what the baseline said, [N]."""
        return _jaccard(self.true, self.baseline)

    def subset(self, rows: NDArray[np.int64]) -> "Tags":
        """Those of the samples in `rows`, in that order."""
        return Tags(self.true[rows], self.said[rows], self.baseline[rows])


@dataclass(frozen=True, eq=False)
class Scores:
    """Of samples that have a score, a number: what it is and what it was said to be.

    Attributes:
        true: The true score of each, [N].
        said: What it was said to be, [N].
        baseline: What the baseline said, [N].
    """

    true: NDArray[np.float64]
    said: NDArray[np.float64]
    baseline: NDArray[np.float64]

    @property
    def errors(self) -> NDArray[np.float64]:
        """The absolute error of each, [N]."""
        return np.abs(self.said - self.true)

    @property
    def baseline_errors(self) -> NDArray[np.float64]:
        """That of the baseline, [N]."""
        return np.abs(self.baseline - self.true)

    def subset(self, rows: NDArray[np.int64]) -> "Scores":
        """Those of the samples in `rows`, in that order."""
        return Scores(self.true[rows], self.said[rows], self.baseline[rows])


@dataclass(frozen=True)
class Predictions:
    """What a run said of each sample that it was judged on.

    Attributes:
        paths: Paths relative to the collection's folder.
        groups: Group of each sample, [N].
        labels: True class, [N]; with `tags` one of the true ones, by which the split was stratified.
        folds: Name of the fold that judged the sample.
        probabilities: [N, classes]; rows sum to 1, but with `tags` each is that of one class by itself.
        baseline: Class that the baseline said, [N].
        classes: Names of the classes.
        decided: Class that a threshold decided for, [N]; None: the most probable one.
        tags: All classes of each sample where there can be several; None: each has one.
        people: Whether each photo shows people, [N]; None: nobody looked.
        scores: The score of each sample; then there are no classes, `probabilities` has no column, and labels mean
            nothing. None: they have classes.
    """

    paths: tuple[str, ...]
    groups: NDArray[np.int64]
    labels: NDArray[np.int64]
    folds: tuple[str, ...]
    probabilities: NDArray[np.float32]
    baseline: NDArray[np.int64]
    classes: tuple[str, ...]
    decided: NDArray[np.int64] | None = None
    tags: Tags | None = None
    people: NDArray[np.bool_] | None = None
    scores: Scores | None = None

    @property
    def said(self) -> NDArray[np.int64]:
        """The class of each sample that is its answer, [N]."""
        if self.decided is not None:
            return self.decided
        said: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return said

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the answer is the true class, or one of the true ones, [N]."""
        return self._hits(self.said)

    @property
    def baseline_right(self) -> NDArray[np.bool_]:
        """The same of the baseline's answer, [N]."""
        return self._hits(self.baseline)

    def _hits(self, said: NDArray[np.int64]) -> NDArray[np.bool_]:
        right = said == self.labels if self.tags is None else self.tags.true[np.arange(len(said)), said]
        return np.asarray(right, dtype=np.bool_)

    def subset(self, rows: NDArray[np.int64]) -> "Predictions":
        """The predictions in `rows`, in that order."""
        return Predictions(
            paths=tuple(self.paths[i] for i in rows),
            groups=self.groups[rows],
            labels=self.labels[rows],
            folds=tuple(self.folds[i] for i in rows),
            probabilities=self.probabilities[rows],
            baseline=self.baseline[rows],
            classes=self.classes,
            decided=None if self.decided is None else self.decided[rows],
            tags=None if self.tags is None else self.tags.subset(rows),
            people=None if self.people is None else self.people[rows],
            scores=None if self.scores is None else self.scores.subset(rows),
        )


def join_predictions(parts: Sequence[Predictions]) -> Predictions:
    """The predictions of several folds as one, ordered by path, then by fold."""
    joined = Predictions(
        paths=tuple(path for part in parts for path in part.paths),
        groups=np.concatenate([part.groups for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        folds=tuple(fold for part in parts for fold in part.folds),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        baseline=np.concatenate([part.baseline for part in parts]),
        classes=parts[0].classes,
        decided=np.concatenate([part.said for part in parts]) if any(p.decided is not None for p in parts) else None,
        tags=_join_tags([part.tags for part in parts if part.tags is not None]),
        people=_join_people([part.people for part in parts if part.people is not None]),
        scores=_join_scores([part.scores for part in parts if part.scores is not None]),
    )
    places = list(zip(joined.paths, joined.folds, strict=True))
    return joined.subset(np.array(sorted(range(len(places)), key=places.__getitem__), dtype=np.int64))


def _jaccard(true: NDArray[np.bool_], said: NDArray[np.bool_]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = (true & said).sum(axis=1) / (true | said).sum(axis=1)
    return shares


def _join_tags(parts: Sequence[Tags]) -> Tags | None:
    if not parts:
        return None
    return Tags(
        true=np.concatenate([part.true for part in parts]),
        said=np.concatenate([part.said for part in parts]),
        baseline=np.concatenate([part.baseline for part in parts]),
    )


def _join_scores(parts: Sequence[Scores]) -> Scores | None:
    if not parts:
        return None
    return Scores(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("true", "said", "baseline")))


def _join_people(parts: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_] | None:
    return np.concatenate(parts) if parts else None


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write `predictions` as Parquet: path, group, label, prediction, baseline, fold, a probability for each class.

    Where a sample can have several classes there are lists of them too: labels, predictions, baselines. Where a
    detector looked for people, `people` says whether it found some. Of scores there are path, group, score, prediction,
    baseline and fold.
    """
    names = np.array(predictions.classes, dtype=object)
    scores = predictions.scores
    said: dict[str, pa.Array] = (
        {
            "label": texts(names[predictions.labels]),
            "prediction": texts(names[predictions.said]),
            "baseline": texts(names[predictions.baseline]),
        }
        if scores is None
        else {
            _SCORE: numbers(scores.true),
            "prediction": numbers(scores.said),
            "baseline": numbers(scores.baseline),
        }
    )
    columns: dict[str, pa.Array] = {
        "path": texts(predictions.paths),
        "group": numbers(predictions.groups),
        **said,
        "fold": texts(predictions.folds),
    }
    if predictions.tags is not None:
        for name, marked in zip(_LISTS, _marks(predictions.tags), strict=True):
            columns[name] = lists_of_texts([names[row].tolist() for row in marked])
    if predictions.people is not None:
        columns[_PEOPLE] = pa.array(predictions.people.tolist(), pa.bool_())
    for index, name in enumerate(predictions.classes):
        columns[f"{_PROBABILITY}{name}"] = numbers(predictions.probabilities[:, index])
    with noted(path):
        write_atomically(path, lambda beside: pq.write_table(pa.table(columns), beside))


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote.

    Raises:
        UserError: The file is absent or holds something else.
    """
    if not path.exists():
        raise UserError(f"{path.parent} holds no {path.name}; the run did not finish")
    with reading(path):
        with path.open("rb") as file:  # pyarrow opens no path that is not UTF-8
            # With threads of its own, pyarrow now and then aborts a process that ends soon after.
            table = pq.ParquetFile(file).read(use_threads=False)
        classes = tuple(name.removeprefix(_PROBABILITY) for name in table.column_names if name.startswith(_PROBABILITY))
        index = {name: i for i, name in enumerate(classes)}
        columns = table.to_pydict()
        if _SCORE in columns:
            return _read_scores(columns)
        said_of = [np.array(columns[f"{_PROBABILITY}{name}"], dtype=np.float32) for name in classes]
        probabilities = np.stack(said_of, axis=1)
        said = np.array([index[name] for name in columns["prediction"]], dtype=np.int64)
        return Predictions(
            paths=tuple(columns["path"]),
            groups=np.array(columns["group"], dtype=np.int64),
            labels=np.array([index[name] for name in columns["label"]], dtype=np.int64),
            folds=tuple(columns["fold"]),
            probabilities=probabilities,
            baseline=np.array([index[name] for name in columns["baseline"]], dtype=np.int64),
            classes=classes,
            decided=None if np.array_equal(said, probabilities.argmax(axis=1)) else said,
            tags=_read_tags(columns, index),
            people=np.array(columns[_PEOPLE], dtype=np.bool_) if _PEOPLE in columns else None,
        )


def scored_predictions(
    paths: Sequence[str],
    groups: NDArray[np.int64],
    folds: Sequence[str],
    scores: Scores,
    people: NDArray[np.bool_] | None = None,
) -> Predictions:
    """Predictions of samples that have a score, not a class."""
    nothing = np.zeros(len(paths), dtype=np.int64)
    return Predictions(
        paths=tuple(paths),
        groups=groups,
        labels=nothing,
        folds=tuple(folds),
        probabilities=np.zeros((len(paths), 0), dtype=np.float32),
        baseline=nothing,
        classes=(),
        people=people,
        scores=scores,
    )


def _read_scores(columns: Mapping[str, list[Any]]) -> Predictions:
    true, said, baseline = (np.array(columns[name], dtype=np.float64) for name in (_SCORE, "prediction", "baseline"))
    return scored_predictions(
        columns["path"],
        np.array(columns["group"], dtype=np.int64),
        columns["fold"],
        Scores(true, said, baseline),
        np.array(columns[_PEOPLE], dtype=np.bool_) if _PEOPLE in columns else None,
    )


def _marks(tags: Tags) -> tuple[NDArray[np.bool_], ...]:
    return tags.true, tags.said, tags.baseline


def _read_tags(columns: Mapping[str, list[Any]], index: Mapping[str, int]) -> Tags | None:
    """The lists of classes; None where the file has none."""
    if _LISTS[0] not in columns:
        return None
    marked = []
    for name in _LISTS:
        marks = np.zeros((len(columns[name]), len(index)), dtype=np.bool_)
        for row, some in zip(marks, columns[name], strict=True):
            row[[index[one] for one in some]] = True
        marked.append(marks)
    return Tags(*marked)
