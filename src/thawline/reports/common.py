"""Runs on the samples that they have in common: one that judged a hold-out beside one that judged every fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from thawline.data.tables.places import comparable
from thawline.errors import UserError
from thawline.reports.comparison import Entry
from thawline.runs.predictions import Predictions, join_predictions
from thawline.runs.split import by_name, read_split_rows
from thawline.targets.predicted import same_truth

SPLIT = "split.csv"

_DECIDED = (
    "thresholds",
)  # of what a task said: what is the same whichever samples are judged, and by whichever labels


def in_one_form(p: Predictions) -> Predictions:
    """`p` by its paths in one Unicode form, in which those of other machines are found as well."""
    names = tuple(comparable(p.paths))
    return p if names == p.paths else join_predictions([replace(p, paths=names)])


def group_entries(named: Sequence[Entry], found: Sequence[Entry]) -> list[list[Entry]]:
    """Entries in groups that are compared on the same samples.

    Args:
        named: What the user named, one by one: one group, of the samples that all of them judged.
        found: What lies in folders that the user named: a group for each set of samples that some judged. Whoever
            judged these and others is in it too, on these samples.

    Raises:
        UserError: Runs that were named have no sample in common.
    """
    groups = [_on_common(named)] if named else []
    for entry in found:
        mine = next((group for group in groups if same_samples(group[0], entry)), None)
        if mine is None:
            groups.append([entry])
        else:
            mine.append(entry)
    for group in groups:
        known = {entry.name for entry in group}
        judged = set(group[0].predictions.paths)
        for entry in found:
            if entry.name not in known and judged < set(entry.predictions.paths) and not _clash(group[0], entry):
                group.append(_only(entry, group[0].predictions.paths))
    return groups


def same_samples(one: Entry, other: Entry) -> bool:
    """Did both judge just the same samples, by the same classes and labels?"""
    a, b = one.predictions, other.predictions
    alike = a.paths == b.paths and a.classes == b.classes and same_truth(a, b)
    return alike and _another_file(one, other) is None


def _on_common(entries: Sequence[Entry]) -> list[Entry]:
    """The entries on the samples that all of them judged, by corrected labels where one of them had such.

    Raises:
        UserError: There is none, or they don't agree about one.
    """
    entries = by_corrections(entries)
    first = entries[0]
    if all(same_samples(first, entry) for entry in entries):
        return list(entries)
    common = set(first.predictions.paths)
    for entry in entries[1:]:
        common &= set(entry.predictions.paths)
        if why := _clash(first, entry):
            raise UserError(f"the runs {first.name} and {entry.name} can't be compared: {why}")
    if not common:
        names = ", ".join(entry.name for entry in entries[:-1])
        raise UserError(
            f"the runs {names} and {entries[-1].name} judged different {first.kind}, none of which all of them judged, "
            "so they can't be compared; give runs on the same data with the same cv and data.split, or the folder that "
            f"the runs lie in, which makes a table for each set of {first.kind}"
        )
    paths = tuple(path for path in first.predictions.paths if path in common)
    return [_only(entry, paths) for entry in entries]


def by_corrections(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, each judged by the labels of the last one that had corrections; as they are where none had.

    Whatever an entry judged its run did not train on, so that one from before the corrections and one with them are
    compared on what neither trained on.
    """
    truth = next((entry for entry in reversed(entries) if entry.corrected), None)
    return list(entries) if truth is None else [_relabelled(entry, truth) for entry in entries]


def _relabelled(entry: Entry, truth: Entry) -> Entry:
    """The entry by the labels of `truth`, where both judged a sample; a note says how many differ."""
    p, right = entry.predictions, truth.predictions
    if p.classes != right.classes or (p.tags is None) != (right.tags is None):
        return entry
    now = _by_truth(p, right)
    if p.tags is None or now.tags is None:
        what, changed = "another label", int((now.labels != p.labels).sum())
    else:
        what, changed = "other labels", int((now.tags.true != p.tags.true).any(axis=1).sum())
    if not changed:
        return entry
    common = len(set(right.paths) & set(p.paths))
    note = (
        f"{entry.label} is judged by the corrected labels of {truth.label}: {changed:,} of the {common:,} {entry.kind} "
        f"in common had {what}."
    )
    examined = {key: entry.examined[key] for key in _DECIDED if key in entry.examined}
    return replace(entry, predictions=now, examined=examined, notes=(*entry.notes, note))


def _by_truth(p: Predictions, right: Predictions) -> Predictions:
    """What was said in `p`, with the labels of `right` where that has the sample."""
    at = {path: row for row, path in enumerate(right.paths)}
    mine = np.array([row for row, path in enumerate(p.paths) if path in at], dtype=np.int64)
    its = np.array([at[p.paths[row]] for row in mine], dtype=np.int64)
    labels = p.labels.copy()
    labels[mine] = right.labels[its]
    if p.tags is None or right.tags is None:
        return replace(p, labels=labels)
    true = p.tags.true.copy()
    true[mine] = right.tags.true[its]
    return replace(p, labels=labels, tags=replace(p.tags, true=true))


def _clash(one: Entry, other: Entry) -> str:
    """Why the two can't be put on common samples; "" if they can."""
    a, b = one.predictions, other.predictions
    if a.classes != b.classes:
        alone = set(a.classes) ^ set(b.classes)
        return f"they have other classes, such as '{min(alone, default=a.classes[0])}' of one of them alone"
    for entry in (one, other):
        if len(set(entry.predictions.paths)) < len(entry.predictions.paths):
            return f"{entry.name} judged {one.kind} more than once, a time for each seed, and the other did not"
    places = {path: i for i, path in enumerate(b.paths)}
    common = [i for i, path in enumerate(a.paths) if path in places]
    if path := _another_file(one, other):
        return f"{path} is another file in each of them"
    mine, its = a.subset(np.array(common, np.int64)), b.subset(np.array([places[a.paths[i]] for i in common], np.int64))
    return "" if same_truth(mine, its) else f"they have other labels for some of the same {one.kind}"


def _another_file(one: Entry, other: Entry) -> str | None:
    """A path of which both know the file, and not the same one; None: there is none."""
    if one.directories == other.directories:
        return None
    contents, others = _contents(one), _contents(other)
    both = set(one.predictions.paths) & set(other.predictions.paths)
    return next((p for p in contents if p in both and contents[p] != others.get(p, contents[p])), None)


def _contents(entry: Entry) -> dict[str, str]:
    """The digest of each sample's file by its path, where the entry's run kept them."""
    files = [directory / SPLIT for directory in entry.directories[:1] if (directory / SPLIT).is_file()]
    return {path: row.digest for file in files for path, row in by_name(read_split_rows(file)).items() if row.digest}


def _only(entry: Entry, paths: Sequence[str]) -> Entry:
    """The entry on the samples `paths`, in that order; a note says so."""
    p = entry.predictions
    if p.paths == tuple(paths):
        return entry
    places = {path: i for i, path in enumerate(p.paths)}
    part = p.subset(np.array([places[path] for path in paths], dtype=np.int64))
    note = f"{entry.label} judged {len(p.paths):,} {entry.kind}; its figures here are of the {len(paths):,} in common."
    # What its task said is of all that it judged; by what it decides is the same for each.
    examined = {key: entry.examined[key] for key in _DECIDED if key in entry.examined}
    return replace(entry, predictions=part, examined=examined, notes=(*entry.notes, note))
