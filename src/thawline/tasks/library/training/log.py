"""`training.log`: what trainings did, one after the other."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from thawline.screen import visible

FILE: Final = "training.log"
_LONGEST = 5_000_000  # bytes: an older half is dropped then


class Log:
    """A file that grows by lines, each with its time; what it is told goes to the screen, too."""

    def __init__(self, path: Path, show: Callable[[str], None]) -> None:
        """Name the file and what shows a line."""
        self._path, self._show = path, show
        if path.is_file() and path.stat().st_size > _LONGEST:
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(lines[len(lines) // 2 :]))

    def say(self, sentence: str, *, shown: bool = True) -> None:
        """A sentence to the file and, if `shown`, to the screen."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {visible(sentence)}\n")
        if shown:
            self._show(sentence)
