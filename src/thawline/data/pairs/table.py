"""Image–text pairs: read from files, checked row by row, and what is wrong with each row."""

import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from thawline.data.listing import Listed
from thawline.data.pairs.labels import match_label
from thawline.data.photos.photo import PhotoFacts
from thawline.data.tables.cells import side_of
from thawline.data.tables.places import Absent, find_files, moved_note
from thawline.data.tables.reading import Columns, Record, Table, read_table, write_rows
from thawline.errors import UserError

FEW_PAIRS = 100  # below which a result says little
FEW_OF_A_LABEL = 50
IMBALANCE = 5  # the more frequent label / the other
FEW_WORDS = 5
MANY_WORDS = 100

_NEEDED, _OPTIONAL = ("image_path", "text"), ("difficulty", "split")
_SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True)
class Pair:
    """An image and a text.

    Attributes:
        row: As a spreadsheet shows it: the header is row 1.
        file: Name of the file that holds the row.
        image: Its image, relative to the table's root, "/" between folders; absolute where it lies elsewhere.
        path: The image, absolute.
        text: The text, without white space around it.
        label: 1 match, 0 mismatch; None where the file need not have labels and has none.
        difficulty: How hard it is to tell, in the file's words; None: it does not say.
        side: "train", "val" or "test" if a split was given, else None.
    """

    row: int
    file: str
    image: str
    path: Path
    text: str
    label: int | None
    difficulty: str | None
    side: str | None


@dataclass(frozen=True)
class Finding:
    """Something about a row that its owner should know.

    Attributes:
        file: Name of the file.
        row: As `Pair.row`; None: the file as a whole.
        kind: A short identifier, the same for findings of one kind.
        problem: One phrase with the value.
        dropped: Whether the row is left out.
    """

    file: str
    row: int | None
    kind: str
    problem: str
    dropped: bool = True


@dataclass(frozen=True)
class PairTable:
    """The pairs that can be used, and what was found.

    Attributes:
        pairs: In the order of the files and their rows.
        findings: In the same order.
        root: What the images' names are relative to.
        files: The files, absolute.
        notes: Sentences on the files themselves.
    """

    pairs: tuple[Pair, ...]
    findings: tuple[Finding, ...]
    root: Path
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def dropped(self) -> int:
        """Rows that were left out."""
        return len({(finding.file, finding.row) for finding in self.findings if finding.dropped})


def read_pairs(files: Sequence[tuple[Path, str | None]], image_base: Path | None, *, labels: bool = True) -> PairTable:
    """Read pairs and check each row; what is wrong with one becomes a finding, and the others go on.

    Images are looked for and not opened: `usable_pairs` drops those that can't be decoded.

    Args:
        files: CSV or Parquet files, and the side that each is; None: a column `split` says it, or nothing does.
        image_base: Folder that relative paths start from and that no path may leave; None: each file's own folder, and
            paths may lead anywhere on this machine.
        labels: Whether the files need a column `label`; where there is one, each row needs a label.

    Raises:
        UserError: A file can't be read, lacks a column, has no rows or no usable one; or `image_base` is no folder.
    """
    if image_base is not None and not image_base.is_dir():
        raise UserError(f"data.image_base={image_base} is no folder; give the one that the image paths start from")
    absolute = tuple(str(path.absolute()) for path, _ in files)
    folders = [str(path.absolute().parent) for path, _ in files]
    root = Path(image_base.absolute() if image_base else os.path.commonpath(folders))
    pairs: list[Pair] = []
    findings: list[Finding] = []
    notes: list[str] = []
    for (path, side), name in zip(files, _names(absolute), strict=True):
        read = _read(path, labels=labels)
        images = _Images(read.records, root, path, image_base)
        notes += (*read.notes, *moved_note(name, images.found))
        for record in read.records:
            try:
                pair, noted = _pair(record, name, side, images)
            except _BadRow as bad:
                findings.append(Finding(name, record.row, bad.kind, bad.problem))
            else:
                pairs.append(pair)
                findings += noted
    table = PairTable(tuple(pairs), tuple(findings), root, absolute, tuple(notes))
    return _without(table, _repeated(pairs, [pair.image for pair in pairs]))


