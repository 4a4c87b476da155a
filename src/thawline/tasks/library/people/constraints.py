"""What the owner said of faces: one person's, or two people's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from thawline.tasks.library.people.faces import Faces
from thawline.tasks.library.people.grouping.neighbours import Ints

Keys = frozenset[str]


@dataclass(frozen=True)
class Constraints:
    """The owner's words, by the faces' keys.

    Attributes:
        one: Faces that are one person's, in each set.
        two: Faces that are not those of the other set's person.
    """

    one: tuple[Keys, ...] = ()
    two: tuple[tuple[Keys, Keys], ...] = ()

    def joined(self, keys: Iterable[str]) -> "Constraints":
        """Also: `keys` are one person's, whatever was said of them before."""
        new = frozenset(keys)
        two = [(a - new if b & new else a, b - new if a & new else b) for a, b in self.two]
        return Constraints(_sets([*self.one, new]), tuple((a, b) for a, b in two if a and b))

    def parted(self, keys: Iterable[str], others: Iterable[str]) -> "Constraints":
        """Also: `keys` are not the person's whose `others` are, whatever was said of them before."""
        new, rest = frozenset(keys), frozenset(others) - frozenset(keys)
        one = [part for group in self.one for part in ((group - new, group & new) if group & rest else (group,))]
        return Constraints(_sets(one), (*self.two, (new, rest)) if new and rest else self.two)

    def without(self, keys: Iterable[str]) -> "Constraints":
        """Without a word of `keys`."""
        gone = frozenset(keys)
        two = ((a - gone, b - gone) for a, b in self.two)
        return Constraints(_sets(group - gone for group in self.one), tuple((a, b) for a, b in two if a and b))

    def renamed(self, names: Mapping[str, str]) -> "Constraints":
        """The same of faces that are called otherwise now."""

        def new(keys: Keys) -> Keys:
            return frozenset(names.get(key, key) for key in keys)

        return Constraints(tuple(map(new, self.one)), tuple((new(a), new(b)) for a, b in self.two))


def _sets(groups: Iterable[Keys]) -> tuple[Keys, ...]:
    """`groups`, those that share a face as one; one face alone says nothing."""
    found: list[Keys] = []
    for group in groups:
        meeting = [other for other in found if other & group]
        found = [other for other in found if not other & group]
        found.append(group.union(*meeting))
    return tuple(group for group in found if len(group) > 1)


@dataclass
class Held:
    """Constraints as groups are made.

    Attributes:
        groups: [n] Where faces begin: those that are one person's in one group.
        first: [p] A face of each pair that is two people's.
        second: [p] The other.
    """

    groups: Ints
    first: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    second: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    def forbidden(self, of: Ints, first: Ints, second: Ints) -> NDArray[np.bool_]:
        """Whether pairs of groups, `of` faces [n], are two people's."""
        if not (len(self.first) and len(first)):
            return np.zeros(len(first), np.bool_)
        number = int(of.max()) + 1
        asked = np.zeros(number, np.bool_)
        asked[first] = asked[second] = True
        a, b = of[self.first], of[self.second]
        a, b = a[asked[a] & asked[b]], b[asked[a] & asked[b]]
        told = np.unique(np.minimum(a, b) * number + np.maximum(a, b))
        return np.isin(np.minimum(first, second) * number + np.maximum(first, second), told)

    def within(self, rows: Ints) -> "Held":
        """The same of the faces in `rows` alone."""
        place = np.full(len(self.groups), -1)
        place[rows] = np.arange(len(rows))
        both = (place[self.first] >= 0) & (place[self.second] >= 0)
        return replace(self, groups=self.groups[rows], first=place[self.first[both]], second=place[self.second[both]])


def hold(faces: Faces, constraints: Constraints, named: Iterable[Iterable[str]], *, one_a_photo: bool) -> Held:
    """What `constraints` mean for `faces`.

    Args:
        faces: The faces.
        constraints: The owner's words.
        named: The faces that were a person's when it was named: two names are two people.
        one_a_photo: Whether two faces of one entry are two people, unless the owner said otherwise.
    """
    rows = {key: row for row, key in enumerate(faces.keys)}
    groups = _begin(len(faces), [[rows[key] for key in sorted(group) if key in rows] for group in constraints.one])
    pairs: list[tuple[int, int]] = []
    for a, b in constraints.two:
        pairs += product(
            (rows[key] for key in sorted(a) if key in rows), (rows[key] for key in sorted(b) if key in rows)
        )
    firsts = [next((rows[key] for key in sorted(keys) if key in rows), -1) for keys in named]
    there = [row for row in firsts if row >= 0]
    pairs += [(a, b) for place, a in enumerate(there) for b in there[place + 1 :]]
    if one_a_photo:
        pairs += _of_one_entry(faces)
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    apart = groups[first] != groups[second]
    return Held(groups, first[apart], second[apart])


def _begin(number: int, joined: list[list[int]]) -> Ints:
    links = [(group[0], other) for group in joined for other in group[1:]]
    if not links:
        return np.arange(number)
    first, second = np.array(links, np.int64).T
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(number, number))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _of_one_entry(faces: Faces) -> list[tuple[int, int]]:
    """Pairs of faces of one entry; that a face differs from itself written twice, no photo can say."""
    by_entry: dict[str, list[int]] = {}
    for row, entry in enumerate(faces.entries):
        by_entry.setdefault(entry, []).append(row)
    units = faces.units
    return [
        (a, b)
        for rows in by_entry.values()
        for place, a in enumerate(rows)
        for b in rows[place + 1 :]
        if float(units[a] @ units[b]) < 0.9999
    ]
