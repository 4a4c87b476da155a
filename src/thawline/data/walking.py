"""Photos to be judged, one after another: files as they are named, and what lies below folders."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from thawline.data.listing import is_hidden, looks_like_photo


def walk_photos(paths: Iterable[str], unopened: dict[str, str]) -> Iterator[str]:
    """Each of `paths`; in place of a folder, the photos below it, sorted by name, a folder's own before its folders'.

    No more than the names in one folder are in memory. Hidden files and folders are skipped, links are followed, each
    folder once. What is a photo by its name but of a kind that can't be read (HEIC) is given too: whoever reads it says
    so.

    Args:
        paths: Files and folders; what is not there is given as it is.
        unopened: Gets the folders that can't be opened, which are given as well, and the reason.
    """
    for path in paths:
        if _is_folder(Path(path)):
            yield from _below(Path(path), unopened)
        else:
            yield path


def _below(top: Path, unopened: dict[str, str]) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    stack = [top]
    while stack:
        folder = stack.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            photos, folders = _names(folder)
        except OSError as error:
            unopened[str(folder)] = f"the folder cannot be opened: {error.strerror}"
            yield str(folder)
            continue
        for name in photos:
            yield str(folder / name)
        stack += [folder / name for name in reversed(folders)]


def _names(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the photos and of the folders in `folder`, each sorted."""
    photos, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if _is_folder(entry):
                folders.append(entry.name)
            elif looks_like_photo(entry.name):
                photos.append(entry.name)
    return sorted(photos, key=os.fsencode), sorted(folders, key=os.fsencode)


def _is_folder(place: "Path | os.DirEntry[str]") -> bool:
    try:
        return place.is_dir()
    except OSError:  # a loop of links, a name that is too long: whoever reads it says so
        return False
