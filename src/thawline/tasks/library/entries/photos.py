"""Where the path of an entry leads."""

import os
from pathlib import Path

from thawline.data.tables.places import Absent, Finder, is_url, parse


class Photos:
    """The photos of a library, below one folder or anywhere by absolute paths.

    Plain relative paths are not looked up on the disk: a library has a million. Those that another system or another
    machine wrote are, since only the disk tells what they mean.
    """

    def __init__(self, base: Path) -> None:
        """Name the folder that relative paths start from."""
        self._base = Path(os.path.normpath(base.absolute()))
        self._finder = Finder(self._base)

    def find(self, written: str) -> tuple[Path, str]:
        """(the photo that a path means, why it can't be used)."""
        if "\0" in written:
            return self._base, "a NUL byte in its path"
        if is_url(written):
            return self._base, "a URL for a path; save the photo and give its path"
        parsed = parse(written)
        if not parsed.parts:
            return self._base, "a path that names no file"
        if not parsed.absolute and parsed.parts[0] == "..":
            return self._base, "a path that leads out of the folder of photos; name that folder by images=DIR"
        if not parsed.absolute and written.isascii() and "\\" not in written:
            return self._base.joinpath(*parsed.parts), ""
        found = self._finder.find_all([written])[written]
        if not isinstance(found, Absent):
            return found, ""
        plain = written.replace("\\", "/")
        return (Path(os.path.normpath(plain)) if plain.startswith("/") else self._base.joinpath(*parsed.parts)), ""
