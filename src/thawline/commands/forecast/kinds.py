"""The trials of a sweep by what they take: one of each kind is rehearsed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from thawline.commands.forecast.forecast import Part
from thawline.commands.sweeps.alike import MAY_DIFFER, signature
from thawline.features.rehearsing.costs import Cost

EPOCHS_WORD = "method.epochs="
# What moves neither a fit's time nor its memory.
_ALIKE = MAY_DIFFER - {EPOCHS_WORD.rstrip("=")}


@dataclass(frozen=True)
class Kind:
    """Trials that take as long as each other, or that are fitted together.

    Attributes:
        words: What the command line gives each, by its number; the first is rehearsed.
        trials: How many there are, of a search on average.
    """

    words: Mapping[int, Sequence[str]]
    trials: float

    @property
    def first(self) -> int:
        """The number of the one that is rehearsed."""
        return next(iter(self.words))


@dataclass
class Rehearsed:
    """What was seen of the kinds so far.

    Attributes:
        parts: What each takes.
        shelves: Those that it asks for, by name.
        first: What only the first trial of a process takes, which imports.
    """

    parts: list[Part] = field(default_factory=list)
    shelves: list[set[str]] = field(default_factory=list)
    first: Cost = field(default_factory=Cost)


def kinds_of(trials: Sequence[Sequence[str]], least: int) -> list[Kind]:
    """The kinds of a grid's trials.

    Args:
        trials: What the command line gives each.
        least: So many that can be fitted together are of one kind, see `plan.Plan`.
    """
    kinds: list[dict[int, Sequence[str]]] = []
    for together in _grouped(dict(enumerate(trials)), MAY_DIFFER):
        kinds += [together] if least and len(together) >= least else _grouped(together, _ALIKE)
    return [Kind(words, len(words)) for words in kinds]


def _grouped(trials: Mapping[int, Sequence[str]], free: frozenset[str]) -> list[dict[int, Sequence[str]]]:
    groups: dict[tuple[str, ...], dict[int, Sequence[str]]] = {}
    for number, words in trials.items():
        groups.setdefault(signature(words, free), {})[number] = words
    return list(groups.values())


def unlike(trials: Iterable[Sequence[str]], most: int) -> list[Sequence[str]]:
    """The first of some trials, and others that are as unlike those as can be: few have a word in common."""
    left, taken = list(trials), list[Sequence[str]]()
    had = Counter[str]()
    while left and len(taken) < most:
        taken.append(min(left, key=lambda words: sum(had[word] for word in words)))
        had.update(taken[-1])
        left.remove(taken[-1])
    return taken


def kinds_of_search(points: Sequence[Sequence[str]], trials: int) -> list[Kind]:
    """The kinds of a search's trials, of which only some points are known: each stands for as many.

    Args:
        points: What the command line would give some trials.
        trials: How many there will be.
    """
    kinds = _grouped(dict(enumerate(points)), _ALIKE)
    shares = [trials * len(words) / len(points) for words in kinds]
    return [Kind(words, share) for words, share in zip(kinds, shares, strict=True)]
