"""Who was on which side: written before anything is fitted, read back when other photos are judged."""

import csv
import io
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from thawline.data.tables.places import comparable
from thawline.errors import UserError
from thawline.files import write_text
from thawline.runs.digests import noted
from thawline.runs.reading import damaged, reading

COLUMNS = ("path", "digest", "phash", "label", "group", "fold", "text", "artist", "album", "seconds", "themes")

_ALWAYS = COLUMNS[:6]  # older runs have no others


@dataclass(frozen=True)
class SplitRow:
    """One sample's place in a run.

    Attributes:
        path: Relative to the collection's folder.
        digest: sha256 of the file's bytes, hex.
        phash: Perceptual hash, hex; "" where there is none.
        label: Name of its class.
        group: Its group.
        fold: The fold that judged it; "" for a sample that was only trained on.
        text: sha256 of the text that belongs to it, hex; "" where none does.
        artist: Of a track; "" where it is not known.
        album: Likewise.
        seconds: Length of a track; 0 for what has none.
        themes: Of a track's lyrics, "|" between them, where they are inputs of the run; "" where there are none.
    """

    path: str
    digest: str
    phash: str
    label: str
    group: int
    fold: str
    text: str = ""
    artist: str = ""
    album: str = ""
    seconds: float = 0.0
    themes: str = ""


def write_split(path: Path, rows: Sequence[SplitRow]) -> None:
    """Write the split as CSV; a column of themes only where some are told."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    columns = COLUMNS if any(row.themes for row in rows) else COLUMNS[:-1]
    writer.writerow(columns)
    # By name: `astuple` copies each value, which takes longer than all else that is done for a trial's split.
    values = operator.attrgetter(*COLUMNS[:-2])
    writer.writerows([*values(row), row.seconds or "", row.themes][: len(columns)] for row in rows)
    with noted(path):
        write_text(path, text.getvalue())


def by_name(rows: Sequence[SplitRow]) -> dict[str, SplitRow]:
    """The rows by their paths in one Unicode form, in which those of other machines are found as well."""
    return dict(zip(comparable([row.path for row in rows]), rows, strict=True))


def split_difference(first: Sequence[SplitRow], second: Sequence[SplitRow]) -> str | None:
    """What keeps two runs from sharing a split, by the samples that both have: one phrase; None: nothing.

    Groups are compared by who is in them, since their numbers depend on all samples. Contents are compared where both
    runs know their digests, and themes where both runs have them as inputs.
    """
    themed = all(any(row.themes for row in rows) for rows in (first, second))
    known = by_name(first)
    pairs = [(known[name], row) for name, row in by_name(second).items() if name in known]
    if not pairs:
        return "no file is in both"
    there: dict[int, int] = {}
    back: dict[int, int] = {}
    for mine, other in pairs:
        if mine.digest and other.digest and (mine.digest, mine.text) != (other.digest, other.text):
            return f"the content of {mine.path} differs"
        if mine.label != other.label:
            return f"{mine.path} is '{mine.label}' in one and '{other.label}' in the other"
        if mine.fold != other.fold:
            folds = [f"judged by {row.fold}" if row.fold else "trained on alone" for row in (mine, other)]
            return f"{mine.path} is {folds[0]} in one and {folds[1]} in the other"
        if themed and mine.themes != other.themes:
            return f"the themes of {mine.path} are others"
        if there.setdefault(mine.group, other.group) != other.group or (
            back.setdefault(other.group, mine.group) != mine.group
        ):
            return f"{mine.path} is in a group with others"
    return None


def change_of(before: Sequence[SplitRow], now: Sequence[SplitRow], *, folds: bool = True) -> str | None:
    """How the samples `now` differ from those `before`: one phrase; None: in nothing.

    Args:
        before: What a run kept.
        now: What is there.
        folds: Whether the same fold must judge each; otherwise `now` may come from no plan.
    """
    if moved := by_name(before).keys() ^ by_name(now).keys():
        return f"{min(moved)} came or went"
    if not folds:
        before, now = ([replace(row, fold="") for row in rows] for rows in (before, now))
    change = split_difference(before, now)
    if change is None and [row.themes for row in _ordered(before)] != [row.themes for row in _ordered(now)]:
        return "themes of lyrics came or went"
    return change


def _ordered(rows: Sequence[SplitRow]) -> list[SplitRow]:
    known = by_name(rows)
    return [known[name] for name in sorted(known)]


def check_unchanged(path: Path, rows: Sequence[SplitRow], *, folds: bool = True) -> None:
    """Refuse to go on with a run whose split, the file `path`, is not that of `rows`: its finished folds go by it.

    Raises:
        UserError: Files came or went, or something else of them changed; see `change_of`.
    """
    change = change_of(read_split_rows(path), rows, folds=folds)
    if change is not None:
        raise UserError(f"{path.parent} can't go on: its samples are not what they were ({change}); start a new run")


def covering_split(path: Path, judged: Sequence[str]) -> list[SplitRow]:
    """The rows in the file `path`, among which are all samples that the run `judged`.

    Raises:
        UserError: The file is damaged; it may have lost its end.
    """
    rows = read_split_rows(path)
    if lost := set(judged).difference(row.path for row in rows):
        raise damaged(path, f"it lacks {min(lost)}, which the run judged")
    return rows


def read_split_rows(path: Path) -> list[SplitRow]:
    """The rows that `write_split` wrote.

    Raises:
        UserError: The file is damaged.
    """
    with reading(path), path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        if lost := set(_ALWAYS).difference(reader.fieldnames or ()):
            raise ValueError(f"it has no column {min(lost)}")
        if any(None in row.values() for row in rows):
            raise ValueError("a row is cut short")
        return [
            SplitRow(
                path=row["path"],
                digest=row["digest"],
                phash=row["phash"],
                label=row["label"],
                group=int(row["group"]),
                fold=row["fold"],
                text=row.get("text", ""),
                artist=row.get("artist", ""),
                album=row.get("album", ""),
                seconds=float(row.get("seconds") or 0),
                themes=row.get("themes", ""),
            )
            for row in rows
        ]
