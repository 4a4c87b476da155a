"""People as they stand: faces, whose they are, and the owner's names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from thawline.tasks.library.people.constraints import Constraints
from thawline.tasks.library.people.faces import NO_FACES, Faces
from thawline.tasks.library.people.grouping.neighbours import Ints
from thawline.tasks.library.people.remembering import Forgotten


@dataclass(frozen=True)
class Name:
    """What the owner calls a person.

    Attributes:
        text: The name.
        faces: The keys of the person's faces when it was given: the owner has seen that they are one person's.
    """

    text: str
    faces: frozenset[str]


@dataclass(frozen=True)
class Unsure:
    """Two people who may be one.

    Attributes:
        first: The person with the smaller number.
        second: The other.
        alike: The mean cosine of their faces.
        why: `near`: just below the threshold; `twins`: alike enough, but the faces of each are more alike.
    """

    first: int
    second: int
    alike: float
    why: str

    @property
    def reason(self) -> str:
        """Why, for whoever looks at them."""
        return "alike, but each more like itself" if self.why == "twins" else "just below the threshold"


@dataclass(frozen=True)
class People:
    """The people of a library.

    Attributes:
        faces: All faces, in their own order.
        persons: [n] The number of each face's person. A number is never given to another person.
        names: By number, those that have one.
        former: By number, names that persons had before: they may stand in what was written then.
        constraints: What the owner said.
        following: The next new person's number.
        forgotten: What tells faces that must not come back.
        unsure: Pairs to be looked at, the most alike first.
        least: The least cosine of two faces of one person, as it was learnt.
        grouped: A digest of what was grouped and of the groups: where it is the same again, so are they.
        stability: How alike groups are under another choice of faces; None: not measured.
    """

    faces: Faces = NO_FACES
    persons: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    names: Mapping[int, Name] = field(default_factory=dict)
    former: Mapping[int, frozenset[str]] = field(default_factory=dict)
    constraints: Constraints = field(default_factory=Constraints)
    following: int = 1
    forgotten: Forgotten = field(default_factory=Forgotten)
    unsure: tuple[Unsure, ...] = ()
    least: float | None = None
    grouped: str = ""
    stability: float | None = None

    @property
    def sizes(self) -> dict[int, int]:
        """How many faces each person has: most first, then by number."""
        found, counts = np.unique(self.persons, return_counts=True)
        pairs = sorted(zip(found.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
        return dict(pairs)

    def keys_of(self, person: int) -> list[str]:
        """The faces of `person`."""
        return [self.faces.keys[row] for row in np.flatnonzero(self.persons == person).tolist()]


def numbered(groups: Ints, keys: Iterable[str], before: People) -> tuple[Ints, int]:
    """The people that groups of faces are: those of before whose they mostly are, or new ones.

    A named person is where most of the faces are that the owner saw. Of the others the pair of group and person with
    most faces in common comes first, the lower number where two are equal.

    Args:
        groups: [n] The group of each face.
        keys: The faces.
        before: The people of before.

    Returns:
        [n] The person of each face, and the number that the next new one will have.
    """
    was = dict(zip(before.faces.keys, before.persons.tolist(), strict=True))
    seen = {key: person for person, name in before.names.items() for key in name.faces}
    common: dict[tuple[int, int, bool], int] = {}
    order: dict[int, int] = {}
    for key, group in zip(keys, groups.tolist(), strict=True):
        order.setdefault(group, len(order))
        for person, named in ((seen.get(key), True), (was.get(key), False)):
            if person is not None:
                common[group, person, named] = common.get((group, person, named), 0) + 1
    is_now: dict[int, int] = {}
    taken: set[int] = set()
    ranked = sorted(common.items(), key=lambda item: (not item[0][2], -item[1], item[0][1], order[item[0][0]]))
    for (group, person, _), _ in ranked:
        if group not in is_now and person not in taken:
            is_now[group] = person
            taken.add(person)
    following = max([before.following, *(person + 1 for person in taken)])
    for group in order:
        if group not in is_now:
            is_now[group] = following
            following += 1
    return np.array([is_now[group] for group in groups.tolist()], np.int64), following
