"""The stage of patterns: `category_patterns.json` and `description_patterns.json`."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from thawline.features.progress import bar
from thawline.files import write_json
from thawline.tasks.library.patterns.categories import learn_categories
from thawline.tasks.library.patterns.descriptions import learn_descriptions
from thawline.tasks.library.patterns.suggesting import judge_together
from thawline.tasks.library.patterns.tags import number_tags
from thawline.tasks.library.patterns.words import Texts, encode
from thawline.tasks.library.training.gathered import Gathered
from thawline.tasks.library.training.remembered import (
    Changes,
    Remembered,
    compare,
    read_remembered,
    write_remembered,
)
from thawline.tasks.library.training.stage import Learnt, Work

CATEGORIES: Final = "category_patterns.json"
DESCRIPTIONS: Final = "description_patterns.json"


def learn(work: Work) -> Learnt:
    """Count tags, pairs and words. Only entries that are new or changed are cut into words.

    What is learnt is the same as in a training of all entries at once, to the byte.
    """
    library, folder = work.library, work.folder
    before = read_remembered(folder)
    changes = compare(library.ids, library.texts, before)
    is_there = (folder / CATEGORIES).is_file() and (folder / DESCRIPTIONS).is_file()
    if before is not None and changes.none and is_there and before.ids == library.ids:
        return Learnt(f"patterns: {changes.sentence}", changes.to_json(), before.figures)
    texts = cut(library, before, changes)
    tags = number_tags(library.tags)
    write_json(folder / CATEGORIES, learn_categories(library.ids, library.descriptions, tags))
    write_json(folder / DESCRIPTIONS, learn_descriptions(tags, texts))
    judged = judge_together(library.ids, tags)
    figures = {
        "tags": len(tags.names),
        "words": int((texts.content & (np.bincount(texts.numbers, minlength=len(texts.words)) > 0)).sum()),
        "co_occurrence": judged,
    }
    write_remembered(folder, Remembered(library.ids, library.texts, texts, figures))
    return Learnt(f"patterns: {changes.sentence}", changes.to_json(), figures)


def cut(library: Gathered, before: Remembered | None, changes: Changes) -> Texts:
    """The texts of all entries as numbers of words, those that were remembered taken over."""
    fresh = np.flatnonzero(changes.place < 0)

    def parts() -> Iterator[tuple[str, str]]:
        with bar("words", "entries", len(fresh)) as tick:
            for number, entry in enumerate(fresh.tolist(), start=1):
                yield library.descriptions[entry], library.detailed[entry]
                if number % 100 == 0:
                    tick(100)
            tick(len(fresh) % 100)

    new = encode(parts(), before.texts.words[1:] if before is not None else ())
    if before is None:
        return new
    return merge(before.texts, new, changes.place)


def merge(before: Texts, new: Texts, place: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Texts:
    """Texts in order: `place` [n] is where each is among those before; -1: it is the next of the new ones.

    The words of the new ones begin with those before.
    """
    is_new = place < 0
    # One after the other as if all lay in one array, the new ones behind those before.
    source = np.where(is_new, len(before) + np.cumsum(is_new) - 1, place)
    starts = np.concatenate([before.ends[:-1], len(before.numbers) + new.ends[:-1]])[source]
    sizes = np.concatenate([np.diff(before.ends), np.diff(new.ends)])[source]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    within = np.arange(ends[-1]) - np.repeat(ends[:-1], sizes)
    numbers = np.concatenate([before.numbers, new.numbers])[np.repeat(starts, sizes) + within]
    lengths = np.concatenate([before.lengths, new.lengths])[source]
    return Texts(new.words, numbers, ends.astype(np.int64), lengths)
