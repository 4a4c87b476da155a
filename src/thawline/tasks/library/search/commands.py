"""`thawline library search`: what of a library fits some words."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thawline.errors import UserError
from thawline.files import printable, write_text
from thawline.output import report
from thawline.screen import as_word, say, say_next, say_whole, visible
from thawline.tasks.library.entries.settings import since_of
from thawline.tasks.library.search.query import Query
from thawline.tasks.library.search.searcher import Searcher, SearchHit, load
from thawline.tasks.library.search.settings import LibrarySearchSettings
from thawline.tasks.typed import to_settings

_COLUMNS = ("id", "score", "image_path", "is_there", "caption", "tags", "created_at", "by")
_CAPTION = 100  # characters shown


def search(config: DictConfig) -> None:
    """Show the entries that some words describe.

    Raises:
        UserError: There is no index, nothing is asked, or nothing is found.
    """
    settings: LibrarySearchSettings = to_settings(config)
    directory, console = Path(settings.dir).expanduser(), Console()
    searcher = load(directory, settings.sentences)
    text = " ".join(settings.words).strip()
    query = searcher.understand(text)
    if not query.says_something:
        raise UserError(_nothing_asked(text))
    found = searcher.search(text, settings.count, tags=settings.tags, since=since_of(settings.entries))
    rows = [_row(searcher, one) for one in found]
    if not found:
        raise UserError(_nothing_found(searcher, query, filtered=bool(settings.tags or settings.since)))
    if settings.out is not None:
        _write(Path(settings.out).expanduser(), rows)
    for note in searcher.notes:
        say(console, note)
    for word in query.unknown:
        say(console, f"no entry says '{word}'{_instead(searcher, word)}")
    report(
        found=rows,
        unknown={word: list(searcher.nearest(word)) for word in query.unknown},
        notes=list(searcher.notes),
        written={} if settings.out is None else {"found": settings.out},
    )
    console.print(_table(rows))
    if absent := sum(not row["is_there"] for row in rows):
        say(console, f"marked with *: photos that are not where the library says, {absent} of {len(rows)}")
    if settings.out is not None:
        say_whole(console, f"written to {as_word(Path(settings.out).expanduser())}")
    else:
        say_next(console, [f"thawline library search {as_word(directory)} … out=found.jsonl"])


def _nothing_asked(text: str) -> str:
    if not text:
        return "nothing is searched for; give some words: thawline library search DIR dog on a beach"
    return f"'{text}' says nothing that could be searched for; add a word such as a thing, a place or a person's name"


def _nothing_found(searcher: Searcher, query: Query, *, filtered: bool) -> str:
    if filtered:
        return "no entry that tags and since let through says so; widen them, or use other words"
    words = "; ".join(f"no entry says '{word}'{_instead(searcher, word)}" for word in query.unknown)
    return f"nothing is found: {words or 'no entry fits'}"


def _instead(searcher: Searcher, word: str) -> str:
    near = searcher.nearest(word)
    return f", but {', '.join(near)}" if near else ""


def _row(searcher: Searcher, found: SearchHit) -> dict[str, Any]:
    entry = searcher.entries[found.row]
    return {
        "id": found.id,
        "score": round(found.score, 6),
        "image_path": entry.path,
        "is_there": Path(entry.path).exists(),
        "caption": entry.caption,
        "tags": list(entry.tags),
        "created_at": None if entry.created is None else f"{entry.created:%Y-%m-%dT%H:%M:%SZ}",
        "by": list(found.by),
    }


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("id", overflow="fold", max_width=12)
    table.add_column("photo", overflow="fold", max_width=24)
    table.add_column("caption", overflow="fold")
    table.add_column("why", overflow="fold", max_width=22)
    for row in rows:
        caption = row["caption"] if len(row["caption"]) <= _CAPTION else f"{row['caption'][: _CAPTION - 1]}…"
        mark = "" if row["is_there"] else "*"
        cells = (row["id"], mark + Path(row["image_path"]).name, caption, "; ".join(row["by"]))
        table.add_row(*(Text(visible(printable(cell))) for cell in cells))
    return table


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    if path.suffix.lower() == ".jsonl":
        write_text(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow("; ".join(cell) if isinstance(cell, list) else cell for cell in row.values())
    write_text(path, text.getvalue())
