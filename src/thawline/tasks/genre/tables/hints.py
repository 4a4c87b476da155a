"""What instruments that were heard say of the genre, by an explicit table."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from thawline.tasks.genre.tables.instruments import instrument_of
from thawline.tasks.genre.tables.reading import table
from thawline.tasks.genre.tables.taxonomy import project


@cache
def hint_table() -> dict[str, dict[str, float]]:
    """For each instrument what it adds to which genres, in shares of its own score."""
    return {name: dict(entry) for name, entry in table("hints.yaml").items()}


def added_scores(instruments: Mapping[str, float]) -> dict[str, float]:
    """What `instruments`, each with its score 0 to 1, add to the scores of genres.

    Instruments may go by any name or AudioSet label. Of several names of one, the highest score counts.
    """
    heard: dict[str, float] = {}
    for label, score in instruments.items():
        name = instrument_of(label)
        if name in hint_table():
            heard[name] = max(score, heard.get(name, 0.0))
    added: dict[str, float] = {}
    for name, score in heard.items():
        for genre, share in hint_table()[name].items():
            added[genre] = added.get(genre, 0.0) + share * score
    return added


def hinted(instruments: Mapping[str, float], classes: Sequence[str]) -> NDArray[np.float64]:
    """What `instruments` add to the scores of `classes`, by the taxonomy, [classes]; all 0 where nothing is hinted."""
    return project(added_scores(instruments), classes)
