"""`thawline library correct`: what the owner says of an entry, or of many in a table."""

from collections.abc import Iterable
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.data.tables.reading import Columns, read_table
from thawline.errors import UserError
from thawline.output import report
from thawline.screen import as_word, say, say_next
from thawline.tasks.library.enhancing.corrections import Correction, add_corrections, read_corrections
from thawline.tasks.library.enhancing.settings import LibraryCorrectSettings
from thawline.tasks.library.entries.entry import DESCRIPTION
from thawline.tasks.library.entries.fields import id_of, tags_of, text_of
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.training.remembered import remembered_ids
from thawline.tasks.typed import to_settings

_TAGS = "tags"
COLUMNS = Columns(("id",), (_TAGS, DESCRIPTION), row="correction")


def correct(config: DictConfig) -> None:
    """Note what the owner says; it counts from now on, and at every later training.

    Raises:
        UserError: It can't be used, or the table can't be read.
    """
    settings: LibraryCorrectSettings = to_settings(config)
    folder, console = Path(settings.dir).expanduser(), Console()
    skipped = Skipped()
    said = _of_table(Path(settings.file).expanduser(), skipped) if settings.file is not None else _of_one(settings)
    for one in skipped.listed:
        say(console, f"not used: {one.sentence}")
    if settings.undo:
        _check_corrected(folder, said)
    add_corrections(folder, said)
    report(corrected=[id_ for id_, one in said.items() if one], undone=[id_ for id_, one in said.items() if not one])
    _say(console, folder, said)
    say_next(console, [f"thawline library train FILE out={as_word(folder)}"])


def _say(console: Console, folder: Path, said: dict[str, Correction | None]) -> None:
    if None in said.values():
        say(console, f"entry {next(iter(said))} is as the library's file has it again")
        return
    unknown = sorted(said.keys() - remembered_ids(folder))
    report(in_no_training=unknown)
    say(console, f"{len(said)} corrected" if len(said) != 1 else f"entry {next(iter(said))} is corrected")
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        say(console, f"in no training yet: {', '.join(unknown[:5])}{more}; the correction counts from the next on")


def _check_corrected(folder: Path, said: Iterable[str]) -> None:
    """Is there something to take back?

    Raises:
        UserError: Nothing was corrected.
    """
    for id_ in said:
        if id_ not in read_corrections(folder):
            raise UserError(f"nothing is corrected of entry {id_} in {folder}, so there is nothing to take back")


def _of_one(settings: LibraryCorrectSettings) -> dict[str, Correction | None]:
    id_, fault = id_of(settings.id)
    if fault:
        raise UserError(f"'{settings.id}' is {fault}")
    if settings.undo:
        return {id_: None}
    return {id_: _checked(settings.tags, settings.description, f"entry {id_}")}


def _checked(tags: list[str] | str | None, description: str | None, place: str) -> Correction:
    """A correction of which every part can be used.

    Raises:
        UserError: One can't.
    """
    skipped = Skipped()
    correction = Correction(
        None if tags is None else tags_of(tags, place, skipped),
        None if description is None else text_of(description, DESCRIPTION, place, skipped),
    )
    if skipped.listed:
        raise UserError(f"{skipped.listed[0].sentence}; nothing was corrected")
    return correction


def _of_table(path: Path, skipped: Skipped) -> dict[str, Correction | None]:
    """The corrections of a table; rows that can't be used are noted. Empty cells say nothing.

    Raises:
        UserError: It can't be read, or no row of it can be used.
    """
    said: dict[str, Correction | None] = {}
    for record in read_table(path, COLUMNS).records:
        place, written = f"row {record.row}", record.values.get("id", "")
        id_, fault = id_of(written)
        tags, description = record.values.get(_TAGS) or None, record.values.get(DESCRIPTION) or None
        if tags is None and description is None:
            fault = fault or "nothing is said of it"
        if record.problem or fault:
            skipped.add(place, "", record.problem or fault, written)
            continue
        try:
            said[id_] = _checked(tags, description, f"{place} (id {id_})")
        except UserError as error:
            skipped.add(place, "", str(error).removesuffix("; nothing was corrected"))
    if not said:
        raise UserError(f"no row of {path} can be used" + (f"; {skipped.listed[0].sentence}" if skipped.listed else ""))
    return said
