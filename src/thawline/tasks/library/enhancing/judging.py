"""What descriptions that are made are worth: tags that were hidden, and whether what is added is so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash

from thawline.judging.intervals import Estimate, Z, proportion
from thawline.judging.paired import compare
from thawline.tasks.library.enhancing.making import PhotoFacts, make, says, tag_words, tells
from thawline.tasks.library.enhancing.parts import Occurrences, Parts, likely_tags
from thawline.tasks.library.patterns.tags import Tags
from thawline.tasks.library.patterns.words import words_of

FOLDS: Final = 5
MOST_JUDGED: Final = 2000  # entries
LEAST_JUDGED: Final = 20  # entries: of fewer nothing can be said


@dataclass(frozen=True)
class _Judged:
    """A description made of half of an entry's tags.

    Attributes:
        hits: Of each hidden tag: is it said by the new text, by the tags that were left, by the owner's description?
        added: Of each tag that was added: has the entry it, or do its own texts say it?
        words: Of the new text.
        owner: Whether there is a description of the owner's.
    """

    hits: list[tuple[bool, bool, bool]]
    added: list[bool]
    words: list[str]
    owner: bool


def judge(
    ids: Sequence[str],
    described: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[str]],
    tags: Tags,
    places: Occurrences,
) -> dict[str, Any] | None:
    """How many of the tags that were hidden a description says that is made of the others.

    Half of the tags of an entry are hidden, by chance, and so are its descriptions; what is learnt is learnt of other
    entries. Neither people nor place nor time come into it.

    Args:
        ids: [n] of the entries.
        described: [n] the description and the detailed one.
        rows: [n] the tags of each.
        tags: The same, numbered.
        places: Where their words follow each other.

    Returns:
        `tag_recall`, beside it that of the tags alone that were left and of the owner's descriptions, and a paired
        test; `added_right`, the share of added tags that the entry has; `words`, how many a description has;
        `distinct_words` of all; None: too few entries have two tags.
    """
    digests = np.array([xxhash.xxh3_64_intdigest(one.encode()) for one in ids], np.uint64)
    telling = [[tag for tag in own if tells(tag)] for own in rows]
    able = np.flatnonzero([len(own) > 1 for own in telling])
    able = able[np.argsort(digests[able], kind="stable")][:MOST_JUDGED]
    if len(able) < LEAST_JUDGED:
        return None
    judged: list[_Judged] = []
    for fold in range(FOLDS):
        others = digests % FOLDS != fold
        parts = Parts(places.joins(others), likely_tags(tags, others))
        own = able[~others[able]].tolist()
        judged += [_judge(telling[entry], described[entry], int(digests[entry]), parts) for entry in own]
    return _figures(judged)


def _judge(tags: Sequence[str], described: tuple[str, str], digest: int, parts: Parts) -> _Judged:
    order = sorted(tags, key=lambda tag: xxhash.xxh3_64_intdigest(tag.encode(), seed=digest % 2**63))
    hidden = set(order[: len(order) // 2])
    left = [tag for tag in tags if tag not in hidden]
    made = make(PhotoFacts(left), parts)
    words, alone = words_of(made.text), {word for tag in left for word in tag_words(tag)}
    owner, whole = set(words_of(described[0])), set(words_of(" . ".join(described)))
    new = set(words)
    names = set(map(str.casefold, tags))
    return _Judged(
        [(says(new, tag), says(alone, tag), says(owner, tag)) for tag in sorted(hidden)],
        [tag.casefold() in names or says(whole, tag) for tag in made.added],
        words,
        bool(owner),
    )


def _figures(judged: Sequence[_Judged]) -> dict[str, Any]:
    groups = np.repeat(np.arange(len(judged)), [len(one.hits) for one in judged])
    hits = np.array([hit for one in judged for hit in one.hits], np.bool_).reshape(-1, 3)
    told = np.repeat([one.owner for one in judged], [len(one.hits) for one in judged])
    test = compare(
        np.ones(len(hits), int), hits[:, 0], hits[:, 1], groups, name_a="descriptions", name_b="the tags that were left"
    )
    added = [(one, right) for one, some in enumerate(judged) for right in some.added]
    every = [word for one in judged for word in one.words]
    return {
        "judged": len(judged),
        "hidden_tags": len(hits),
        "tag_recall": proportion(hits[:, 0], groups).to_json(),
        "tag_recall_of_the_tags_left": proportion(hits[:, 1], groups).to_json(),
        **({"tag_recall_of_the_owners": proportion(hits[told, 2], groups[told]).to_json()} if told.any() else {}),
        "test": test.to_json(),
        **(
            {"added_right": proportion([right for _, right in added], [one for one, _ in added]).to_json()}
            if added
            else {}
        ),
        "added_tags": len(added),
        "words": mean([len(one.words) for one in judged]).to_json(),
        "distinct_words": len(set(every)),
        "distinct_share": proportion(_first_time(judged), np.arange(len(judged))).to_json(),
    }


def _first_time(judged: Sequence[_Judged]) -> npt.NDArray[np.bool_]:
    """[j] whether no other description has the very words of each."""
    texts = [" ".join(one.words) for one in judged]
    _, inverse, counts = np.unique(texts, return_inverse=True, return_counts=True)
    alone: npt.NDArray[np.bool_] = counts[inverse] == 1
    return alone


def mean(values: Sequence[float]) -> Estimate:
    """The mean of `values`, at least one, with its normal interval."""
    array = np.asarray(values, np.float64)
    middle = float(array.mean())
    half = Z * float(array.std(ddof=1)) / len(array) ** 0.5 if len(array) > 1 else 0.0
    return Estimate(middle, middle - half, middle + half)
