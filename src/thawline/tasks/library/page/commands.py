"""`thawline library page`."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from thawline.errors import UserError
from thawline.features.progress import bar
from thawline.files import read_json, write_text
from thawline.screen import as_word, say, say_whole
from thawline.tasks.library.enhancing.improved import read_improved
from thawline.tasks.library.entries.counting import count_entries
from thawline.tasks.library.entries.reading import read_entries
from thawline.tasks.library.entries.settings import EntrySettings, is_database
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.page.document import Page, draw_page
from thawline.tasks.library.page.pictures import Pictures
from thawline.tasks.library.page.settings import LibraryPageSettings
from thawline.tasks.library.page.sheets import faces_of, shown_people
from thawline.tasks.library.people.people import People
from thawline.tasks.library.people.store import read_people
from thawline.tasks.library.training.patterns import CATEGORIES
from thawline.tasks.library.training.report import FILE as REPORT
from thawline.tasks.library.training.report import SKIPPED
from thawline.tasks.typed import to_settings

FILE = "library.html"


def page(config: DictConfig) -> Path:
    """Draw the page of a library, and give its file back.

    Raises:
        UserError: Nothing was learnt in the directory, or its files are damaged.
    """
    settings: LibraryPageSettings = to_settings(config)
    folder, console = settings.folder, Console()
    report, people = _read(folder, REPORT, dict), read_people(folder)
    persons = shown_people(people, settings.most_people)
    pictures = _pictures(settings, str(report.get("source", "")), people, persons, console)
    shown = Page(
        report,
        _read(folder, CATEGORIES, dict),
        people,
        persons,
        read_improved(folder),
        _read(folder, SKIPPED, list),
        as_word(folder),
    )
    out = Path(settings.out).expanduser() if settings.out else folder / FILE
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, _drawn(shown, pictures, folder))
    say(console, f"{len(persons)} of {len(people.sizes)} people, {len(shown.improved)} descriptions")
    say_whole(console, f"page  {as_word(out)}")
    return out


def _pictures(
    settings: LibraryPageSettings, source: str, people: People, persons: list[int], console: Console
) -> Pictures | None:
    """Where the faces that are shown come from; None: there shall be none, or the photos can't be found."""
    if not settings.thumbnails or not persons:
        return None
    source = settings.file or source
    if settings.file is None and (is_database(source) or not Path(source).is_file()):
        say(console, "the file that was learnt from is not there; name it by file=… for pictures of people")
        return None
    wanted = {people.faces.entries[row] for person in persons for row in faces_of(people, person)}
    reading = EntrySettings(images=settings.images, table=settings.table)
    photos = {}
    with bar("photos", "entries", count_entries(source, reading)) as tick:
        for entry in read_entries(source if is_database(source) else Path(source), reading, Skipped()):
            tick(1)
            if entry.id in wanted:
                photos[entry.id] = entry.photo
    return Pictures(photos)


def _drawn(shown: Page, pictures: Pictures | None, folder: Path) -> str:
    try:
        return draw_page(shown, pictures)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(
            f"a file of {folder} is damaged ({type(error).__name__}: {error}); run thawline library train again"
        ) from error


def _read(folder: Path, name: str, kind: type) -> Any:
    try:
        found = read_json(folder / name)
        if not isinstance(found, kind):
            raise ValueError
        return found
    except FileNotFoundError:
        raise UserError(f"{folder} has no {name}; run thawline library train FILE out={as_word(folder)}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{folder / name} is damaged; run thawline library train again") from None
