"""One taxonomy of genres for all that names them: classes of a run, AudioSet's labels, rules, hints."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.tasks.genre.tables.reading import comparable, table


def canonical(name: str) -> str | None:
    """The taxonomy's name of the genre that `name` stands for; None where it has none."""
    return _by_key().get(comparable(name))


def genres() -> tuple[str, ...]:
    """All genres, GTZAN's ten first."""
    return tuple(_taxonomy())


def parents(genre: str) -> tuple[str, ...]:
    """What `genre`, a name of the taxonomy, is directly a kind of.

    Raises:
        KeyError: The taxonomy has no such genre.
    """
    return tuple(_taxonomy()[genre].get("parents", ()))


def children(genre: str) -> tuple[str, ...]:
    """The genres that are directly a kind of `genre`."""
    return tuple(name for name in _taxonomy() if genre in parents(name))


def project(scores: Mapping[str, float], classes: Sequence[str]) -> NDArray[np.float64]:
    """What `scores` by genre say of `classes`, [classes].

    A genre's score goes to the class that is this genre; else, evenly, to its nearest ancestors among the classes
    (bluegrass to country); else to its nearest descendants (electronic to house and techno). What reaches no class is
    left out, so the sum may shrink and never grows. Names of either side that the taxonomy does not know meet only
    names that are written alike.
    """
    names = [canonical(name) or comparable(name) for name in classes]
    said = np.zeros(len(classes))
    for genre, score in scores.items():
        places = _places(canonical(genre) or comparable(genre), names)
        said[places] += score / max(len(places), 1)
    return said


def _places(genre: str, names: Sequence[str]) -> list[int]:
    """The classes that the score of `genre` goes to."""
    for further in (_parents_of, _children_of):
        reached, seen = {genre}, {genre}
        while reached:
            if places := [i for i, name in enumerate(names) if name in reached]:
                return places
            reached = further(reached) - seen
            seen |= reached
    return []


def _parents_of(some: Iterable[str]) -> set[str]:
    return {parent for name in some if name in _taxonomy() for parent in parents(name)}


def _children_of(some: Iterable[str]) -> set[str]:
    return {child for name in some for child in children(name)}


@cache
def _taxonomy() -> dict[str, dict[str, Any]]:
    return table("taxonomy.yaml")


@cache
def _by_key() -> dict[str, str]:
    """Each name and alias, as it is compared, to the genre."""
    return {
        comparable(alias): name for name, entry in _taxonomy().items() for alias in (name, *entry.get("aliases", ()))
    }
