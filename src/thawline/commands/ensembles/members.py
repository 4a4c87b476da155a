"""Finished runs that are joined: read, checked to share one split, and brought to the same samples and classes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from thawline.data.tables.places import comparable
from thawline.decisions.ensemble import Deciding, Member
from thawline.decisions.threshold import DecisionSettings, Threshold
from thawline.errors import UserError
from thawline.runs.directory import read_config, read_status
from thawline.runs.finished import finished_run
from thawline.runs.predictions import Predictions
from thawline.runs.reading import read_record
from thawline.runs.split import SplitRow, read_split_rows, split_difference
from thawline.runs.sweep import INNER_FILE, is_sweep_directory, read_sweep, read_trial

_FITS = ("train", "sweep")


@dataclass(frozen=True, eq=False)
class MemberRun:
    """A finished run.

    Attributes:
        path: Its directory.
        name: What it is called; no two members share a name.
        task: Its task.
        predictions: Of its held-out samples.
        facts: What its `metrics.json` says.
        rows: Its split.
        unusable: Files that it could not use.
        decision: What its thresholds were fitted for; None where it answers by the most probable class.
    """

    path: Path
    name: str
    task: str
    predictions: Predictions
    facts: dict[str, Any]
    rows: tuple[SplitRow, ...]
    unusable: frozenset[str]
    decision: DecisionSettings | None


@dataclass(frozen=True)
class Missing:
    """A run that did not finish, and why."""

    path: Path
    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Aligned:
    """What the members said, sample by sample.

    Attributes:
        rows: The samples that were judged, by path; groups are numbered anew.
        classes: The classes of all members: those of the first, then what others add.
        labels: True class, [N].
        members: The members' probabilities.
        said: The class that each member's run said, [M, N]; -1 where it judged nothing.
    """

    rows: tuple[SplitRow, ...]
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    members: tuple[Member, ...]
    said: NDArray[np.int64]


def read_members(paths: Sequence[Path]) -> list[MemberRun | Missing]:
    """The runs in the order of `paths`; those that did not finish are said to be missing.

    Raises:
        UserError: A directory holds no run that can be joined, or one is named twice.
    """
    repeated = [path for path, count in Counter(path.resolve() for path in paths).items() if count > 1]
    if repeated:
        raise UserError(f"{repeated[0]} is named twice; name each run once and give it its weight")
    read = [_read(path) for path in paths]
    names = _names(read)
    return [
        Missing(one.path, name, one.reason) if isinstance(one, Missing) else replace(one, name=name)
        for one, name in zip(read, names, strict=True)
    ]


def check_split(members: Sequence[MemberRun]) -> None:
    """Do the runs share a split?

    A sample that one of them lacks must be among the files that this run says it could not use.

    Raises:
        UserError: They do not; the runs and what differs are named.
    """
    for number, member in enumerate(members):
        for other in members[:number]:
            if found := split_difference(other.rows, member.rows):
                raise UserError(
                    f"the runs {other.path} and {member.path} do not share a split ({found}); train them on the same "
                    "folder with the same cv, seed and data.split"
                )
    owners = {row.path: member for member in members for row in member.rows}
    for member in members:
        mine = {row.path for row in member.rows} | member.unusable
        lacking = sorted(path for path in owners if path not in mine)
        if lacking:
            raise UserError(
                f"the run {member.path} lacks {len(lacking)} samples, such as {lacking[0]} of the run "
                f"{owners[lacking[0]].path}, and does not say why; train both on the same folder and classes"
            )


def align(members: Sequence[MemberRun]) -> Aligned:
    """Bring the members to the same samples, sorted by path, and to the same classes, matched by name.

    Raises:
        UserError: A member does not know the class of a sample: that it is silent there would give the answer away.
    """
    classes = tuple(dict.fromkeys(name for member in members for name in member.predictions.classes))
    index = {name: i for i, name in enumerate(classes)}
    judged = {path for member in members for path in member.predictions.paths}
    rows = tuple(row for row in _joined_rows(members) if row.path in judged)
    for member in members:
        unknown = {row.label for row in rows} - set(member.predictions.classes)
        if unknown:
            raise UserError(
                f"the run {member.path} does not know the class '{min(unknown)}', of which there are samples; "
                "train it on all classes, or all runs on those that it knows"
            )
    place = {row.path: i for i, row in enumerate(rows)}
    said = np.full((len(members), len(rows)), -1, dtype=np.int64)
    aligned = []
    for number, member in enumerate(members):
        p = member.predictions
        columns = np.array([index[name] for name in p.classes], dtype=np.int64)
        at = np.array([place[path] for path in p.paths], dtype=np.int64)
        probabilities = np.full((len(rows), len(p.classes)), np.nan, dtype=np.float32)
        probabilities[at] = p.probabilities
        aligned.append(Member(probabilities, columns))
        said[number, at] = columns[p.said]
        said[number, ~aligned[-1].present] = -1
    labels = np.array([index[row.label] for row in rows], dtype=np.int64)
    return Aligned(rows, classes, labels, tuple(aligned), said)


def deciding(members: Sequence[MemberRun]) -> Deciding | None:
    """How the members' joined scores are decided: for what the first member's are; None: by the most probable class."""
    how = members[0].decision
    if how is None:
        return None
    folds = {fold for member in members for fold in member.predictions.folds}
    if len(folds) > 1:
        return Deciding(how)
    [only] = folds
    return Deciding(how, tuple(Threshold(**(_thresholds(member.facts) or {})[only]) for member in members))


def _read(path: Path) -> MemberRun | Missing:
    """One run, called by its method."""
    if (path / INNER_FILE).exists():
        raise UserError(f"{path} is a trial of a sweep, which judges its winner alone; name {path.parent}")
    status = read_status(path)
    if status["verb"] not in _FITS:
        raise UserError(f"{path} is a run of 'thawline {status['verb']}', which fits nothing; name runs of train")
    if status["status"] != "finished":
        called = OmegaConf.select(read_config(path), "method.name") or path.name
        return Missing(path, str(called), f"{status['status']}: {status['reason'] or 'no reason is known'}")
    try:
        return _finished(path)
    except (KeyError, TypeError, ValueError, FileNotFoundError) as error:
        raise UserError(f"the run {path} is damaged ({type(error).__name__}: {error}); run it again") from error


def _finished(path: Path) -> MemberRun:
    """A run that finished; of a sweep what it chose, by the split that its trials share."""
    predictions, facts = finished_run(path)
    if predictions.scores is not None:
        raise UserError(f"{path} gives scores (data.labels=scores); runs that tell one class of a sample are joined")
    if predictions.tags is not None:
        raise UserError(f"{path} tells several labels of a sample (data.labels=several); runs that tell one are joined")
    own = read_trial(path, read_sweep(path)["winner"]).path if is_sweep_directory(path) else path
    rows = tuple(read_split_rows(own / "split.csv"))
    folds = {row.path: row.fold for row in rows}
    if len(set(predictions.paths)) < len(predictions.paths) or any(
        folds.get(name) != fold for name, fold in zip(predictions.paths, predictions.folds, strict=True)
    ):
        raise UserError(f"{path} judged samples by several seeds; name runs of one seed, such as the sweep with seed=0")
    report = path / "data_report.json"
    left_out = read_record(report).get("left_out", []) if report.is_file() else []
    unusable = frozenset(str(left["name"]) for left in left_out if "name" in left)
    # Names are matched across machines, whose Unicode forms differ.
    names = dict(zip((row.path for row in rows), comparable([row.path for row in rows]), strict=True))
    return MemberRun(
        path,
        str(facts["method"]),
        str(read_config(own)["task"]),
        replace(predictions, paths=tuple(names[name] for name in predictions.paths)),
        facts,
        tuple(replace(row, path=names[row.path]) for row in rows),
        frozenset(comparable(sorted(unusable))),
        DecisionSettings(**read_config(own)["decision"]) if _thresholds(facts) is not None else None,
    )


def _thresholds(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """The thresholds of a run by fold; None where the most probable class is its answer."""
    found: dict[str, Any] | None = (facts.get("examined") or {}).get("thresholds")
    return found


def _names(read: Sequence[MemberRun | Missing]) -> list[str]:
    """Each run's method; where that is not its alone, with its encoder, then with its directory's name."""
    methods = [one.name for one in read]
    full = [one.name if isinstance(one, Missing) else f"{one.name} {one.facts['encoder']}" for one in read]
    names = []
    for one, method, longer in zip(read, methods, full, strict=True):
        if methods.count(method) == 1:
            names.append(method)
        elif full.count(longer) == 1:
            names.append(longer)
        else:
            names.append(f"{longer} {one.path.name}")
    return names


def _joined_rows(members: Sequence[MemberRun]) -> list[SplitRow]:
    """All members' samples by path, under common numbers of groups."""
    rows: dict[str, SplitRow] = {}
    count = 0
    for member in members:
        numbers = {row.group: rows[row.path].group for row in member.rows if row.path in rows}
        for row in member.rows:
            if row.path in rows:
                # A member may have been trained on a table without themes.
                rows[row.path] = replace(rows[row.path], themes=rows[row.path].themes or row.themes)
                continue
            if row.group not in numbers:
                numbers[row.group] = count
                count += 1
            rows[row.path] = replace(row, group=numbers[row.group])
    return [rows[path] for path in sorted(rows)]
