"""`thawline store list|verify|prune`: the feature store."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import groupby

from omegaconf import DictConfig
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from thawline.commands.line.settings import StoreVerbsSettings
from thawline.errors import RunError
from thawline.features.store.store import FeatureStore
from thawline.features.upkeep import Problem, ShelfFacts, list_shelves, prune, repair, verify
from thawline.output import report
from thawline.screen import say, say_whole
from thawline.tasks.typed import to_settings

_SHOWN = 3  # problems of a shelf


def store_list(config: DictConfig) -> None:
    """List the shelves: what computed them, how many samples, how large, when last used."""
    settings: StoreVerbsSettings = to_settings(config)
    store = FeatureStore(settings.store.root)
    shelves = list_shelves(store)
    report(store=store.root, shelves=shelves)
    console = Console()
    if shelves:
        console.print(_table(shelves))
    total = decimal(sum(shelf.bytes for shelf in shelves))
    say(console, f"{len(shelves)} shelves, {total}")
    say_whole(console, f"store  {store.root}")


def store_verify(config: DictConfig) -> None:
    """Check every stored feature against its checksum, and drop what is damaged when asked to.

    Raises:
        RunError: Something is wrong, and was not dropped; each finding was printed.
    """
    settings: StoreVerbsSettings = to_settings(config)
    store = FeatureStore(settings.store.root)
    found = verify(store)
    report(store=store.root, **asdict(found))
    console = Console()
    for line in _findings(found.problems):
        say(console, line)
    left = f"; {decimal(found.reclaimable)} left by killed runs" if found.reclaimable else ""
    say(console, f"{found.shelves} shelves, {found.samples} samples checked{left}")
    if found.outdated:
        say(
            console,
            f"{found.outdated} shelves of an earlier version, which nothing reads; 'thawline store prune' removes them",
        )
    if not found.problems:
        say(console, "nothing is wrong")
    elif settings.repair:
        _repair(store, found.problems, console)
    else:
        raise RunError(
            f"{len(found.problems)} things are wrong in {store.root}; 'thawline store verify repair=true' drops what "
            "is damaged, and the next run computes it again"
        )


def _findings(problems: list[Problem]) -> Iterator[str]:
    """A line for each problem, of each shelf the first few."""
    for shelf, found in groupby(problems, key=lambda problem: problem.shelf):
        some = list(found)
        where = " ".join(f"shelf {shelf[:12]} {some[0].label}".split()) if shelf else "memory of files"
        yield from (f"{where}: {problem.what}" for problem in some[:_SHOWN])
        if len(some) > _SHOWN:
            yield f"{where}: {len(some) - _SHOWN} more like these"


def _repair(store: FeatureStore, problems: list[Problem], console: Console) -> None:
    repaired = repair(store, problems)
    report(repaired=repaired)
    dropped = [f"{repaired.samples} damaged features"] if repaired.samples else []
    dropped += [f"{repaired.shelves} damaged shelves"] if repaired.shelves else []
    what = " and ".join(dropped) or "what was damaged"
    say(console, f"dropped {what}; the next run computes again what it needs")
    if repaired.busy:
        say(console, f"{len(repaired.busy)} shelves are being filled and stay")


def store_prune(config: DictConfig) -> None:
    """Delete shelves that were not used lately, or all."""
    settings: StoreVerbsSettings = to_settings(config)
    store = FeatureStore(settings.store.root)
    pruned = prune(store, older_than_days=None if settings.all else settings.older_than_days, everything=settings.all)
    report(store=store.root, removed=pruned.removed, busy=pruned.busy)
    console = Console()
    freed = decimal(sum(shelf.bytes for shelf in pruned.removed))
    say(console, f"removed {len(pruned.removed)} shelves, {freed}")
    say_whole(console, f"store  {store.root}")
    if pruned.busy:
        say(console, f"{len(pruned.busy)} shelves are being filled and stay")


def _table(shelves: list[ShelfFacts]) -> Table:
    table = Table(box=None)
    for heading in ("features of", "type", "samples", "size", "last used"):
        table.add_column(heading, overflow="fold")
    for shelf in shelves:
        kind = "/".join(str(part) for part in (shelf.dtype, shelf.device) if part)
        used = datetime.fromtimestamp(shelf.used).strftime("%Y-%m-%d %H:%M")
        table.add_row(Text(shelf.label or shelf.id[:12]), Text(kind), str(shelf.samples), decimal(shelf.bytes), used)
    return table
