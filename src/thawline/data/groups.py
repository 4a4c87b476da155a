"""What any samples that belong together are grouped by: links between them, and the components these make."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pairs = list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups, and what they come from. Pairs are (i, j) with i < j, sorted.

    Attributes:
        ids: int64 [N], the group of each photo: 0, 1, ... in the order of their first photos.
        exact_duplicates: links between files of the same bytes; each is linked to the first of its kind only.
        near_duplicates: links between photos of different bytes that look the same; of photos with equal hashes each
            is linked to the first only.
        two_labels: those of both that have different labels.
        reasons: how many sets of two and more photos each reason gave: "folder", "exact duplicate",
            "near-duplicate", "burst"; of tracks see `track_groups`. A group can unite several.
    """

    ids: npt.NDArray[np.int64]
    exact_duplicates: Pairs
    near_duplicates: Pairs
    two_labels: Pairs
    reasons: dict[str, int]


def scarce_classes(labels: Sequence[str], grouping: Grouping, fewest: int) -> dict[str, str]:
    """The classes of fewer than `fewest` groups, and why they are left out.

    Args:
        labels: name of each sample's class, [N].
        grouping: of the same samples.
        fewest: groups.
    """
    groups: dict[str, set[int]] = defaultdict(set)
    for label, group in zip(labels, grouping.ids.tolist(), strict=True):
        groups[label].add(group)
    return {
        label: f"a class of {len(own)} group{'s' if len(own) != 1 else ''}, fewer than data.min_groups={fewest}"
        for label, own in sorted(groups.items())
        if len(own) < fewest
    }


def links_of_equals(keyed: Iterable[tuple[int, Hashable]]) -> Pairs:
    """(first, other) for every other of the same key."""
    first: dict[Hashable, int] = {}
    return sorted((first[key], i) for i, key in keyed if first.setdefault(key, i) != i)


def components(count: int, links: Pairs | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number the connected components 0, 1, ... in the order of their first members.

    SciPy has this too, but what it imports for it takes longer than all else that a run does with its groups.

    Args:
        count: Of things.
        links: Between two of them each, [links, 2].

    Returns:
        int64 [count].
    """
    ends = np.asarray(links, dtype=np.int64).reshape(-1, 2)
    first = np.arange(count)  # of each thing one that it is known to belong with, in the end the first
    while True:
        low, high = np.sort(first[ends], axis=1).T
        apart = low != high
        if not apart.any():
            return np.unique(first, return_inverse=True)[1].astype(np.int64)
        ends = ends[apart]
        # What is left apart is at least halved in two rounds: who is not taken up by another takes up all beside it.
        np.minimum.at(first, high[apart], low[apart])
        while (first != (nearer := first[first])).any():
            first = nearer


def count_sets(count: int, links: Pairs) -> int:
    """How many components of two and more of `count` things the links make."""
    sizes = np.bincount(components(count, links))
    return int((sizes > 1).sum())
