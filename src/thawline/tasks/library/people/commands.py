"""`thawline library people|name|merge|split|forget`: a library's people as its owner sees and corrects them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.errors import UserError
from thawline.output import report
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.library.alone import alone
from thawline.tasks.library.people.convert import convert_pickle
from thawline.tasks.library.people.forget import forget_person
from thawline.tasks.library.people.naming import find_person, merge_people, name_person, split_person
from thawline.tasks.library.people.people import People
from thawline.tasks.library.people.settings import LibraryPeopleSettings
from thawline.tasks.library.people.store import WORDS, read_people, write_people
from thawline.tasks.typed import to_settings

_SHOWN = 40  # people listed
_PAIRS = 5  # pairs to look at


def people(config: DictConfig) -> None:
    """List the people, and the pairs that may be one.

    Raises:
        UserError: There are none, or the pickle can't be converted.
    """
    settings: LibraryPeopleSettings = to_settings(config)
    directory, console = _directory(settings), Console()
    if settings.convert is not None:
        _convert(directory, Path(settings.convert), console)
    found = _read(directory)
    sizes = found.sizes
    listed = [person for person in sizes if settings.all or sizes[person] > 1 or person in found.names]
    alone = len(sizes) - len(listed)
    report(
        people=[
            {"person": person, "faces": size, "name": found.names[person].text if person in found.names else None}
            for person, size in sizes.items()
        ],
        unsure=[
            {"first": one.first, "second": one.second, "similarity": one.alike, "reason": one.reason}
            for one in found.unsure
        ],
    )
    say(console, f"{len(sizes)} people with {_faces(len(found.faces))}" + (f"; {alone} with one face" if alone else ""))
    for person in listed[: None if settings.all else _SHOWN]:
        name = found.names[person].text if person in found.names else ""
        say(console, f"  {person:>6}  {sizes[person]:>6} faces  {name}".rstrip())
    if len(listed) > _SHOWN and not settings.all:
        say(console, f"  and {len(listed) - _SHOWN} more; all=true lists them")
    if found.unsure:
        say(console, "may be one person, or two who look alike:")
    for pair in found.unsure[:_PAIRS]:
        say(console, f"  {pair.first} and {pair.second}  similarity {pair.alike:.2f} ({pair.reason})")
    here = as_word(directory)
    first = listed[0] if listed else 1
    commands = [f'thawline library name {here} {first} "Anna"']
    commands += [f"thawline library merge {here} {p.first} {p.second}" for p in found.unsure[:1]]
    say_next(console, commands)


def name(config: DictConfig) -> None:
    """Give a person a name, or take it away.

    Raises:
        UserError: There is no such person, or another has the name.
    """
    settings: LibraryPeopleSettings = to_settings(config)
    directory, console = _directory(settings), Console()
    with _changing(directory) as found:
        person = find_person(found, _given(settings.person, "person"))
        text = settings.called or ""
        write_people(directory, name_person(found, person, text))
        report(person=person, name=text.strip() or None)
        say(console, f"person {person} is called {text}" if text.strip() else f"person {person} has no name")


def merge(config: DictConfig) -> None:
    """Make two people one.

    Raises:
        UserError: There is no such person, or both have names.
    """
    settings: LibraryPeopleSettings = to_settings(config)
    directory, console = _directory(settings), Console()
    with _changing(directory) as found:
        first, second = (find_person(found, _given(word, "person")) for word in (settings.person, settings.into))
        merged = merge_people(found, first, second)
        write_people(directory, merged)
        report(person=first, merged=second, faces=merged.sizes[first])
        say(console, f"person {second} is person {first} now, with {_faces(merged.sizes[first])}; it stays so")


def split(config: DictConfig) -> None:
    """Take faces out of a person, which makes another.

    Raises:
        UserError: There is no such person or face, or none would be left.
    """
    settings: LibraryPeopleSettings = to_settings(config)
    directory, console = _directory(settings), Console()
    with _changing(directory) as found:
        person = find_person(found, _given(settings.person, "person"))
        parted, new = split_person(found, person, settings.others)
        write_people(directory, parted)
        report(person=person, faces=parted.sizes[person], new={"person": new, "faces": parted.sizes[new]})
        say(
            console,
            f"person {new} has {_faces(parted.sizes[new])} of person {person}'s, who has {parted.sizes[person]} left",
        )


def forget(config: DictConfig) -> None:
    """Forget a person: no encoding and no name of theirs stays in the directory, nor comes back.

    Raises:
        UserError: There is no such person.
    """
    settings: LibraryPeopleSettings = to_settings(config)
    directory, console = _directory(settings), Console()
    with _changing(directory) as found:
        person = find_person(found, _given(settings.person, "person"))
        count = found.sizes.get(person, 0)
        _, touched = forget_person(directory, found, person)
    report(person=person, faces=count, files=[str(path) for path in touched])
    say(console, f"person {person} is forgotten, with {_faces(count)}; they stay so at the next training")
    for path in touched:
        say_whole(console, f"  {path} had traces, which are gone")
    if found.faces.take(found.persons == person).in_photos.any():
        say(
            console,
            "what was found in photos is in the feature store too: thawline store list, thawline store prune",
        )
    say(console, "photos, the library's own file and copies elsewhere are not changed: they are yours")


def _faces(count: int) -> str:
    return f"{count} face" if count == 1 else f"{count} faces"


def _convert(directory: Path, path: Path, console: Console) -> None:
    if len(read_people(directory).faces):
        raise UserError(
            f"{directory / WORDS} has people already; convert into a new directory: library people NEW convert=…"
        )
    found = convert_pickle(path.expanduser())
    write_people(directory, found)
    say(
        console,
        f"{len(found.sizes)} people with {len(found.faces)} faces are taken over from the pickle",
    )


def _directory(settings: LibraryPeopleSettings) -> Path:
    return Path(settings.dir or Path(settings.paths.outputs) / "library").expanduser()


def _read(directory: Path) -> People:
    found = read_people(directory)
    if not len(found.faces) and not found.names:
        raise UserError(
            f"there are no people in {directory}; run thawline library train FILE out={as_word(directory)}, "
            "with faces=dlib where entries have no face_encodings"
        )
    return found


@contextmanager
def _changing(directory: Path) -> Iterator[People]:
    """The people in `directory`, which no training changes meanwhile: it would write over what the owner says."""
    if not (directory / WORDS).exists():
        _read(directory)  # says that there are none
    with alone(directory):
        yield _read(directory)


def _given(word: str | None, what: str) -> str:
    if word is None:
        raise UserError(f"no {what} is named; give its number or name, see thawline library people")
    return word
