"""What is asked: items, each with the reason why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thawline.versions.feedback import Candidate
from thawline.versions.schema import ModelVersion

_NO_GROUP = -1


@dataclass(frozen=True)
class QueriedItem:
    """An item to ask about.

    Attributes:
        item_id: Its number in the database.
        path: Its file, which is there.
        score: The probability that it is liked, as `by` says; None: no version does.
        why: Why it was picked, a phrase.
        by: The version that picked it, the active one unless two are compared.
    """

    item_id: int
    path: Path
    score: float | None
    why: str
    by: ModelVersion | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Asking:
    """What is asked, and of how many.

    Attributes:
        items: In order.
        open: How many items nothing is answered of.
        version: The version whose scores these are; None: none is active, or two pick in turn.
        problems: Why other items can't be asked about, by their paths.
    """

    items: tuple[QueriedItem, ...]
    open: int
    version: ModelVersion | None = field(compare=False)
    problems: dict[str, str]


def groups_of(items: Sequence[Candidate]) -> NDArray[np.int64]:
    """The group of each, [n]; a negative number is none."""
    return np.array([_NO_GROUP if item.group is None else item.group for item in items], dtype=np.int64)
