"""Which photos or tracks a folder holds: a folder per class, perhaps below train/, val/ and test/."""

import difflib
import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from thawline.data.foreign import holds_runs, is_foreign, is_hidden
from thawline.data.photos.corrected import Corrected, Correction
from thawline.data.photos.decoding.headers import HEAD, READABLE, sniff
from thawline.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
SIDES = {
    **{"train": "train", "training": "train"},
    **{"val": "val", "valid": "val", "validation": "val", "dev": "val"},
    **{"test": "test", "testing": "test"},
}
LAYOUTS = ("auto", "split", "classes")
PLAIN = "Each folder is a class."

_NAMED = {".heic": "HEIC", ".heif": "HEIC", ".avif": "AVIF", ".gif": "GIF", ".tif": "TIFF", ".tiff": "TIFF"}


@dataclass(frozen=True)
class Media:
    """What a listing looks for.

    Attributes:
        noun: what one file holds.
        suffixes: of the files that can be read, in lower case.
        named: suffixes of files of the same kind that cannot be read, and what these are called.
        sniff: what the first bytes of a file say that it is, whatever its name; None: names count alone.
        readable: what it says of those that can be read.
    """

    noun: str
    suffixes: tuple[str, ...]
    named: Mapping[str, str] = field(default_factory=dict)
    sniff: Callable[[bytes], str | None] | None = None
    readable: tuple[str, ...] = ()

    def looks_like_one(self, path: Path) -> bool:
        """Whether a file is one of these by its name, of a kind that can be read or not, or by its content."""
        suffix = path.suffix.lower()
        return suffix in self.suffixes or suffix in self.named or self.kind(path) in self.readable

    def kind(self, path: Path) -> str | None:
        """What a regular file is by its content; None if that can't be told."""
        if self.sniff is None:
            return None
        try:
            with path.open("rb") as file:
                return self.sniff(file.read(HEAD))
        except OSError:
            return None


PHOTOS = Media("photo", SUFFIXES, _NAMED, sniff, READABLE)


