"""`thawline store list|verify|prune`: the feature store."""

from datetime import datetime

from omegaconf import DictConfig
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from thawline.commands.settings import to_settings
from thawline.errors import RunError
from thawline.features.store import FeatureStore
from thawline.features.upkeep import ShelfFacts, list_shelves, prune, verify


def store_list(config: DictConfig) -> None:
    """List the shelves: what computed them, how many samples, how large, when last used."""
    store = FeatureStore(to_settings(config).store.root)
    shelves = list_shelves(store)
    console = Console()
    if shelves:
        console.print(_table(shelves))
    total = decimal(sum(shelf.bytes for shelf in shelves))
    console.print(f"{len(shelves)} shelves, {total}, in {store.root}", highlight=False, markup=False, soft_wrap=True)


def store_verify(config: DictConfig) -> None:
    """Check every stored feature against its checksum.

    Raises:
        RunError: Something is wrong; each finding was printed.
    """
    store = FeatureStore(to_settings(config).store.root)
    found = verify(store)
    console = Console()
    for problem in found.problems:
        where = f"shelf {problem.shelf[:12]}" if problem.shelf else "memory of files"
        console.print(f"{where}: {problem.what}", highlight=False, markup=False, soft_wrap=True)
    left = f"; {decimal(found.reclaimable)} left by killed runs" if found.reclaimable else ""
    console.print(f"{found.shelves} shelves, {found.samples} samples checked{left}", highlight=False)
    if found.problems:
        raise RunError(
            f"{len(found.problems)} things are wrong in {store.root}; 'thawline store prune all=true' empties it, "
            "and the next run computes again what it needs"
        )
    console.print("nothing is wrong", highlight=False)


def store_prune(config: DictConfig) -> None:
    """Delete shelves that were not used lately, or all."""
    settings = to_settings(config)
    store = FeatureStore(settings.store.root)
    pruned = prune(store, older_than_days=None if settings.all else settings.older_than_days, everything=settings.all)
    console = Console()
    freed = decimal(sum(shelf.bytes for shelf in pruned.removed))
    console.print(f"removed {len(pruned.removed)} shelves, {freed}, from {store.root}", highlight=False, soft_wrap=True)
    if pruned.busy:
        console.print(f"{len(pruned.busy)} shelves are being filled and stay", highlight=False)


def _table(shelves: list[ShelfFacts]) -> Table:
    table = Table("features of", "type", "samples", "size", "last used", box=None)
    for shelf in shelves:
        kind = "/".join(str(part) for part in (shelf.dtype, shelf.device) if part)
        used = datetime.fromtimestamp(shelf.used).strftime("%Y-%m-%d %H:%M")
        table.add_row(shelf.label or shelf.id[:12], kind, str(shelf.samples), decimal(shelf.bytes), used)
    return table
