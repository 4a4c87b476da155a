"""A forecast on screen, and what to do about it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from thawline.commands.forecast.forecast import Forecast, Part
from thawline.screen import say

_TIGHT = 0.9  # share of what is free that may be filled without a word


def show(forecast: Forecast, store: Path, console: Console) -> None:
    """Print what a command line will take, and what can be done where it does not fit."""
    console.print(_table(forecast))
    console.print()
    total = forecast.total
    for heading, text in (
        ("in all", f"{duration(total.wall)}, {duration(total.processor)} of the processor{_side_by_side(forecast)}"),
        ("range", _range(forecast)),
        ("of it", f"{duration(forecast.start.wall + forecast.finish.wall)} to start and to judge at the end"),
        ("memory", f"{decimal(forecast.memory)} at most"),
        ("store", f"{decimal(forecast.bytes)} more, {decimal(_free(store))} free"),
    ):
        if text:
            say(console, f"{heading:<7}{text}")
    for sentence in (*_assumed(forecast), *_advice(forecast, store)):
        say(console, sentence)


def _table(forecast: Forecast) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    for heading in ("encoder", "thaw", "method"):
        table.add_column(heading, overflow="fold", min_width=4)
    for heading in ("trials", "features", "fits", "besides", "store", "memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    for part in forecast.parts:
        table.add_row(Text(part.encoder), Text(part.thaw), Text(part.method), f"{part.trials:.0f}", *_figures(part))
    return table


def _figures(part: Part) -> list[str]:
    if part.reason is not None:
        return ["", "", "", "fails", ""]
    features = "stored" if part.stored else duration(part.features.wall)
    size = decimal(part.bytes) if part.bytes else "-"
    return [features, duration(part.fits.wall), duration(part.rest.wall), size, decimal(part.memory)]


def duration(seconds: float) -> str:
    """Seconds as they are read: 0.4 s, 12 s, 3 min, 2.5 h."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _side_by_side(forecast: Forecast) -> str:
    return f", {forecast.workers} trials side by side" if forecast.workers > 1 else ""


def _range(forecast: Forecast) -> str:
    """How short and how long it can be by when fits stop; empty where that is known."""
    least, most = duration(forecast.least.wall), duration(forecast.most.wall)
    return "" if least == most else f"{least} if each fit stops as soon as it can, {most} if none stops early"


def _assumed(forecast: Forecast) -> Iterator[str]:
    """What the figures rest on."""
    if _range(forecast):
        yield (
            "When method.patience ends fits is judged by fits on a few samples, for up to 4 trials of a kind; packs "
            "go through all epochs."
        )
    found, rehearsed = forecast.samples
    if rehearsed < found:
        yield f"Measured with {rehearsed:,} of {found:,} samples."
    if forecast.searched:
        yield "A search's trials are taken to be shared out evenly among its choices; pruned ones end earlier."
    for part in forecast.parts:
        if part.reason is not None:
            yield f"{part.trials:.0f} trials of {part.encoder}, thaw={part.thaw} would fail: {part.reason}"


def _advice(forecast: Forecast, store: Path) -> Iterator[str]:
    """What to change where memory or disk are short."""
    if forecast.bytes > _TIGHT * _free(store):
        most = max(forecast.parts, key=lambda part: part.bytes)
        yield (
            f"The disk is too small: thaw={most.thaw} takes {decimal(most.bytes)} of it. Leave that out, give "
            "store.dtype=float16 (half), or store.dir=… on another disk; 'thawline store prune' makes room."
        )
    if (memory := _memory()) is not None and forecast.memory > _TIGHT * memory:
        fewer = "fewer trials side by side (hydra.launcher.n_jobs), " if forecast.workers > 1 else ""
        yield (
            f"The memory is too small, {decimal(memory)} are free: try {fewer}a smaller method.batch_size, fewer "
            "blocks that train (thaw), or a smaller encoder."
        )


def _free(store: Path) -> int:
    there = next(folder for folder in (store, *store.parents) if folder.is_dir())
    return shutil.disk_usage(there).free


def _memory() -> int | None:
    """Bytes of memory that this machine has to give; None where the system does not say."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) * 1024
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None