@dataclass(frozen=True)
class Listed:
    """A file that looks like a photo, or like a track, by its name.

    Attributes:
        path: absolute.
        name: relative to the root, "/" between folders, always valid Unicode; what predictions and reports call it.
        label: the class folder's name, in Unicode's composed form (NFC).
        folder: the folder below the class that holds it, "" if none.
        side: "train", "val" or "test" where the collection comes split, else None.
        labels: all that a table tells of it, `label` being the first; none: its label alone.
        group: the album or shoot that a table says it belongs to; None: it says nothing.
        correction: the labels that a table of corrections gives instead, where there can be several; None: none.
    """

    path: Path
    name: str
    label: str
    folder: str
    side: str | None
    labels: tuple[str, ...] = ()
    group: str | None = None
    correction: Correction | None = None

    @property
    def each_label(self) -> tuple[str, ...]:
        """All its labels."""
        return self.labels or (self.label,)


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not used, and why, in one phrase."""

    name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """What a folder holds, before any file is read: classes sorted, photos and left_out sorted by name.

    Attributes:
        root: the folder.
        classes: of the photos.
        photos: what can be read, by name or content.
        left_out: what is not used.
        layout: what its folders were taken for, a sentence; "" of a table.
        notes: sentences on a table.
        corrected: what a table of corrections did to it; None: none was given.
    """

    root: Path
    classes: tuple[str, ...]
    photos: tuple[Listed, ...]
    left_out: tuple[LeftOut, ...]
    layout: str = ""
    notes: tuple[str, ...] = ()
    corrected: Corrected | None = None


def list_photos(root: Path, classes: Sequence[str] | None = None, *, layout: str = "auto") -> Listing:
    """`list_files` of photos."""
    return list_files(root, PHOTOS, classes, layout=layout)


def list_files(root: Path, media: Media, classes: Sequence[str] | None = None, *, layout: str = "auto") -> Listing:
    """List the files of a collection, a folder per class, without reading them.

    Hidden files and folders are skipped silently; recycle bins and the like, and this program's own runs, are named.
    Links are followed, each folder once: a loop ends.

    Args:
        root: the collection. If its folders are all called train, val (valid, validation, dev) or test and hold folders
            themselves, they are the sides of a given split and the classes lie below them. Other folders beside at
            least two of these are left out where no such file lies below them.
        media: what to look for.
        classes: take only these; None takes all.
        layout: "auto"; "split": train, val and test are the split, whatever lies beside; "classes": they are classes.

    Raises:
        UserError: no such folder, no class folder with such a file, a class that is not there, or a folder with such
            files beside sides.
    """
    return _Lister(root, media).listing(classes, layout)


@dataclass(frozen=True)
class _Place:
    path: Path  # of a folder or file
    top: Path  # the class folder
    label: str
    side: str | None


class _Lister:
    """One listing in the making.

    Folders seen are remembered by device and inode, so that none is listed twice; links to folders are followed after
    all real folders, so that a folder's own place in the collection wins.
    """

    def __init__(self, root: Path, media: Media) -> None:
        self.media = media
        try:
            self.root = root.resolve(strict=True)
            self.top = sorted(os.scandir(self.root), key=lambda entry: os.fsencode(entry.name))
        except NotADirectoryError:
            raise UserError(f"{root} is a file; give the folder that holds a folder per class") from None
        except FileNotFoundError:
            raise UserError(f"there is no folder {root}; check the path") from None
        except (OSError, RuntimeError) as error:  # RuntimeError: Python 3.11 on a link to itself
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"the folder {root} cannot be opened: {reason}") from None
        self.seen: set[tuple[int, int]] = set()
        self._is_new(self.root)
        self.links: list[_Place] = []
        self.photos: list[Listed] = []
        self.left_out: list[LeftOut] = []

    def listing(self, wanted: Sequence[str] | None, layout: str) -> Listing:
        folders, said = self._class_folders(layout)
        names = sorted({folder.label for folder in folders})
        if not names:
            raise UserError(
                f"{self.root} has no folders; put the {self.media.noun}s of each class into a folder of its own there"
            )
        chosen = names if wanted is None else choose(wanted, names, self.root)
        real = [folder for folder in folders if not folder.path.is_symlink() and self._is_new(folder.path)]
        self.links = [folder for folder in folders if folder.label in chosen and folder.path.is_symlink()]
        for folder in real:
            if folder.label in chosen:
                self._walk(folder)
        while self.links:
            link = self.links.pop(0)
            if self._is_new(link.path):
                self._walk(link)
            else:
                self._leave_out(link.path, "a link to a folder that is in the collection already")
        named = {left.name for left in self.left_out}
        used = {(photo.label, photo.side) for photo in self.photos}
        for folder in folders:
            if (
                folder.label in chosen
                and (folder.label, folder.side) not in used
                and self._name(folder.path) not in named
            ):
                self._leave_out(folder.path, f"no {self.media.noun} in this class folder")
        if not self.photos:
            raise UserError(
                f"no {', '.join(self.media.suffixes)} file lies in a class folder of {self.root}; "
                f"put the {self.media.noun}s of each class into a folder of its own there"
            )
        return Listing(
            self.root,
            tuple(sorted({photo.label for photo in self.photos})),
            tuple(sorted(self.photos, key=lambda photo: photo.name)),
            tuple(sorted(self.left_out, key=lambda left: left.name)),
            said,
        )

    def _class_folders(self, layout: str) -> tuple[list[_Place], str]:
        """The class folders, below the sides where there are such, and what was taken for what."""
        folders = [folder for entry in self._folders(self.top) if not self._is_foreign(folder := Path(entry.path))]
        sides = [folder for folder in folders if folder.name.casefold() in SIDES]
        others = [folder for folder in folders if folder not in sides]
        if not self._is_split(layout, sides, others):
            return [_Place(path, path, _label(path), None) for path in folders], PLAIN
        for folder in others:
            self._leave_out(folder, f"beside {_some(sides)}, whose folders are the classes")
        one = len({SIDES[folder.name.casefold()] for folder in sides}) == 1
        places = [
            _Place(path, path, _label(path), None if one else SIDES[side.name.casefold()])
            for side in sides
            for entry in self._folders(self._scan(side))
            if not self._is_foreign(path := Path(entry.path))
        ]
        said = f"{_some(sides)} are the split, the folders in them the classes."
        return places, f"The folders in {_some(sides)} are the classes." if one else said

    def _is_split(self, layout: str, sides: list[Path], others: list[Path]) -> bool:
        """Whether the sides are a given split rather than classes; UserError if that can't be told."""
        if layout == "classes" or not any(self._holds_folders(side) for side in sides):
            if layout == "split":
                raise UserError(f"{self.root} has no train/, val/ or test/ with folders in it; leave data.layout out")
            return False
        others = [folder for folder in others if self._holds_any(folder)] if layout == "auto" else []
        if others and len(sides) > 1:
            raise UserError(
                f"{self.root} can be read in two ways: {_some(sides)} have folders in them, and {_some(others)} "
                f"beside them {'has' if len(others) == 1 else 'have'} {self.media.noun}s; data.layout=split takes the "
                "former for the split and leaves the rest out; data.layout=classes makes each folder a class"
            )
        return not others

    def _holds_folders(self, folder: Path) -> bool:
        with suppress(OSError):  # whoever lists it says so
            return any(entry.is_dir() and not is_hidden(entry.name) for entry in os.scandir(folder))
        return False

    def _is_foreign(self, folder: Path) -> bool:
        """Whether a folder is no class, by what systems and this program put into folders; it is named."""
        if is_foreign(folder.name):
            self._leave_out(folder, "a folder of the system's or of another program's, and no class")
        elif holds_runs(folder):
            self._leave_out(folder, "runs of this program, and no class")
        else:
            return False
        return True

    def _holds_any(self, folder: Path) -> bool:
        """Whether such a file lies below the folder."""
        for here, inside, files in os.walk(folder):
            inside[:] = [name for name in inside if not is_hidden(name)]
            if any(self.media.looks_like_one(Path(here, name)) for name in files if not is_hidden(name)):
                return True
        return False

    def _folders(self, entries: list[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        """The visible folders among `entries`; loose files have no class and are left out."""
        for entry in entries:
            if is_hidden(entry.name):
                continue
            kind = self._kind(entry)
            if kind == "folder":
                yield entry
            elif kind == "file":
                self._leave_out(Path(entry.path), "not in a class folder")

    def _walk(self, start: _Place) -> None:
        """List what lies below a folder; links to folders wait in `self.links`."""
        stack = [start.path]
        while stack:
            for entry in self._scan(stack.pop()):
                if is_hidden(entry.name):
                    continue
                path = Path(entry.path)
                kind = self._kind(entry)
                if kind == "file":
                    self._file(replace(start, path=path))
                elif kind == "folder" and entry.is_symlink():
                    self.links.append(replace(start, path=path))
                elif kind == "folder" and self._is_new(path):
                    stack.append(path)
                elif kind == "folder":
                    self._leave_out(path, "a folder that is in the collection already, by a link")

    def _file(self, file: _Place) -> None:
        suffix = file.path.suffix.lower()
        kind = None if suffix in self.media.suffixes else self.media.kind(file.path)
        if suffix in self.media.suffixes or kind in self.media.readable:
            below = file.path.parent.relative_to(file.top).as_posix()
            folder = "" if below == "." else as_text(below)
            self.photos.append(Listed(file.path, self._name(file.path), file.label, folder, file.side))
        else:
            kind = kind or self.media.named.get(suffix, suffix or "no suffix")
            self._leave_out(file.path, f"not supported ({kind})")

    def _kind(self, entry: os.DirEntry[str]) -> str | None:
        """A "folder", a "file", or None for what cannot be read, which is left out."""
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            link = entry.is_symlink()
            self._leave_out(Path(entry.path), "a link that leads nowhere" if link else f"unreadable: {error.strerror}")
            return None
        if stat.S_ISDIR(mode):
            return "folder"
        if stat.S_ISREG(mode):
            return "file"
        self._leave_out(Path(entry.path), "not a regular file")  # reading a pipe would wait for ever
        return None

    def _is_new(self, folder: Path) -> bool:
        """Whether no folder of the same identity was asked about before."""
        try:
            status = folder.stat()
        except OSError:
            return True  # _scan says what is wrong
        key = (status.st_dev, status.st_ino)
        new = key not in self.seen
        self.seen.add(key)
        return new

    def _scan(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            return sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self._leave_out(folder, f"the folder cannot be opened: {error.strerror}")
            return []

    def _name(self, path: Path) -> str:
        return as_text(path.relative_to(self.root).as_posix())

    def _leave_out(self, path: Path, reason: str) -> None:
        self.left_out.append(LeftOut(self._name(path), reason))


def as_text(name: str) -> str:
    r"""A file name as text that every writer takes: bytes that are not UTF-8 become \xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _some(folders: Sequence[Path]) -> str:
    """The names of folders, joined; of many the first."""
    names = [f"{as_text(folder.name)}/" for folder in folders[:4]]
    if len(folders) > len(names):
        names = [*names, f"{len(folders) - len(names)} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _label(folder: Path) -> str:
    """A class folder's name; composed, since macOS stores "é" as two characters and nobody types it so."""
    return unicodedata.normalize("NFC", as_text(folder.name))


def choose(wanted: Sequence[str], names: Sequence[str], root: Path) -> set[str]:
    """The classes that are `wanted` of all `names` in `root`; raises UserError for one that is not there."""
    chosen = {unicodedata.normalize("NFC", name) for name in wanted}
    for name in sorted(chosen.difference(names)):
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names[:8]
        raise UserError(f"there is no class {name!r} in {root}; did you mean {' or '.join(map(repr, near))}?")
    if not chosen:
        raise UserError("data.classes is empty; name at least two classes, or leave it out to take all")
    return chosen
