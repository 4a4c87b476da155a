"""A library's entries, from whatever holds them."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from thawline.errors import UserError
from thawline.tasks.library.entries.checking import Checker, width_of
from thawline.tasks.library.entries.choosing import choose
from thawline.tasks.library.entries.database import folder_of, read_database
from thawline.tasks.library.entries.documents import read_documents
from thawline.tasks.library.entries.entry import ID, PATH, Entry
from thawline.tasks.library.entries.found import RawEntry
from thawline.tasks.library.entries.photos import Photos
from thawline.tasks.library.entries.pieces import open_library
from thawline.tasks.library.entries.rows import read_csv, read_parquet
from thawline.tasks.library.entries.settings import EntrySettings, is_database
from thawline.tasks.library.entries.skipped import Skipped

_AHEAD = 256  # entries whose encodings tell how long the library's are
_TABLES = (".csv", ".tsv")


def read_entries(source: Path | str, settings: EntrySettings, skipped: Skipped) -> Iterator[Entry]:
    """The entries of a library, one by one: it may be larger than the memory. Nothing is written to it.

    Args:
        source: A file with a JSON list or an entry a line, a CSV, a Parquet file, or a database's URL.
        settings: Which of its entries, and where their photos are.
        skipped: Takes note of what can't be used, and of how many there are.

    Raises:
        UserError: It can't be read, or no entry in it can be used, or none is wanted.
    """
    found = _find(source, settings)
    first = list(islice(found, _AHEAD))
    base = Path(settings.images).expanduser() if settings.images else base_of(source)
    checker = Checker(Photos(base), skipped, width_of(first))
    checked = (entry for one in chain(first, found) if (entry := checker.check(one)) is not None)
    none = True
    for entry in choose(checked, settings):
        none = False
        yield entry
    if none:
        raise UserError(_nothing(source, settings, first, skipped))


def base_of(source: Path | str) -> Path:
    """The folder that image paths start from where none is named."""
    return folder_of(str(source)) if is_database(str(source)) else Path(source).absolute().parent


def _find(source: Path | str, settings: EntrySettings) -> Iterator[RawEntry]:
    if is_database(str(source)):
        return read_database(str(source), settings.table)
    path = Path(source)
    if settings.table is not None:
        raise UserError(f"table={settings.table} is of databases, and {path} is a file; leave it out")
    with open_library(path) as file:
        begin = file.read(4)
    if begin == b"PAR1" or path.suffix.lower() == ".parquet":
        return read_parquet(path)
    return read_csv(path) if path.suffix.lower() in _TABLES else read_documents(path)


def _nothing(source: Path | str, settings: EntrySettings, first: list[RawEntry], skipped: Skipped) -> str:
    """Why a library has no entry."""
    if skipped.used:
        dated = "" if settings.since is None else "; those without created_at are never wanted by since"
        return f"none of the {skipped.used} entries of {source} is wanted; widen since or tags{dated}"
    if not first:
        return f"{source} has no entries"
    value: Any = first[0].value
    if len(first) == 1 and isinstance(value, Mapping) and ID not in value and PATH not in value:
        lists = [name for name, held in value.items() if isinstance(held, (list, dict)) and held]
        inside = f"; those of '{lists[0]}' may be meant: save that list alone" if lists else ""
        return f"{source} holds one object, and not a list of entries, each with its {ID} and {PATH}{inside}"
    why = f"; {skipped.listed[0].sentence}" if skipped.listed else ""
    return f"none of the {skipped.read} entries of {source} can be used{why}"
