"""People as contact sheets: faces to look at, and what can be said of them as commands to copy."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from thawline.html import Html, clean, data_block, join, name, tag
from thawline.tasks.library.page.pictures import Pictures
from thawline.tasks.library.people.people import People

FACES: Final = 12  # of a person


def shown_people(people: People, most: int) -> list[int]:
    """The people with the most faces: those with a name, and those with more than one face."""
    sizes = people.sizes
    return [person for person in sizes if sizes[person] > 1 or person in people.names][:most]


def faces_of(people: People, person: int) -> list[int]:
    """The rows of a person's faces that are shown, the best seen first where that is known."""
    rows = np.flatnonzero(people.persons == person)
    quality = np.nan_to_num(people.faces.looks[rows, 4], nan=-1.0)
    return [int(row) for row in rows[np.argsort(-quality, kind="stable")][:FACES]]


def draw_people(people: People, persons: Sequence[int], pictures: Pictures | None, directory: str) -> Html:
    """The sheets of `persons`, pairs that may be one, and the commands that come of what is said.

    Args:
        people: All of them.
        persons: Whose sheets are drawn.
        pictures: Where their faces come from; None: entries are named.
        directory: The library's, as a word of the command line.
    """
    if not persons:
        return tag("p", "No person has two faces yet.", class_="note")
    rest = len(people.sizes) - len(persons)
    return tag(
        "div",
        tag("p", f"{rest} further people are not shown.", class_="note") if rest else None,
        _unsure(people, directory),
        *(_sheet(people, person, persons, pictures) for person in persons),
        tag("h3", "Commands", id="commands-title"),
        tag(
            "p",
            "What you say above becomes commands here. They change nothing until you run them.",
            class_="note",
        ),
        tag("pre", "", id="commands", tabindex=0, aria_labelledby="commands-title", aria_live="polite"),
        tag("p", tag("button", "Copy", type="button", id="copy"), " ", tag("span", "", id="copied", role="status")),
        tag(
            "noscript",
            tag("p", "Without JavaScript, type them: ", tag("code", f"thawline library name {directory} 3 Anna")),
        ),
        data_block("library", {"directory": clean(directory)}),
    )


def _sheet(people: People, person: int, persons: Sequence[int], pictures: Pictures | None) -> Html:
    called = people.names[person].text if person in people.names else ""
    count = people.sizes.get(person, 0)
    faces = [_face(people, row, pictures) for row in faces_of(people, person)]
    others = [tag("option", "nobody", value="")]
    others += [tag("option", _called(people, other), value=other) for other in persons if other != person]
    return tag(
        "fieldset",
        tag("legend", join(f"Person {person}, ", join(name(called), ", ") if called else None, _faces(count))),
        tag("ul", *faces, class_="faces"),
        tag("p", f"{_faces(count - len(faces))} more", class_="note") if count > len(faces) else None,
        tag(
            "div",
            tag(
                "label", "Name ", tag("input", type="text", value=clean(called), data_was=clean(called), maxlength=200)
            ),
            tag("label", "Is also ", tag("select", *others)),
            tag("span", "Ticked faces are another's.", class_="note"),
            class_="say",
        ),
        data_person=person,
        class_="person",
    )


def _faces(count: int) -> str:
    return f"{count} face" if count == 1 else f"{count} faces"


def _face(people: People, row: int, pictures: Pictures | None) -> Html:
    key, entry = people.faces.keys[row], people.faces.entries[row]
    url = pictures.of(entry, people.faces.looks[row]) if pictures else None
    return tag(
        "li",
        tag(
            "label",
            None if url is None else tag("img", src=url, alt=f"face {clean(key)}"),
            tag("span", tag("input", type="checkbox", value=clean(key)), " ", name(key)),
        ),
    )


def _called(people: People, person: int) -> str:
    return f"{person} {people.names[person].text}" if person in people.names else str(person)


def _unsure(people: People, directory: str) -> Html | None:
    if not people.unsure:
        return None
    head = tag("tr", *(tag("th", said, scope="col") for said in ("two people", "similarity", "why", "if they are one")))
    rows = [
        tag(
            "tr",
            tag("th", name(f"{_called(people, pair.first)} and {_called(people, pair.second)}"), scope="row"),
            tag("td", f"{pair.alike:.2f}", class_="number"),
            tag("td", pair.reason),
            tag("td", tag("code", f"thawline library merge {clean(directory)} {pair.first} {pair.second}")),
        )
        for pair in people.unsure[:20]
    ]
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return join(
        tag("h3", "May be one person, or two who look alike"),
        tag("div", table, class_="scroll", tabindex=0, role="region", aria_label="pairs that may be one person"),
    )
