"""`thawline preference import|export|add|answer|remove`: what people do with the database of answers."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.data.tables.reading import check_table_name
from thawline.errors import UserError
from thawline.output import report
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.preference.answers import ANSWERS, answer_of
from thawline.tasks.preference.loop.exporting import export_answers
from thawline.tasks.preference.loop.importing import import_answers
from thawline.tasks.preference.loop.items import add_folder, answer_item, remove_item
from thawline.tasks.preference.loop.settings import AnswersSettings
from thawline.tasks.typed import to_settings
from thawline.tasks.versions import open_registry
from thawline.versions.feedback import answered
from thawline.versions.schema import ModelVersion

_SHOWN = 10  # rows or photos that are named one by one


def import_(config: DictConfig) -> None:
    """Add the answers of a table.

    Raises:
        UserError: It is no such table, none of its rows can be used, or the database refuses.
    """
    settings: AnswersSettings = to_settings(config)
    console, path = Console(), _path(settings.file)
    with open_registry(settings.versions) as registry:
        done = import_answers(path, registry.database)
        with registry.database.reading() as session:
            standing = len(answered(session))
    report(**asdict(done), answered=standing)
    for note in done.notes:
        say(console, note)
    _list(console, [f"row {one.row} is skipped: {one.reason}" for one in done.refused], "rows are skipped")
    parts = [_count(done.added, "answer", "added")]
    parts += [f"{done.there} there before"] if done.there else []
    parts += [f"{done.outdated} outdated by later ones"] if done.outdated else []
    parts += [f"{len(done.refused)} skipped"] if done.refused else []
    say(console, f"{', '.join(parts)}; {_count(standing, 'item has', 'items have', only=True)} an answer")
    say_next(console, ["thawline preference train", "thawline preference export"])


def export(config: DictConfig) -> Path:
    """Write the answers as a CSV, which is given back.

    Raises:
        UserError: The file can't be written, or the database refuses.
    """
    settings: AnswersSettings = to_settings(config)
    out = _path(settings.out)
    check_table_name(out)
    with open_registry(settings.versions) as registry:
        rows = export_answers(registry.database, out, everything=settings.all)
    report(answers=rows)
    console = Console()
    say_whole(console, f"{_count(rows, 'answer', 'written')} to {as_word(out)}")
    if not rows:
        say_next(console, ["thawline preference import FILE"])
    return out


def add(config: DictConfig) -> None:
    """Make photos items.

    Raises:
        UserError: There is no photo that can be used, or the database refuses.
    """
    settings: AnswersSettings = to_settings(config)
    console = Console()
    with open_registry(settings.versions) as registry:
        done = add_folder(
            _path(settings.folder),
            registry.database,
            settings.store.root,
            by_folder=settings.by_folder,
            max_megapixels=settings.max_megapixels,
        )
    report(**asdict(done))
    _list(console, [f"{photo} is a copy of {first}" for photo, first in done.copies], "photos are copies")
    _list(console, [f"{left.name} is left out: {left.reason}" for left in done.left_out], "photos are left out")
    parts = [_count(done.new, "item", "added")]
    parts += [f"{done.known} there before"] if done.known else []
    parts += [f"{done.removed} taken out before, which stay out"] if done.removed else []
    parts += [f"{len(done.copies)} copies"] if done.copies else []
    parts += [f"{len(done.left_out)} left out"] if done.left_out else []
    say(console, f"{', '.join(parts)}; {_count(done.groups, 'group', 'of several photos')}")
    say_next(console, ["thawline preference ask n=20"])


def answer(config: DictConfig) -> None:
    """Note one answer.

    Raises:
        UserError: There is no such item or answer, or the database refuses.
    """
    settings: AnswersSettings = to_settings(config)
    said = str(settings.answer)
    meant = None if said.strip().lower() == "none" else answer_of(said)
    if meant is None and said.strip().lower() != "none":
        raise UserError(f"'{said}' is no answer; say {', '.join(ANSWERS)}, or none to delete what was answered")
    with open_registry(settings.versions) as registry, registry.database.session() as session:
        item, before = answer_item(session, str(settings.item), meant)
    report(item=item.id, path=item.path, answer=meant, before=before)
    was = f" (before: {before})" if before else ""
    say_whole(Console(), f"item {item.id}, {as_word(Path(item.path))}: {meant or 'no answer'}{was}")


def remove(config: DictConfig) -> None:
    """Take an item out, with its answers.

    Raises:
        UserError: There is no such item, or the database refuses.
    """
    settings: AnswersSettings = to_settings(config)
    console = Console()
    with open_registry(settings.versions) as registry, registry.database.session() as session:
        item, deleted, versions = remove_item(session, str(settings.item))
    report(item=item.id, path=item.path, deleted=deleted, trained_on_it=[version.number for version in versions])
    say_whole(console, f"item {item.id}, {as_word(Path(item.path))}, is taken out")
    say(console, f"{_count(deleted, 'answer', 'deleted')}; {trained_on_it(versions)}")
    if versions:
        say_next(console, ["thawline preference train", f"thawline versions forget {item.id}"])


def trained_on_it(versions: Sequence[ModelVersion]) -> str:
    """Which versions were trained on what is deleted now."""
    names = [f"v{version.number}" for version in versions]
    if not names:
        return "no version was trained on it"
    were = f"{names[0]} was" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} were"
    return f"{were} trained on it and marked stale; the next training is without it"


def _path(text: str | None) -> Path:
    return Path(str(text)).expanduser().absolute()


def _count(number: int, noun: str, then: str, *, only: bool = False) -> str:
    if only:
        return f"{number:,} {noun if number == 1 else then}"
    return f"{number:,} {noun}{'' if number == 1 else 's'} {then}"


def _list(console: Console, lines: Sequence[str], more: str) -> None:
    for line in lines[:_SHOWN]:
        say(console, line)
    if len(lines) > _SHOWN:
        say(console, f"… {len(lines) - _SHOWN:,} more {more}")
