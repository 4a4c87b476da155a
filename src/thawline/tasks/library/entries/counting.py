"""About how many entries a library has, for a bar that tells the time left."""

from pathlib import Path
from typing import Final

from thawline.tasks.library.entries.entry import PATH
from thawline.tasks.library.entries.settings import EntrySettings, is_database

_PIECE: Final = 1 << 22
_MARKS: Final = (f'"{PATH}"'.encode(), f'"{PATH}"'.encode("utf-16-le"), f'"{PATH}"'.encode("utf-16-be"))


def count_entries(source: Path | str, settings: EntrySettings) -> int | None:
    """How many entries will be read, by a look at the bytes; None: that can't be told so."""
    if is_database(str(source)) or settings.since is not None or settings.tags is not None:
        return None
    path = Path(source)
    try:
        counted = _rows(path) if path.suffix.lower() == ".parquet" else _marks(path)
    except Exception:  # the reader says in words what is wrong with it
        return None
    return counted if settings.limit is None else min(counted, settings.limit)


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq  # late: other kinds need none of it

    return int(pq.read_metadata(path).num_rows)


def _marks(path: Path) -> int:
    marks = (b"\n",) if path.suffix.lower() in (".csv", ".tsv") else _MARKS
    count, left = 0, b""
    longest = max(map(len, marks)) - 1
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            data = left + piece
            count += sum(data.count(mark) for mark in marks)
            left = data[-longest:] if longest else b""
            count -= sum(left.count(mark) for mark in marks)
    return max(count + sum(left.count(mark) for mark in marks) - (marks == (b"\n",)), 0)
