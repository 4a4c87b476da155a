"""The owner's words on people: a name, two that are one, one that is two."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from unicodedata import normalize

import numpy as np

from thawline.errors import UserError
from thawline.tasks.library.people.people import Name, People, Unsure

_LONGEST = 200


def find_person(people: People, word: str) -> int:
    """The number of the person that `word` names: a number, or a name whatever its case.

    Raises:
        UserError: There is none.
    """
    there = people.sizes.keys() | people.names.keys()
    if word.strip().isdecimal() and int(word) in there:
        return int(word)
    wanted = _compared(word)
    for person, name in sorted(people.names.items()):
        if _compared(name.text) == wanted:
            return person
    raise UserError(f"there is no person '{word}'; see thawline library people")


def name_person(people: People, person: int, text: str) -> People:
    """`people` with `person` called `text`; "" takes the name away.

    The person's faces are one person's from then on, and nobody's with another name.

    Raises:
        UserError: Another has that name, or it is none.
    """
    text = normalize("NFC", text).strip()
    if person in people.names and people.names[person].text != text:
        had = people.former.get(person, frozenset()) | {people.names[person].text}
        people = replace(people, former={**people.former, person: had})
    others = {number: name for number, name in people.names.items() if number != person}
    if not text:
        return replace(people, names=others)
    if len(text) > _LONGEST or not text.isprintable() or text.isdecimal():
        raise UserError(f"a name has 1 to {_LONGEST} characters that can be shown, and is no number")
    for number, name in others.items():
        if _compared(name.text) == _compared(text):
            raise UserError(
                f"person {number} is called {name.text} already; thawline library merge DIR {number} {person}"
            )
    keys = frozenset(people.keys_of(person))
    names = dict(sorted({**others, person: Name(text, keys)}.items()))
    return replace(people, names=names, constraints=people.constraints.joined(keys))


def merge_people(people: People, first: int, second: int) -> People:
    """`people` in which the faces of `second` are those of `first`, and stay so.

    Raises:
        UserError: They are one, or both have names.
    """
    if first == second:
        raise UserError(f"person {first} can't be merged with itself; name two people")
    if first in people.names and second in people.names:
        a, b = people.names[first].text, people.names[second].text
        raise UserError(
            f"person {first} is called {a} and person {second} {b}; take one name away first: "
            f'thawline library name DIR {second} ""'
        )
    keys = frozenset([*people.keys_of(first), *people.keys_of(second)])
    text = next((people.names[number].text for number in (first, second) if number in people.names), None)
    names = {number: name for number, name in people.names.items() if number not in (first, second)}
    if text is not None:
        names[first] = Name(text, keys)
    former = {number: had for number, had in people.former.items() if number != second}
    if had := people.former.get(first, frozenset()) | people.former.get(second, frozenset()):
        former[first] = had
    return replace(
        people,
        persons=np.where(people.persons == second, first, people.persons),
        names=dict(sorted(names.items())),
        former=former,
        constraints=people.constraints.joined(keys),
        unsure=_still(people, {second}),
    )


def split_person(people: People, person: int, faces: Sequence[str]) -> tuple[People, int]:
    """`people` in which `faces` are not `person`'s but a new person's, and stay so; and that person's number.

    Args:
        people: The people.
        person: Whose faces they are now.
        faces: What is taken out: faces as `ENTRY#NUMBER`, or entries, which means those of their faces that are the
            person's.

    Raises:
        UserError: A face is not the person's, or none would be left.
    """
    own = people.keys_of(person)
    out = frozenset(key for word in faces for key in _named(own, word, person))
    if not out:
        raise UserError("no face is named; thawline library split DIR PERSON FACE …, a face is ENTRY#NUMBER or ENTRY")
    rest = frozenset(own) - out
    if not rest:
        raise UserError(f"these are all faces of person {person}; name those that are another's")
    names = dict(people.names)
    if person in names:
        names[person] = replace(names[person], faces=names[person].faces - out)
    new = people.following
    gone = np.array([key in out for key in people.faces.keys], np.bool_)
    constraints = people.constraints.parted(out, rest)
    return replace(
        people,
        persons=np.where(gone, new, people.persons),
        names=names,
        constraints=constraints.joined(out),
        following=new + 1,
        unsure=_still(people, {person}),
    ), new


def _named(own: Iterable[str], word: str, person: int) -> list[str]:
    found = [key for key in own if word in (key, key.rpartition("#")[0])]
    if not found:
        raise UserError(
            f"'{word}' is no face of person {person}; a face is ENTRY#NUMBER, or ENTRY for all of an entry's"
        )
    return found


def _still(people: People, changed: set[int]) -> tuple[Unsure, ...]:
    return tuple(pair for pair in people.unsure if not {pair.first, pair.second} & changed)


def _compared(text: str) -> str:
    return normalize("NFC", text).strip().casefold()
