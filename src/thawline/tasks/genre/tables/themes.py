"""Themes of lyrics: a fixed vocabulary, and what each theme adds to genres, by an explicit table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.tasks.genre.tables.reading import comparable, table
from thawline.tasks.genre.tables.taxonomy import project


@dataclass(frozen=True)
class Vocabulary:
    """Some themes in a fixed order, and the names that each goes by.

    Attributes:
        aliases: Each theme's other names.
    """

    aliases: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The T themes."""
        return tuple(self.aliases)

    def theme_of(self, name: str) -> str | None:
        """The theme that `name` stands for; None where there is none."""
        return self._by_key.get(comparable(name))

    def among(self, told: Iterable[str]) -> tuple[str, ...]:
        """The themes that the names `told` stand for, each once, in the order of the vocabulary."""
        known = {self.theme_of(name) for name in told}
        return tuple(name for name in self.aliases if name in known)

    def columns(self, told: Iterable[str]) -> NDArray[np.float32]:
        """Which themes the names `told` stand for, [T]: 1 or 0. Names that stand for none are left out."""
        there = self.among(told)
        return np.array([name in there for name in self.aliases], dtype=np.float32)

    def only(self, themes: Sequence[str]) -> "Vocabulary":
        """The same for `themes` alone, in their order; one that is not here has no other names."""
        return Vocabulary({name: self.aliases.get(name, ()) for name in themes})

    def to_json(self) -> dict[str, Any]:
        """As a plain dict."""
        return {name: list(aliases) for name, aliases in self.aliases.items()}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Vocabulary":
        """The inverse of `to_json`."""
        return Vocabulary({str(name): tuple(map(str, aliases)) for name, aliases in value.items()})

    @cached_property
    def _by_key(self) -> dict[str, str]:
        return {comparable(each): name for name, aliases in self.aliases.items() for each in (*aliases, name)}


@cache
def vocabulary() -> Vocabulary:
    """The themes of `themes.yaml`, in its order."""
    return Vocabulary({name: tuple(entry["aliases"]) for name, entry in table("themes.yaml").items()})


@cache
def theme_table() -> dict[str, dict[str, float]]:
    """For each theme what it adds to which genres, in shares of all the rules of a genre."""
    return {name: dict(entry["genres"]) for name, entry in table("themes.yaml").items()}


def theme_shares(themes: Sequence[str], classes: Sequence[str]) -> NDArray[np.float64]:
    """What each of `themes` adds to `classes`, by the taxonomy, [themes, classes]; all 0 of one without an entry."""
    return np.stack([project(theme_table().get(name, {}), classes) for name in themes])
