"""An old `face_clusters.pkl` as people; and its faces known again among a library's entries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from thawline.errors import UnusableError, UserError
from thawline.tasks.library.people.faces import NO_FACES, Faces, faces_of, together
from thawline.tasks.library.people.naming import name_person
from thawline.tasks.library.people.people import Name, People
from thawline.tasks.library.people.pickled import MOST_BYTES, as_array, read_pickle

OF_PICKLE = "face_clusters.pkl"
_MOST_NUMBERS = 64_000_000  # in all encodings
_WIDTHS = (2, 8192)


def convert_pickle(path: Path) -> People:
    """The people in an old `face_clusters.pkl`, which is read and never run.

    It is a dictionary of clusters, each with its encodings (lists or arrays), or of `encodings` and `names`, or a list
    of dictionaries with an `encoding`. A text that is no number is a person's name. The numbers of before are not kept.

    Raises:
        UserError: It can't be read, holds anything else, or too much.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UnusableError(f"it has {path.stat().st_size:,} bytes, and {MOST_BYTES:,} are read")
        clusters = list(_clusters(read_pickle(path.read_bytes())))
    except (UnusableError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path} can't be converted: {reason}; nothing of it was run") from error
    return _people(clusters)


def _people(clusters: list[tuple[str, list[np.ndarray[Any, np.dtype[np.float32]]]]]) -> People:
    faces = faces_of([f"{OF_PICKLE}:{label}" for label, _ in clusters], [rows for _, rows in clusters])
    order = together(NO_FACES, faces)
    number = {f"{OF_PICKLE}:{label}": place + 1 for place, (label, _) in enumerate(clusters)}
    people = People(
        faces=order,
        persons=np.array([number[entry] for entry in order.entries], np.int64),
        following=len(clusters) + 1,
    )
    for label, _ in clusters:
        if not label.lstrip("-").isdecimal() and label.isprintable():
            people = name_person(people, number[f"{OF_PICKLE}:{label}"], label[:200])
    return people


def _clusters(value: Any) -> Iterator[tuple[str, list[np.ndarray[Any, np.dtype[np.float32]]]]]:
    """Label and encodings of each cluster."""
    found: dict[str, list[np.ndarray[Any, np.dtype[np.float32]]]] = {}
    total = 0
    for label, encoding in _labelled(value):
        total += len(encoding)
        if total > _MOST_NUMBERS:
            raise UnusableError(f"it has more than {_MOST_NUMBERS:,} numbers")
        found.setdefault(label, []).append(encoding)
    if not found:
        raise UnusableError("there is no face in it")
    yield from found.items()


def _labelled(value: Any) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.float32]]]]:
    """Each encoding with its cluster's label."""
    if isinstance(value, dict) and isinstance(value.get("clusters"), dict):
        value = value["clusters"]
    names = (value.get("names") or value.get("labels")) if isinstance(value, dict) else None
    if names is not None and "encodings" in value:
        labels, encodings = _list(names), _list(value["encodings"])
        if len(labels) != len(encodings):
            raise UnusableError(f"it has {len(labels)} names and {len(encodings)} encodings")
        yield from ((_label(label), _encoding(one)) for label, one in zip(labels, encodings, strict=True))
    elif isinstance(value, dict):
        yield from ((_label(label), _encoding(one)) for label, of_it in value.items() for one in _members(of_it))
    elif isinstance(value, list):
        yield from _listed(value)
    else:
        raise UnusableError("it is no dictionary or list of clusters")


def _listed(value: list[Any]) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[np.float32]]]]:
    for place, one in enumerate(value):
        if isinstance(one, dict) and "encoding" in one:
            yield _label(one.get("name", one.get("label", place))), _encoding(one["encoding"])
        else:
            yield from ((str(place), _encoding(member)) for member in _members(one))


def _members(value: Any) -> list[Any]:
    """The encodings of a cluster: a list or array of them, or one alone."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("encodings", "faces", "members") if key in value), [])
    values = _list(value)
    alone = bool(values) and _is_number(values[0])
    return [values] if alone else values


def _is_number(value: Any) -> bool:
    # never by numpy.ndim, which goes into lists that hold each other
    return isinstance(value, int | float) or (isinstance(value, np.ndarray) and value.ndim == 0)


def _list(value: Any) -> list[Any]:
    value = as_array(value)
    if isinstance(value, np.ndarray):
        return list(value) if value.ndim > 1 else np.atleast_1d(value).tolist()
    if isinstance(value, list | tuple):
        return [as_array(one) for one in value]
    raise UnusableError("it has something else than a list of encodings")


def _label(value: Any) -> str:
    value = as_array(value)
    value = value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if not isinstance(value, str | int | float):
        raise UnusableError("a cluster's name is neither text nor number")
    return str(value)[:1000]


def _encoding(value: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    value = as_array(value.get("encoding")) if isinstance(value, dict) else as_array(value)
    if isinstance(value, list | tuple):
        numbers = [as_array(one) for one in value[: _WIDTHS[1] + 1]]
        if not all(map(_is_number, numbers)):
            raise UnusableError("an encoding is no list of numbers")
        value = np.array([float(one) for one in numbers], np.float32)
    if not isinstance(value, np.ndarray) or value.ndim != 1 or not _WIDTHS[0] <= len(value) <= _WIDTHS[1]:
        raise UnusableError("an encoding is no list of numbers")
    return value.astype(np.float32)


def known_again(people: People, faces: Faces) -> People:
    """`people` in which faces that came of a pickle bear the names of the same faces among `faces`."""
    own = [row for row, entry in enumerate(people.faces.entries) if entry.startswith(OF_PICKLE)]
    if not own or not len(faces):
        return people
    there = {row.tobytes(): place for place, row in reversed(list(enumerate(faces.encodings)))}
    names, keys = {}, list(zip(people.faces.entries, people.faces.numbers.tolist(), strict=True))
    taken = set(people.faces.keys)
    for row in own:
        place = there.get(people.faces.encodings[row].tobytes())
        if place is not None and faces.keys[place] not in taken:
            names[people.faces.keys[row]] = faces.keys[place]
            keys[row] = faces.entries[place], int(faces.numbers[place])
            taken.add(faces.keys[place])
    if not names:
        return people
    return People(
        faces=people.faces.with_keys(keys),
        persons=people.persons,
        names={
            number: Name(name.text, frozenset(names.get(key, key) for key in name.faces))
            for number, name in people.names.items()
        },
        constraints=people.constraints.renamed(names),
        following=people.following,
        forgotten=people.forgotten,
        unsure=people.unsure,
        least=people.least,
    )
