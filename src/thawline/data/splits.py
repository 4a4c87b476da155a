"""Splits that are stratified by class and never cut a group."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.data.stratified import stratified_group_folds
from thawline.data.tables.cells import side_of, whole_number
from thawline.data.tables.places import match_names, moved_note
from thawline.data.tables.reading import Columns, read_table
from thawline.errors import UserError

IntArray = npt.NDArray[np.int64]

_NAMED = 20  # classes at most
_SHUFFLES = 10  # tried where the first leaves a class out of some training part


def kfold(
    labels: npt.ArrayLike, groups: npt.ArrayLike, *, folds: int, seed: int, classes: Sequence[str] = ()
) -> IntArray:
    """The test fold of each sample, 0 to folds - 1: stratified, no group cut, every class in every training part.

    Does not depend on the order of the samples.

    Args:
        labels: [N] class indices.
        groups: [N] group ids.
        folds: at least 2.
        seed: of the shuffle.
        classes: names, for messages; class indices without.

    Raises:
        UserError: fewer groups of some class than folds; it says what would work.
    """
    labels, groups = _arrays(labels, groups)
    if folds < 2:
        raise UserError(f"cv={folds} is not cross-validation; use cv=2 or more")
    counts = _groups_per_class(labels, groups)
    if min(counts.values()) < folds:
        raise UserError(_too_few(f"cv={folds}", folds, labels, counts, classes))
    for attempt in range(_SHUFFLES):
        test_fold = _stratified(labels, groups, folds, seed, attempt)
        if all(_is_whole(labels, test_fold != fold) for fold in range(folds)):
            return test_fold
    raise UserError(
        f"cv={folds} leaves some fold without a class to train on, since groups hold samples of several classes; "
        "use fewer folds, or move the files under two labels that `thawline data check` names"
    )


def holdout(
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    fraction: float = 0.2,
    seed: int,
    classes: Sequence[str] = (),
) -> npt.NDArray[np.bool_]:
    """Which samples are held out: about `fraction` of each class, no group cut, every class on both sides.

    Does not depend on the order of the samples.

    Args:
        labels: [N] class indices.
        groups: [N] group ids.
        fraction: held out, 0.05 to 0.95.
        seed: of the shuffle.
        classes: names, for messages; class indices without.

    Raises:
        UserError: fewer than two groups of some class.
    """
    labels, groups = _arrays(labels, groups)
    if not 0.05 <= fraction <= 0.95:
        raise UserError(f"a hold-out of {fraction} of the samples is not possible; use 0.05 to 0.95")
    counts = _groups_per_class(labels, groups)
    if min(counts.values()) < 2:
        raise UserError(_too_few("a hold-out", 2, labels, counts, classes))
    # 2/5, say, is two folds of five; there are no more folds than groups or samples of the largest class
    most = min(int(groups.max()) + 1, int(np.bincount(labels).max()))
    folds = max(2, min(Fraction(fraction).limit_denominator(20).denominator, most))
    width = min(max(1, round(fraction * folds)), folds - 1)
    best, best_cost = None, (1, np.inf)
    for attempt in range(_SHUFFLES):
        test_fold = _stratified(labels, groups, folds, seed, attempt)
        for fold in range(folds):
            held = _mend((test_fold - fold) % folds < width, labels, groups)
            cost = _cost(labels, held, fraction)
            if cost < best_cost:
                best, best_cost = held, cost
        if best is not None:
            return best
    raise UserError(
        "no hold-out has every class on both sides, since groups hold samples of several classes; "
        "move the files under two labels that `thawline data check` names"
    )


def _arrays(labels: npt.ArrayLike, groups: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    _, numbered = np.unique(np.asarray(groups), return_inverse=True)
    return np.asarray(labels, dtype=np.int64), numbered.astype(np.int64)


def _groups_per_class(labels: IntArray, groups: IntArray) -> dict[int, int]:
    return {int(label): len(np.unique(groups[labels == label])) for label in np.unique(labels)}


def _is_whole(labels: IntArray, chosen: npt.NDArray[np.bool_]) -> bool:
    return len(np.unique(labels[chosen])) == len(np.unique(labels))


def _stratified(labels: IntArray, groups: IntArray, folds: int, seed: int, attempt: int) -> IntArray:
    """Stratified folds of the samples in one canonical order, so that theirs does not matter."""
    return _remembered(labels.tobytes(), groups.tobytes(), folds, seed, attempt).copy()


@lru_cache(maxsize=64)  # a sweep's trials are split alike, each several times
def _remembered(label_bytes: bytes, group_bytes: bytes, folds: int, seed: int, attempt: int) -> IntArray:
    labels, groups = (np.frombuffer(each, dtype=np.int64) for each in (label_bytes, group_bytes))
    order = np.lexsort((labels, groups))
    state = int(np.random.SeedSequence([seed, attempt]).generate_state(1)[0])
    test_fold = np.empty(len(labels), dtype=np.int64)
    test_fold[order] = stratified_group_folds(labels[order], groups[order], folds, state)
    return test_fold


def _mend(held: npt.NDArray[np.bool_], labels: IntArray, groups: IntArray) -> npt.NDArray[np.bool_]:
    """Give each side the smallest group of a class that it lacks, where the other side can spare it."""
    held = held.copy()
    for side in (True, False):
        for label in np.setdiff1d(labels, labels[held == side]):
            candidates = np.unique(groups[labels == label])
            for group in candidates[np.argsort(np.bincount(groups)[candidates], kind="stable")]:
                member = groups == group
                if _is_whole(labels, (held != side) & ~member):
                    held[member] = side
                    break
    return held


def _cost(labels: IntArray, held: npt.NDArray[np.bool_], fraction: float) -> tuple[int, float]:
    """(whether a class is missing on a side, how far the classes' held-out shares are from `fraction`)."""
    whole = _is_whole(labels, held) and _is_whole(labels, ~held)
    total = np.bincount(labels)
    shares = np.bincount(labels[held], minlength=len(total)) / np.maximum(total, 1)
    return int(not whole), float(np.abs(shares - fraction)[total > 0].sum())


def _too_few(what: str, need: int, labels: IntArray, counts: Mapping[int, int], classes: Sequence[str]) -> str:
    """Names all classes of too few groups, the rarest first, and says what would work."""
    scarce = sorted((label for label in counts if counts[label] < need), key=lambda label: counts[label])
    sizes = {label: int((labels == label).sum()) for label in scarce}
    named = [
        f"{repr(classes[label]) if len(classes) else f'class {label}'} has {counts[label]} "
        f"({sizes[label]} sample{'s' if sizes[label] != 1 else ''})"
        for label in scarce
    ]
    named[0] = f"{named[0][:-1]}; those that belong together are one group)"
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    fewest = counts[scarce[0]]
    remedy = f"use cv={fewest}, or add samples" if fewest >= 2 else "add samples from other occasions"
    if len(counts) == 1:  # of scores there may be one part only; without it nothing would be left
        size = f"{len(labels)} sample{'s' if len(labels) != 1 else ''}"
        return (
            f"{what} needs at least {need} groups, and there are {fewest} ({size}; those that belong together are one "
            f"group); {remedy}."
        )
    leave = f", or leave {'it' if len(scarce) == 1 else 'them'} out by data.min_groups={need}"
    return f"{what} needs at least {need} groups of every class, but {', '.join(named[:_NAMED])}{more}; {remedy}{leave}"


def read_split(
    path: Path, names: Sequence[str], root: Path | None = None, notes: list[str] | None = None
) -> npt.NDArray[Any]:
    """Read a split from a table with the columns `path` and `split`.

    Args:
        path: the file. `split` is train, val (valid, validation) or test, or in every row a fold number.
        names: [N] samples as the collection names them, relative to its folder. Rows for others are ignored.
        root: the collection's folder, which paths may begin with.
        notes: gets sentences on the file itself.

    Returns:
        [N] "train", "val" or "test"; or int64 [N] folds 0, 1, ... in the order of the numbers in the file.

    Raises:
        UserError: an unreadable file, missing columns, an unknown split, two for one sample, samples without a row,
            or only one side.
    """
    values = _splits(path, names, root, [] if notes is None else notes)
    numbers = {value: whole_number(value) for value in set(values)}
    if None not in numbers.values():
        found, folds = np.unique(np.array([numbers[value] for value in values], dtype=np.int64), return_inverse=True)
        if len(found) < 2:
            raise UserError(f"{path} puts every sample into fold {found[0]}; at least two folds are needed")
        return folds.astype(np.int64)
    known = {value: side_of(value) for value in numbers}
    if unknown := sorted(value for value, side in known.items() if side is None):
        raise UserError(f"{path} has the split {unknown[0]!r}; use train, val and test, or fold numbers throughout")
    sides = np.array([known[value] for value in values])
    if "train" not in sides or len(set(sides)) < 2:
        raise UserError(f"{path} needs samples in train and in val or test, but has only {_some(sorted(set(sides)))}")
    return sides


def _splits(path: Path, names: Sequence[str], root: Path | None, notes: list[str]) -> list[str]:
    """[N] what the table says of each sample."""
    table = read_table(path, Columns(("path", "split"), row="sample"))
    good = [record for record in table.records if not record.kind]
    means = match_names([record.values["path"] for record in good], names, root)
    said: dict[str, str] = {}
    for record in good:
        name, split = means.get(record.values["path"]), record.values["split"].strip()
        if name is None:
            continue
        other = said.setdefault(name, split)
        if other != split and (side_of(other) or other) != (side_of(split) or split):
            raise UserError(f"{path} puts {name} into both {other!r} and {split!r}; keep one row")
    if missing := [name for name in names if name not in said]:
        broken = next((f"row {one.row}: {one.problem}" for one in table.records if one.kind), None)
        strange = next((record.values["path"] for record in good if record.values["path"] not in means), None)
        hint = f" ({broken})" if broken else f"; it has {strange!r}, for which there is none" if strange else ""
        raise UserError(
            f"{path} has no row for {_some(missing)}{hint}; give each sample a row, its path relative to the folder"
        )
    notes += (*table.notes, *moved_note(path.name, means))
    return [said[name] for name in names]


PHOTO_BONDS = "photos that belong together (same or similar picture, folder, or burst)"
TRACK_BONDS = "tracks that belong together (same or similar recording, artist, or album)"


def check_split(sides: npt.ArrayLike, groups: npt.ArrayLike, names: Sequence[str], bonds: str = PHOTO_BONDS) -> None:
    """Refuse a split that has one group on two sides.

    Args:
        sides: [N] of any type: "train"/"val"/"test", or folds, or held out or not.
        groups: [N] group ids.
        names: [N] photos or tracks, for the message.
        bonds: what is in a group and why, for the message.

    Raises:
        UserError: names samples that belong together on two sides, and says how to mend it.
    """
    sides, groups = np.asarray(sides), np.asarray(groups)
    order = np.lexsort((np.arange(len(groups)), groups))
    cut = []
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        if len(members) and len(set(sides[members].tolist())) > 1:
            other = members[sides[members] != sides[members[0]]][0]
            cut.append(" and ".join(f"{names[i]} ({sides[i]})" for i in (members[0], other)))
    if cut:
        raise UserError(
            f"the split cuts {len(cut)} group{'s' if len(cut) != 1 else ''} of {bonds}: {_some(cut, '; ')}; "
            "move each group to one side or delete its copies; `thawline data check` lists the near-duplicates"
        )


def _some(items: Sequence[str], separator: str = ", ") -> str:
    shown = separator.join(items[:5])
    return shown if len(items) <= 5 else f"{shown}{separator}and {len(items) - 5} more"
