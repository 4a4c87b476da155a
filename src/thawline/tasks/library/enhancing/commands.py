"""`thawline library enhance` and `thawline library advice`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from thawline.errors import UserError
from thawline.features.progress import bar
from thawline.files import write_atomically
from thawline.output import report
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.library.enhancing.enhancer import LOADED, Enhancer
from thawline.tasks.library.enhancing.settings import LibraryEnhanceSettings
from thawline.tasks.library.entries.counting import count_entries
from thawline.tasks.library.entries.entry import Entry
from thawline.tasks.library.entries.reading import read_entries
from thawline.tasks.library.entries.settings import is_database
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.typed import to_settings

_SHOWN = 5  # values that can't be used, named one by one


def enhance(config: DictConfig) -> None:
    """Write what a library taught of new entries.

    Raises:
        UserError: Nothing was learnt, or the entries can't be read.
    """
    settings: LibraryEnhanceSettings = to_settings(config)
    enhancer, console = Enhancer(settings.folder), Console()
    say(console, f"{LOADED} (version {enhancer.version})")
    out, skipped = Path(settings.out).expanduser(), Skipped()
    if out.absolute() == Path(str(settings.file)).absolute():
        raise UserError(f"{out} is the file of the entries, which is never changed; name another out=")
    counts = {"entries": 0, "generated": 0, "suggested": 0, "recognised": 0}

    def save(path: Path) -> None:
        with path.open("w", encoding="utf-8") as file:
            file.write("[")
            for entry in _entries(settings, str(settings.file), skipped):
                said = enhancer.enhance(entry)
                file.write(",\n" if counts["entries"] else "\n")
                file.write(json.dumps(said, ensure_ascii=False, allow_nan=False))
                _count(counts, said)
            file.write("\n]\n")

    write_atomically(out, save)
    report(**counts, skipped=skipped.entries + skipped.fields, written={"enhanced": out}, advice=enhancer.advice())
    for one in skipped.listed[:_SHOWN]:
        say(console, f"not used: {one.sentence}")
    if (more := skipped.entries + skipped.fields - _SHOWN) > 0:
        say(console, f"and {more} more values that can't be used")
    say(
        console,
        f"{counts['entries']} entries: {counts['generated']} descriptions made, {counts['suggested']} tags suggested, "
        f"{counts['recognised']} faces recognised",
    )
    say_whole(console, as_word(out))
    _advise(enhancer, console)


def advice(config: DictConfig) -> None:
    """Say whether a library should be learnt again, by the entries of a file, the owner's corrections, and time.

    Raises:
        UserError: Nothing was learnt, or the entries can't be read.
    """
    settings: LibraryEnhanceSettings = to_settings(config)
    enhancer, console = Enhancer(settings.folder), Console()
    source = settings.file or str(enhancer.report.get("source", ""))
    if settings.file is None and (is_database(source) or not Path(source).is_file()):
        say(console, "what was learnt from is not read again; name it as FILE to count what is new in it")
    else:
        for entry in _entries(settings, source, Skipped()):
            enhancer.news.see(entry)
        say(console, f"{enhancer.news.images} new entries")
    report(new_entries=enhancer.news.images, advice=enhancer.advice())
    if not _advise(enhancer, console):
        say(console, "there is no need to train again")


def _entries(settings: LibraryEnhanceSettings, source: str, skipped: Skipped) -> Iterator[Entry]:
    with bar("entries", "entries", count_entries(source, settings)) as tick:
        for entry in read_entries(source if is_database(source) else Path(source), settings, skipped):
            yield entry
            tick(1)


def _count(counts: dict[str, int], said: dict[str, Any]) -> None:
    counts["entries"] += 1
    counts["generated"] += said["description_by"] == "generated"
    counts["suggested"] += sum(one["probability"] < 1 for one in said["tags"])
    counts["recognised"] += sum(one["person"] is not None for one in said["people"])


def _advise(enhancer: Enhancer, console: Console) -> bool:
    """Say why to train again; whether there is a reason."""
    reasons = enhancer.advice()
    if reasons:
        say(console, f"train again: {'; '.join(reasons)}")
        say_next(console, [f"thawline library train FILE out={as_word(enhancer.path)}"])
    return bool(reasons)
