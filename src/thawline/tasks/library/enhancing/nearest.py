"""Who is on a new photo: the nearest people, as alike as the library's own faces of one person are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.tasks.library.people.faces import faces_of
from thawline.tasks.library.people.people import People


@dataclass(frozen=True)
class Recognised:
    """A face of a new entry.

    Attributes:
        face: Its number in the entry.
        person: The number of whom it is of; None: of nobody that the library knows.
        name: What the owner calls that person; None: nothing.
        alike: The mean cosine to that person's faces, or to those of the nearest.
    """

    face: int
    person: int | None
    name: str | None
    alike: float

    def to_json(self) -> dict[str, Any]:
        """As a result has it."""
        return {"face": self.face, "person": self.person, "name": self.name, "alike": self.alike}


class Recogniser:
    """Tells whose a face is, by the mean cosine to each person's faces, as people are grouped."""

    def __init__(self, people: People) -> None:
        """Take the people of a library."""
        self._people = people
        self.persons, of = np.unique(people.persons, return_inverse=True)
        units = people.faces.units
        sums = np.zeros((len(self.persons), units.shape[1]))
        np.add.at(sums, of, units)
        self._means = sums / np.bincount(of, minlength=len(self.persons))[:, None]

    def recognise(self, encodings: npt.NDArray[np.float32]) -> tuple[Sequence[Recognised], str]:
        """(whose each of the faces [f, d] of a photo is, what is to be noted).

        No person is on a photo twice: of two faces the more alike is the person's. Forgotten faces are nobody's, and
        not named at all.
        """
        if not len(encodings) or not len(self.persons):
            return [], ""
        if encodings.shape[1] != self._means.shape[1]:
            return [], (
                f"its faces have {encodings.shape[1]} numbers and the library's {self._means.shape[1]}: encodings of "
                "two networks can't be compared"
            )
        faces = faces_of(["new"], [encodings])
        faces = faces.take(~self._people.forgotten.holds(faces))
        alike = faces.units.astype(np.float64) @ self._means.T
        least, taken = self._people.least, set[int]()
        found: dict[int, Recognised] = {}
        for row in np.argsort(-alike.max(axis=1, initial=-1), kind="stable").tolist():
            face = int(faces.numbers[row])
            best = int(np.argmax(alike[row]))
            value = round(float(alike[row, best]), 4)
            person = int(self.persons[best])
            if least is None or value < least or person in taken:
                found[face] = Recognised(face, None, None, value)
                continue
            taken.add(person)
            name = self._people.names.get(person)
            found[face] = Recognised(face, person, None if name is None else name.text, value)
        return [found[face] for face in sorted(found)], ""