def _read(path: Path, *, labels: bool) -> Table:
    """The rows of a file of pairs; `labels` says whether a column `label` is needed."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; task=match reads a CSV with the columns image_path,text,label")
    needed, optional = ((*_NEEDED, "label"), _OPTIONAL) if labels else (_NEEDED, ("label", *_OPTIONAL))
    return read_table(path, Columns(needed, optional, row="pair"))


def usable_pairs(table: PairTable, facts: Mapping[str, PhotoFacts]) -> PairTable:
    """The pairs whose images can be decoded, and once more without duplicates, now that copies of a file are known.

    Args:
        table: From `read_pairs`.
        facts: By `Pair.image`, of each image of `listed_images`.

    Raises:
        UserError: No pair is left.
    """
    broken = [
        Finding(pair.file, pair.row, "unreadable image", f"{_shown(pair.image)}: {problem}")
        for pair in table.pairs
        if (problem := facts[pair.image].problem)
    ]
    table = _without(table, broken)
    return _without(table, _repeated(table.pairs, [facts[pair.image].digest for pair in table.pairs]))


def note_long_texts(table: PairTable, count_tokens: Callable[[list[str]], list[int]], longest: int) -> PairTable:
    """The same pairs, with a finding for each whose text is longer than a text encoder takes; it cuts the rest off.

    Args:
        table: The pairs.
        count_tokens: How many tokens each text has, uncut, with those for beginning and end.
        longest: How many the encoder takes.
    """
    texts = list(dict.fromkeys(pair.text for pair in table.pairs))
    count = dict(zip(texts, count_tokens(texts), strict=True)) if texts else {}
    noted = [
        Finding(
            pair.file,
            pair.row,
            "text too long",
            f"{count[pair.text]} tokens; the text encoder takes {longest} and cuts off the rest",
            dropped=False,
        )
        for pair in table.pairs
        if count[pair.text] > longest
    ]
    return replace(table, findings=_ordered(table, [*table.findings, *noted]))


def listed_images(table: PairTable) -> list[Listed]:
    """Each image once, by `Pair.image`, for a survey."""
    paths = {pair.image: pair.path for pair in table.pairs}
    return [Listed(path, image, label="", folder="", side=None) for image, path in paths.items()]


def check_labels(table: PairTable) -> None:
    """Refuse pairs of one label only: nothing can be learnt or judged from them.

    Raises:
        UserError: Matches or mismatches are missing.
    """
    labels = {pair.label for pair in table.pairs}
    if labels == {1}:
        raise UserError(
            f"{table.files[0]} has matches only (label 1); 'thawline data mismatches' makes mismatches for them"
        )
    if labels == {0}:
        raise UserError(f"{table.files[0]} has mismatches only (label 0); add rows of pairs that match (label 1)")


def balance_notes(table: PairTable) -> list[str]:
    """What the numbers of matches and mismatches warn of; empty if nothing."""
    matches = sum(pair.label == 1 for pair in table.pairs)
    mismatches = sum(pair.label == 0 for pair in table.pairs)
    counts = f"{matches} matches and {mismatches} mismatches"
    notes = []
    if matches + mismatches < FEW_PAIRS or min(matches, mismatches) < FEW_OF_A_LABEL:
        notes.append(f"Few pairs: {counts}. Below {FEW_PAIRS} ({FEW_OF_A_LABEL} of each) a result says little.")
    if max(matches, mismatches) > IMBALANCE * min(matches, mismatches):
        notes.append(f"The labels are imbalanced: {counts}. Judge by F1 and average precision rather than by accuracy.")
    return notes


def write_pairs(path: Path, pairs: Sequence[Pair], root: Path) -> None:
    """Write pairs as CSV; a column that no pair has a value for is left out.

    Args:
        path: The file, complete or absent afterwards.
        pairs: What to write.
        root: The folder that image paths will start from when the file is read.
    """
    extra = [name for name in ("label", "difficulty") if any(getattr(pair, name) is not None for pair in pairs)]
    rows = []
    for pair in pairs:
        image = Path(os.path.relpath(pair.path, root)).as_posix()
        values = (getattr(pair, name) for name in extra)
        rows.append([image, pair.text, *("" if value is None else value for value in values)])
    write_rows(path, ["image_path", "text", *extra], rows)


def same_text(text: str) -> str:
    """What texts that count as the same have in common: Unicode NFKC, case, punctuation and white space set aside.

    A text of nothing but punctuation is compared as it is.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.translate(_BLANKS).split()) or " ".join(folded.split())


class _Blanks(dict[int, int | str]):
    """For `str.translate`: punctuation, separators and control characters become blanks."""

    def __missing__(self, code: int) -> int | str:
        self[code] = " " if unicodedata.category(chr(code))[0] in "PZC" else code
        return self[code]


_BLANKS = _Blanks()


class _BadRow(Exception):  # noqa: N818  # not an error of the program: it ends in a finding
    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem


class _Images:
    """The images of a file of pairs: `found`, by the paths as they are written, and what is wrong with the others."""

    def __init__(self, records: Sequence[Record], root: Path, table: Path, image_base: Path | None) -> None:
        self._root = Path(os.path.normpath(root))
        self._base = (image_base or table.parent).absolute()
        written = (record.values["image_path"].strip() for record in records if not record.kind)
        self.found: dict[str, Path] = {}
        self._named: dict[str, tuple[str, Path] | _BadRow] = {}
        for one, path in find_files(written, self._base, fence=image_base).items():
            if isinstance(path, Absent):
                self._named[one] = self._bad_row(one, path)
            else:
                self.found[one] = path
                inside = path.is_relative_to(self._root)
                self._named[one] = ((path.relative_to(self._root) if inside else path).as_posix(), path)

    def find(self, written: str) -> tuple[str, Path]:
        """Name and absolute path of an image; raises `_BadRow`."""
        named = self._named[written]
        if isinstance(named, _BadRow):
            raise named
        return named

    def _bad_row(self, written: str, why: Absent) -> _BadRow:
        if why.kind == "url":
            return _BadRow("url", f"{_shown(written)} is a URL; save the image and give its path")
        if why.kind == "outside":
            return _BadRow("outside image_base", f"{_shown(written)} leads out of {self._base}")
        said = {
            "folder": "is no file",
            "home": "begins with the home of nobody known",
            "several": f"is not there, and what it may mean, {why.detail}, other rows mean by other paths",
            "unopened": f"can't be opened: {why.detail}",
        }
        return _BadRow("absent image", f"{_shown(written)} {said.get(why.kind, 'is no file; nothing is there')}")


