"""Photos or tracks to be judged, one after another: files as they are named, and what lies below folders."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from thawline.data.foreign import is_foreign, is_hidden
from thawline.data.listing import PHOTOS, Media


def walk_photos(paths: Iterable[str], unopened: dict[str, str]) -> Iterator[str]:
    """`walk_files` of photos."""
    yield from walk_files(paths, unopened, PHOTOS)


def walk_files(paths: Iterable[str], unopened: dict[str, str], media: Media) -> Iterator[str]:
    """Each of `paths`; in place of a folder, the files of one kind below it, a folder's own before its folders'.

    Files and folders are sorted by name. No more than the names in one folder are in memory. Hidden files and folders
    are skipped, links are followed, each folder once. What is one by its name but of a kind that can't be read (HEIC,
    MIDI) is given too: whoever reads it says so.

    Args:
        paths: Files and folders; what is not there is given as it is.
        unopened: Gets the folders that can't be opened, which are given as well, and the reason.
        media: What to look for in folders.
    """
    for path in paths:
        if _is_folder(Path(path)):
            yield from _below(Path(path), unopened, media)
        else:
            yield path


def _below(top: Path, unopened: dict[str, str], media: Media) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    stack = [top]
    while stack:
        folder = stack.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            files, folders = _names(folder, media)
        except OSError as error:
            unopened[str(folder)] = f"the folder cannot be opened: {error.strerror}"
            yield str(folder)
            continue
        for name in files:
            yield str(folder / name)
        stack += [folder / name for name in reversed(folders)]


def _names(folder: Path, media: Media) -> tuple[list[str], list[str]]:
    """The names of the files and of the folders in `folder`, each sorted."""
    files, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if _is_folder(entry):
                if not is_foreign(entry.name):
                    folders.append(entry.name)
            elif media.looks_like_one(Path(entry.path)):
                files.append(entry.name)
    return sorted(files, key=os.fsencode), sorted(folders, key=os.fsencode)


def _is_folder(place: "Path | os.DirEntry[str]") -> bool:
    try:
        return place.is_dir()
    except OSError:  # a loop of links, a name that is too long: whoever reads it says so
        return False
