"""Classes and sides of a collection, as every task that tells classes apart takes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from thawline.data.groups import Grouping
from thawline.data.splits import check_split, read_split
from thawline.errors import UserError
from thawline.features.progress import say


class Classified(Protocol):
    """A collection of samples in classes."""

    @property
    def root(self) -> Path:
        """Its folder."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Those that have usable samples, sorted."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each sample, [N]."""

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each sample relative to the folder, [N]."""

    @property
    def sides(self) -> NDArray[np.str_] | None:
        """Side of each sample, [N], if the collection came split."""

    @property
    def grouping(self) -> Grouping:
        """Who must stay together."""


def number_classes(collection: Classified, classes: Sequence[str] | None) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The classes' names and each sample's class, in the order of the finished run `classes` where there is one.

    Raises:
        UserError: The collection has a class that the run does not know.
    """
    if classes is None:
        return collection.classes, collection.labels
    unknown = sorted(set(collection.classes) - set(classes))
    if unknown:
        raise UserError(
            f"{collection.root} has the class '{unknown[0]}', which the model does not know ({', '.join(classes)}); "
            "rename or remove that folder"
        )
    number = {name: index for index, name in enumerate(classes)}
    labels = np.array([number[collection.classes[label]] for label in collection.labels], dtype=np.int64)
    return tuple(classes), labels


def given_sides(collection: Classified, split: str | None) -> tuple[str, ...] | None:
    """The given split, from a file or from the collection itself, after a check that it cuts no group.

    Raises:
        UserError: It cuts one, or the file does not fit the collection.
    """
    notes: list[str] = []
    sides = read_split(Path(split), collection.names, collection.root, notes) if split is not None else collection.sides
    for note in notes:
        say(note)
    if sides is None:
        return None
    check_split(sides, collection.grouping.ids, collection.names)
    return tuple(str(side) for side in sides)
