"""`thawline library train FILE`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from thawline.errors import RunError, UserError
from thawline.features.progress import bar
from thawline.features.progress import say as say_aside
from thawline.output import report
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.library.alone import alone
from thawline.tasks.library.enhancing.own import own_words
from thawline.tasks.library.entries.counting import count_entries
from thawline.tasks.library.entries.database import shown_url
from thawline.tasks.library.entries.reading import read_entries
from thawline.tasks.library.entries.settings import is_database
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.training import log as logs
from thawline.tasks.library.training import report as reports
from thawline.tasks.library.training.gathered import Gathered, gather
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.stage import Work
from thawline.tasks.library.training.stages import STAGES, Stage
from thawline.tasks.typed import to_settings

_SHOWN = 5  # values that can't be used, named one by one


def train(config: DictConfig) -> Path:
    """Learn what a library teaches, and write it into its directory, which is given back.

    Raises:
        UserError: The library can't be read, no entry of it can be used, or another training is at work.
    """
    settings: LibraryTrainSettings = to_settings(config)
    learnt = train_library(settings)
    report(**learnt)
    console = Console()
    folder = settings.folder
    tags = ", ".join(f"{tag} ({count})" for tag, count in learnt["top_categories"][:8])
    say(console, f"{learnt['total_images']} entries, {learnt['total_tags']} tags" + (f": {tags}" if tags else ""))
    say(
        console,
        f"{learnt['images_with_faces']} with faces, {learnt['images_with_detailed_desc']} with a detailed description",
    )
    left = learnt["skipped"]
    if left["reasons"]:
        say(console, f"{left['entries']} entries and {left['fields']} values of others can't be used; all are in")
        say_whole(console, f"  {as_word(folder / reports.SKIPPED)}")
    say_whole(console, f"learnt in {learnt['seconds']:.1f} s: {as_word(folder)}")
    people = [f"thawline library people {as_word(folder)}"] if learnt["faces"] else []
    say_next(console, [*people, f'thawline library search {as_word(folder)} "…"'])
    return folder


def train_library(settings: LibraryTrainSettings, stages: Sequence[Stage] = STAGES) -> dict[str, Any]:
    """Read a library, and go through the stages; the report, which is written beside what they learn.

    Where a stage fails the report says so and why, what stages before it learnt is there, and its error goes on.

    Raises:
        UserError: The library can't be read, no entry of it can be used, or another training is at work.
    """
    began, folder = time.monotonic(), settings.folder
    skipped = Skipped()
    library = _read(settings, skipped)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UserError(f"{folder} is a file; name a directory by out=DIR") from None
    source = shown_url(settings.file) if is_database(settings.file) else settings.file
    with alone(folder):
        log = logs.Log(folder / logs.FILE, say_aside)
        log.say(f"{len(library)} entries of {source}", shown=False)
        _name(skipped, log)
        library, notes = own_words(library, folder)
        for note in notes:
            log.say(note)
        done: dict[str, dict[str, Any]] = {}
        reason = ""
        try:
            for stage in stages:
                work = Work(
                    library,
                    folder,
                    settings.people,
                    settings.faces,
                    settings.store,
                    skipped,
                    settings.search,
                    Path(settings.tagger).expanduser() if settings.tagger else None,
                )
                done[stage.name], library = _learn(stage, work, log)
        except BaseException as error:
            reason = _reason(error)
            log.say(f"{stage.name}: failed: {reason}", shown=False)
            raise
        finally:
            seconds = time.monotonic() - began
            report = reports.write_report(folder, source, library, skipped, done, seconds=seconds, reason=reason)
        log.say(f"{report['status']} in {seconds:.1f} s", shown=False)
    return report


def _read(settings: LibraryTrainSettings, skipped: Skipped) -> Gathered:
    source = settings.file
    with bar("entries", "entries", count_entries(source, settings)) as tick:
        return gather(read_entries(source if is_database(source) else Path(source), settings, skipped), tick)


def _learn(stage: Stage, work: Work, log: logs.Log) -> tuple[dict[str, Any], Gathered]:
    began = time.monotonic()
    learnt = stage.load()(work)
    seconds = time.monotonic() - began
    if learnt.sentence:
        log.say(f"{learnt.sentence} ({seconds:.1f} s)")
    for note in learnt.notes:
        log.say(note)
    said = {"seconds": round(seconds, 2), "entries": dict(learnt.entries), "figures": dict(learnt.figures)}
    return said, learnt.library or work.library


def _name(skipped: Skipped, log: logs.Log) -> None:
    """Name what can't be used: the first on the screen, up to a bound in the log."""
    for number, one in enumerate(skipped.listed):
        log.say(one.sentence, shown=number < _SHOWN)
    if (more := skipped.entries + skipped.fields - len(skipped.listed)) > 0:
        log.say(f"and {more} more values that can't be used", shown=False)


def _reason(error: BaseException) -> str:
    said = str(error) if isinstance(error, (UserError, RunError)) else f"{type(error).__name__}: {error}"
    return said.strip().rstrip(":") or type(error).__name__
