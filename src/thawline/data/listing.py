"""Which photos or tracks a folder holds: a folder per class, perhaps below train/, val/ and test/."""

import difflib
import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from thawline.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
SIDES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

_NOT_OURS = ("__MACOSX", "@eaDir")  # what macOS archives and NAS devices add: thumbnails and resource forks
_NAMED = {".heic": "HEIC", ".heif": "HEIC", ".avif": "AVIF", ".gif": "GIF", ".tif": "TIFF", ".tiff": "TIFF"}


@dataclass(frozen=True)
class Media:
    """What a listing looks for.

    Attributes:
        noun: what one file holds.
        suffixes: of the files that can be read, in lower case.
        named: suffixes of files of the same kind that cannot be read, and what these are called.
    """

    noun: str
    suffixes: tuple[str, ...]
    named: Mapping[str, str] = field(default_factory=dict)

    def looks_like_one(self, name: str) -> bool:
        """Whether a file of that name is one of these, of a kind that can be read or not."""
        suffix = Path(name).suffix.lower()
        return suffix in self.suffixes or suffix in self.named


PHOTOS = Media("photo", SUFFIXES, _NAMED)


@dataclass(frozen=True)
class Listed:
    """A file that looks like a photo, or like a track, by its name.

    Attributes:
        path: absolute.
        name: relative to the root, "/" between folders, always valid Unicode; what predictions and reports call it.
        label: the class folder's name, in Unicode's composed form (NFC).
        folder: the folder below the class that holds it, "" if none.
        side: "train", "val" or "test" where the collection comes split, else None.
    """

    path: Path
    name: str
    label: str
    folder: str
    side: str | None


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not used, and why, in one phrase."""

    name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """What a folder holds, before any file is read: classes sorted, photos and left_out sorted by name."""

    root: Path
    classes: tuple[str, ...]
    photos: tuple[Listed, ...]
    left_out: tuple[LeftOut, ...]


def list_photos(root: Path, classes: Sequence[str] | None = None) -> Listing:
    """`list_files` of photos."""
    return list_files(root, PHOTOS, classes)


def list_files(root: Path, media: Media, classes: Sequence[str] | None = None) -> Listing:
    """List the files of a collection, a folder per class, without reading them.

    Hidden files and folders are skipped silently. Links are followed, each folder once: a loop ends.

    Args:
        root: the collection. If its visible folders are all called train, val, valid, validation or test and hold
            folders themselves, they are the sides of a given split and the classes lie below them.
        media: what to look for.
        classes: take only these; None takes all.

    Raises:
        UserError: no such folder, no class folder with such a file, or a class that is not there.
    """
    return _Lister(root, media).listing(classes)


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
            raise UserError(f"{root} is a file; give the folder that holds a folder per class.") from None
        except FileNotFoundError:
            raise UserError(f"There is no folder {root}; check the path.") from None
        except (OSError, RuntimeError) as error:  # RuntimeError: Python 3.11 on a link to itself
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"The folder {root} cannot be opened: {reason}.") from None
        self.seen: set[tuple[int, int]] = set()
        self._is_new(self.root)
        self.links: list[_Place] = []
        self.photos: list[Listed] = []
        self.left_out: list[LeftOut] = []

    def listing(self, wanted: Sequence[str] | None) -> Listing:
        folders = self._class_folders()
        names = sorted({folder.label for folder in folders})
        if not names:
            raise UserError(
                f"{self.root} has no folders; put the {self.media.noun}s of each class into a folder of its own there."
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
                f"No {', '.join(self.media.suffixes)} file lies in a class folder of {self.root}; "
                f"put the {self.media.noun}s of each class into a folder of its own there."
            )
        return Listing(
            self.root,
            tuple(sorted({photo.label for photo in self.photos})),
            tuple(sorted(self.photos, key=lambda photo: photo.name)),
            tuple(sorted(self.left_out, key=lambda left: left.name)),
        )

    def _class_folders(self) -> list[_Place]:
        """Below the sides, where the root holds nothing else."""
        folders = [Path(entry.path) for entry in self._folders(self.top)]
        sides = [SIDES.get(path.name.lower()) for path in folders]
        found = []
        if all(sides):
            for path, side in zip(folders, sides, strict=True):
                inside = [Path(entry.path) for entry in self._folders(self._scan(path))]
                found += [_Place(folder, folder, _label(folder), side) for folder in inside]
        return found or [_Place(path, path, _label(path), None) for path in folders]

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
        if suffix in self.media.suffixes:
            below = file.path.parent.relative_to(file.top).as_posix()
            folder = "" if below == "." else as_text(below)
            self.photos.append(Listed(file.path, self._name(file.path), file.label, folder, file.side))
        else:
            self._leave_out(file.path, f"not supported ({self.media.named.get(suffix, suffix or 'no suffix')})")

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


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is nothing of the user's."""
    return name.startswith(".") or name in _NOT_OURS


def as_text(name: str) -> str:
    r"""A file name as text that every writer takes: bytes that are not UTF-8 become \xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _label(folder: Path) -> str:
    """A class folder's name; composed, since macOS stores "é" as two characters and nobody types it so."""
    return unicodedata.normalize("NFC", as_text(folder.name))


def choose(wanted: Sequence[str], names: Sequence[str], root: Path) -> set[str]:
    """The classes that are `wanted` of all `names` in `root`; raises UserError for one that is not there."""
    chosen = {unicodedata.normalize("NFC", name) for name in wanted}
    for name in sorted(chosen.difference(names)):
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names[:8]
        raise UserError(f"There is no class {name!r} in {root}; did you mean {' or '.join(map(repr, near))}?")
    if not chosen:
        raise UserError("data.classes is empty; name at least two classes, or leave it out to take all.")
    return chosen
