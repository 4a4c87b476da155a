"""People on disk: `face_clusters.npz`, the numbers, and `face_clusters.json`, the words. Never a pickle."""

from pathlib import Path
from typing import Any

import numpy as np

from thawline.errors import UserError
from thawline.files import read_json, write_atomically, write_json
from thawline.tasks.library.faces.found import LOOKS, no_looks
from thawline.tasks.library.people.constraints import Constraints
from thawline.tasks.library.people.faces import NO_FACES, Faces
from thawline.tasks.library.people.people import Name, People, Unsure
from thawline.tasks.library.people.remembering import Forgotten

NUMBERS, WORDS = "face_clusters.npz", "face_clusters.json"
_FORMAT = 1


def write_people(directory: Path, people: People) -> None:
    """Write `people` into a library's directory.

    The words come first, so that a kill between the two can't bring back what they say is forgotten.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / WORDS, _words(people))
    faces = people.faces
    ids = [entry.encode("utf-8", "surrogatepass") for entry in faces.entries]
    arrays: dict[str, Any] = {
        "encodings": np.ascontiguousarray(faces.encodings, np.float32),
        "numbers": faces.numbers.astype(np.int32),
        "persons": people.persons.astype(np.int64),
        "looks": faces.looks,
        "entries": np.frombuffer(b"".join(ids), np.uint8),
        "ends": np.cumsum([len(one) for one in ids], dtype=np.int64),
    }

    def save(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    write_atomically(directory / NUMBERS, save)


def read_people(directory: Path) -> People:
    """The people in a library's directory; none where nothing was learnt.

    Raises:
        UserError: Its files are damaged.
    """
    if not (directory / WORDS).exists() and not (directory / NUMBERS).exists():
        return People()
    try:
        words = read_json(directory / WORDS) if (directory / WORDS).exists() else {"people": []}
        faces, persons = _read_numbers(directory / NUMBERS)
        people = _people(words, faces, persons)
    except UserError:
        raise
    except Exception as error:  # whatever a damaged archive or list makes its reader say
        raise UserError(
            f"{directory / WORDS} or {NUMBERS} beside it is damaged ({type(error).__name__}); "
            "restore both from a backup, or delete them and run library train again: names are lost then"
        ) from error
    gone = people.forgotten.holds(faces)
    if not gone.any():
        return people
    return _people(words, faces.take(~gone), persons[~gone])


def read_named(directory: Path) -> dict[str, list[str]]:
    """The ids of the entries that each named person is on, by name; the encodings are not read.

    Raises:
        UserError: The people are damaged.
    """
    if not (directory / WORDS).exists():
        return {}
    try:
        return {
            str(one["name"]): list(dict.fromkeys(str(key).rpartition("#")[0] for key in one["faces"]))
            for one in read_json(directory / WORDS)["people"]
            if one["name"] is not None
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{directory / WORDS} is damaged ({type(error).__name__}); restore it from a backup") from error


def _read_numbers(path: Path) -> tuple[Faces, np.ndarray[Any, np.dtype[np.int64]]]:
    if not path.exists():
        return NO_FACES, np.empty(0, np.int64)
    with np.load(path, allow_pickle=False) as arrays:
        text, ends = arrays["entries"].tobytes(), arrays["ends"].tolist()
        encodings, numbers, persons = arrays["encodings"], arrays["numbers"], arrays["persons"]
        looks = arrays["looks"] if "looks" in arrays else no_looks(len(persons))
    same = len(ends) == len(encodings) == len(numbers) == len(persons)
    if not same or encodings.ndim != 2 or looks.shape != (len(persons), len(LOOKS)):
        raise ValueError("arrays of different lengths")
    starts = [0, *ends][: len(ends)]
    entries = tuple(text[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, ends, strict=True))
    faces = Faces(entries, numbers.astype(np.int64), encodings.astype(np.float32), looks.astype(np.float32))
    return faces, persons.astype(np.int64)


def _words(people: People) -> dict[str, Any]:
    faces = people.faces
    keys = faces.keys
    by_person: dict[int, list[str]] = {person: [] for person in [*people.sizes, *people.names]}
    for key, person in zip(keys, people.persons.tolist(), strict=True):
        by_person[person].append(key)
    names = people.names
    listed = [
        {
            "id": person,
            "name": names[person].text if person in names else None,
            "size": len(own),
            "faces": own,
            **({"named": sorted(names[person].faces)} if person in names else {}),
        }
        for person, own in by_person.items()
    ]
    return {
        "format": _FORMAT,
        "people": listed,
        "seen": {keys[row]: _seen(faces.looks[row].tolist()) for row in np.flatnonzero(faces.in_photos).tolist()},
        "unsure": [{"people": [p.first, p.second], "alike": p.alike, "why": p.why} for p in people.unsure],
        "former": {str(person): sorted(had) for person, had in sorted(people.former.items())},
        "least": people.least,
        "grouped": people.grouped,
        "stability": people.stability,
        "one": [sorted(group) for group in people.constraints.one],
        "two": [[sorted(a), sorted(b)] for a, b in people.constraints.two],
        "next": people.following,
        "forgotten": {"key": people.forgotten.key, "digests": sorted(people.forgotten.digests)},
    }


def _seen(looks: list[float]) -> dict[str, Any]:
    """Where a face was found, px of the upright photo, and how well it is seen."""
    measured = {name: round(value, 4) for name, value in zip(LOOKS[4:], looks[4:], strict=True)}
    return {"box": [round(side) for side in looks[:4]], **measured}


def _people(words: Any, faces: Faces, persons: Any) -> People:
    forgotten = words.get("forgotten", {})
    names = {
        int(one["id"]): Name(str(one["name"]), frozenset(map(str, one.get("named", []))))
        for one in words["people"]
        if one["name"] is not None
    }
    return People(
        faces=faces,
        persons=persons,
        names=names,
        former={int(person): frozenset(map(str, had)) for person, had in words.get("former", {}).items()},
        constraints=Constraints(
            tuple(frozenset(map(str, group)) for group in words.get("one", [])),
            tuple((frozenset(map(str, a)), frozenset(map(str, b))) for a, b in words.get("two", [])),
        ),
        following=max([int(words.get("next", 1)), *(int(person) + 1 for person in [*names, *persons.tolist()])]),
        forgotten=Forgotten(str(forgotten.get("key", "")), frozenset(map(str, forgotten.get("digests", [])))),
        unsure=tuple(
            Unsure(int(one["people"][0]), int(one["people"][1]), float(one["alike"]), str(one["why"]))
            for one in words.get("unsure", [])
        ),
        least=words.get("least"),
        grouped=str(words.get("grouped", "")),
        stability=words.get("stability"),
    )
