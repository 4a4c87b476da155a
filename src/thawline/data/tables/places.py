"""Paths as a table writes them, and what they name: a known sample, or a file on this machine.

A path may have been written on another machine: with backslashes, below a folder that is not here, its letters in the
other of Unicode's forms (macOS takes "é" apart, NFD; most others don't, NFC).
"""

import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_URL = re.compile(r"[a-z][a-z0-9+.-]+://|(data|file|https?):", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:(?=[/\\])")
_TABLES = (".csv", ".tsv", ".tab", ".parquet", ".xlsx", ".xls", ".ods")  # of workbooks it is said that they are none


def one_form(name: str) -> str:
    """`name` in Unicode's composed form (NFC), by which names are compared."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def comparable(names: Sequence[str]) -> list[str]:
    """[N] names in one Unicode form; those that would then be another's stay as they are."""
    forms = [one_form(name) for name in names]
    spelt: dict[str, set[str]] = {}
    for form, name in zip(forms, names, strict=True):
        spelt.setdefault(form, set()).add(name)
    return [form if len(spelt[form]) == 1 else name for form, name in zip(forms, names, strict=True)]


def is_table(path: Path) -> bool:
    """Whether `path` is a table by its name, rather than a folder or a sample."""
    return path.suffix.lower() in _TABLES and not path.is_dir()


def is_url(written: str) -> bool:
    """Whether a path is a URL."""
    return _URL.match(written) is not None


@dataclass(frozen=True)
class Written:
    """A path as its parts.

    Attributes:
        absolute: Whether it begins at a root, a drive or a home.
        parts: In one Unicode form; none of them ".", "" or, but at the start of a relative path, "..".
    """

    absolute: bool
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The parts with "/" between."""
        return "/".join(self.parts)

    def ends(self, root: Path | None) -> Iterable[str]:
        """What it may be called below the folder `root`: of an absolute path each end, the longest first.

        Of a relative path what follows the folder's own name, if it begins with that.
        """
        above = [one_form(part) for part in root.parts] if root else []
        for start in range(0 if self.absolute else 1, len(self.parts)):
            if self.absolute or list(self.parts[:start]) == above[-start:]:
                yield "/".join(self.parts[start:])


def parse(written: str) -> Written:
    """A path of any system as its parts."""
    plain = one_form(written.strip()).replace("\\", "/")
    absolute = plain.startswith(("/", "~/")) or _DRIVE.match(plain) is not None
    normal = os.path.normpath(_DRIVE.sub("", plain).removeprefix("~")) if plain else ""
    return Written(absolute, tuple(part for part in normal.split("/") if part not in ("", ".")))


def match_names(written: Iterable[str], names: Sequence[str], root: Path | None = None) -> dict[str, str]:
    """Which of `names` each path means, by the path as it is written; paths that mean none are left out.

    A path that is a name, in whatever form, means it. Of other absolute paths the longest end that is a name does, and
    of relative ones what follows the folder's own name, unless another path means that name already.

    Args:
        written: Paths of a table.
        names: Of samples, relative to their folder, "/" between.
        root: Their folder.
    """
    known, forms = set(names), dict(zip(map(one_form, names), names, strict=True))
    means: dict[str, str] = {}
    others: dict[str, Written] = {}
    for path in dict.fromkeys(written):
        if path in known:
            means[path] = path
            continue
        parsed = parse(path)
        if not parsed.absolute and parsed.name in forms:
            means[path] = forms[parsed.name]
        else:
            others[path] = parsed
    taken = set(means.values())
    claims: dict[str, set[Written]] = {}
    ends = {path: next((end for end in parsed.ends(root) if end in forms), None) for path, parsed in others.items()}
    for path, end in ends.items():
        if end is not None:
            claims.setdefault(forms[end], set()).add(others[path])
    means |= {
        path: forms[end]
        for path, end in ends.items()
        if end is not None and forms[end] not in taken and len(claims[forms[end]]) == 1
    }
    return means


def moved_note(table: str, means: Mapping[str, str | Path]) -> tuple[str, ...]:
    """A sentence on the absolute paths that a table was not refused for, though they are not there; or none.

    Args:
        table: Its name.
        means: What its paths were taken for.
    """
    moved = [
        (written, found)
        for written, found in means.items()
        if written != found
        and not written.startswith("~")
        and parse(written).absolute
        and os.path.normpath(written) != str(found)
    ]
    if not moved:
        return ()
    written, found = moved[0]
    return (
        f"{table}: paths that are not on this machine were matched by their ends ({len(moved)}), such as {written} "
        f"with {found}",
    )


@dataclass(frozen=True)
class Absent:
    """Why a path names no file.

    Attributes:
        kind: `url`, `nul`, `home` (of nobody known), `outside` (the folder that it may not leave), `folder` (or another
            thing that is no regular file), `several` (other paths mean the same file), `unopened`, or `nothing`.
        detail: What the system says, of `unopened`; which file others mean too, of `several`.
    """

    kind: str
    detail: str = ""


def find_files(written: Iterable[str], base: Path, fence: Path | None = None) -> dict[str, Path | Absent]:
    """The file that each path of a table means: absolute and normalised, spelt as it is on the disk; or why none.

    A path is looked for as it is written, from `base`; then in the other Unicode form; then below `base`, by the
    longest end of an absolute path that is there, or without `base`'s own name in front of a relative one.

    Args:
        written: The paths.
        base: The folder that relative paths start from, absolute.
        fence: The folder that no path may leave; None: they may lead anywhere.
    """
    return Finder(base, fence).find_all(written)


def find_file(written: str, base: Path) -> Path:
    """The file that one path means, see `find_files`; where it means none, the path itself below `base`."""
    found = find_files([written], base)[written]
    return Path(os.path.normpath(base / written)) if isinstance(found, Absent) else found


class Finder:
    """`find_files` for paths that come one after another; it keeps the names in the folders that it looked into."""

    def __init__(self, base: Path, fence: Path | None = None) -> None:
        """Name the folder that relative paths start from, absolute, and the one that none may leave."""
        self._base = Path(os.path.normpath(base))
        self._fence = fence.resolve() if fence else None
        self._names: dict[Path, Mapping[str, list[str]]] = {}

    def spelt(self, written: str) -> str | None:
        """A path to what `written` names, a file or a folder, as it is spelt on the disk; None: nothing is there."""
        if not written or "\0" in written or is_url(written):
            return None
        try:
            for path in dict.fromkeys((written, written.replace("\\", "/"))):
                if os.path.lexists(self._base / path):
                    return path
                other = self._other_form(self._at(path))
                if other is not None:
                    return str(other if Path(path).is_absolute() else os.path.relpath(other, self._base))
        except OSError:  # a name that is too long: whoever opens it says so
            pass
        return None

    def find_all(self, written: Iterable[str]) -> dict[str, Path | Absent]:
        """See `find_files`."""
        found = {path: self._look(path) for path in dict.fromkeys(written)}
        absent = [path for path, at in found.items() if isinstance(at, Absent) and at.kind in ("nothing", "outside")]
        moved = {path: at for path in absent if (at := self._below(parse(path))) is not None}
        means: dict[Path, set[Written]] = {}
        for path, at in moved.items():
            means.setdefault(at, set()).add(parse(path))
        for path, at in moved.items():
            found[path] = at if len(means[at]) == 1 else Absent("several", str(at))
        return found

    def _at(self, written: str) -> Path:
        return Path(os.path.normpath(self._base / written))

    def _look(self, written: str) -> Path | Absent:
        if is_url(written):
            return Absent("url")
        if "\0" in written:
            return Absent("nul")
        plain = written.replace("\\", "/")
        path = self._at(plain)
        try:
            if plain.startswith("~") and not os.path.lexists(path):
                path = self._at(str(Path(plain).expanduser()))
            # A name may hold a backslash, which only Windows forbids.
            mode = _mode(path)
            for other in () if mode is not None else (self._at(written), self._other_form(path)):
                if other is not None and (mode := _mode(other)) is not None:
                    path = other
                    break
            if self._fence and not path.resolve().is_relative_to(self._fence):
                return Absent("outside")
        except RuntimeError:
            return Absent("home")
        except OSError as error:  # a name that is too long, say
            return Absent("unopened", str(error.strerror))
        if mode is None:
            return Absent("nothing")
        return path if stat.S_ISREG(mode) else Absent("folder")

    def _below(self, written: Written) -> Path | None:
        """A file below the base that an end of the path names."""
        for end in written.ends(self._base):
            if end.partition("/")[0] in self._forms(self._base):
                found = self._look(end)
                if isinstance(found, Path):
                    return found
        return None

    def _other_form(self, path: Path) -> Path | None:
        """The path as it is spelt on the disk, where that is in the other Unicode form."""
        if str(path).isascii():
            return None
        at = Path(path.anchor)
        for part in path.parts[1:]:
            beside = at / part
            if not os.path.lexists(beside):
                spelt = self._forms(at).get(one_form(part), [])
                if len(spelt) != 1:
                    return None
                beside = at / spelt[0]
            at = beside
        return at

    def _forms(self, folder: Path) -> Mapping[str, list[str]]:
        """The names in a folder by their one form."""
        if folder not in self._names:
            names: dict[str, list[str]] = {}
            with suppress(OSError):  # closed, or no folder
                for entry in folder.iterdir():
                    names.setdefault(one_form(entry.name), []).append(entry.name)
            self._names[folder] = names
        return self._names[folder]


def _mode(path: Path) -> int | None:
    """What is there; None: nothing."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