def _pair(record: Record, file: str, side: str | None, images: _Images) -> tuple[Pair, list[Finding]]:
    """The pair that a row holds, and what is to be noted about it."""
    if record.kind:
        raise _BadRow(record.kind, record.problem)
    values = {name: value.strip() for name, value in record.values.items()}
    for name, value in values.items():
        if "\0" in value:
            raise _BadRow("nul byte", f"a NUL byte in {name}")
    if not values["image_path"]:
        raise _BadRow("empty image path", "image_path is empty")
    if not values["text"]:
        raise _BadRow("empty text", "text is empty")
    label = _label(values["label"]) if "label" in values else None
    side = _side(values["split"]) if side is None and "split" in values else side
    image, path = images.find(values["image_path"])
    pair = Pair(record.row, file, image, path, values["text"], label, values.get("difficulty") or None, side)
    return pair, _length_notes(pair)


def _label(value: str) -> int:
    if not value:
        raise _BadRow("empty label", "label is empty")
    if (label := match_label(value)) is None:
        raise _BadRow("bad label", f"label is {_shown(value)}, not 1 (match) or 0 (mismatch)")
    return label


def _side(value: str) -> str:
    if (side := side_of(value)) is None:
        raise _BadRow("bad split", f"split is {_shown(value)}, not train, val or test")
    return side


def _length_notes(pair: Pair) -> list[Finding]:
    words = len(pair.text.split())
    if words < FEW_WORDS:
        problem = f"{words} word{'s' if words != 1 else ''}, fewer than {FEW_WORDS}: {_shown(pair.text)}"
        return [Finding(pair.file, pair.row, "short text", problem, dropped=False)]
    if words > MANY_WORDS:
        return [Finding(pair.file, pair.row, "long text", f"{words} words, more than {MANY_WORDS}", dropped=False)]
    return []


def _repeated(pairs: Sequence[Pair], images: Sequence[str]) -> list[Finding]:
    """Findings for pairs that stand there twice: all of them where their labels differ, else all but the first.

    One pair on two sides is left to `check_sides`, which refuses it.
    """
    together: dict[tuple[str, str, str | None], list[Pair]] = {}
    for pair, image in zip(pairs, images, strict=True):
        together.setdefault((image, same_text(pair.text), pair.side), []).append(pair)
    findings = []
    for same in together.values():
        if len({pair.label for pair in same}) > 1:
            for pair in same:
                other = next(other for other in same if other.label != pair.label)
                where = f"row {other.row}" if other.file == pair.file else f"row {other.row} of {other.file}"
                problem = f"label {pair.label}, but {other.label} in {where} for the same image and text"
                findings.append(Finding(pair.file, pair.row, "contradictory label", problem))
        else:
            first = same[0]
            findings += [
                Finding(pair.file, pair.row, "duplicate", f"the same image and text as in row {first.row}")
                for pair in same[1:]
            ]
    return findings


def _without(table: PairTable, findings: Sequence[Finding]) -> PairTable:
    """The table with these findings and without their rows."""
    gone = {(finding.file, finding.row) for finding in findings}
    pairs = tuple(pair for pair in table.pairs if (pair.file, pair.row) not in gone)
    # What was noted about a row that is left out no longer matters.
    kept = [found for found in table.findings if found.dropped or (found.file, found.row) not in gone]
    findings = _ordered(table, [*kept, *findings])
    if not pairs:
        first = findings[0]
        raise UserError(
            f"none of the {len(findings)} rows in {table.files[0]} can be used; "
            f"row {first.row}: {first.kind} ({first.problem})"
        )
    return replace(table, pairs=pairs, findings=findings)


def _ordered(table: PairTable, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    order = {name: i for i, name in enumerate(_names(table.files))}
    return tuple(sorted(findings, key=lambda found: (order[found.file], found.row or 0)))


def _names(files: Sequence[str]) -> list[str]:
    """What findings call each file: its name, or its path where two have one name."""
    names = [Path(file).name for file in files]
    return names if len(set(names)) == len(names) else list(files)


def _shown(value: str) -> str:
    """A value in quotes, shortened, on one line."""
    return repr(value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…")
