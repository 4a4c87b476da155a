"""What groups of faces are worth: against what is known of some, and under another choice of faces."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix, pair_confusion_matrix

from thawline.tasks.library.people.clustering import group
from thawline.tasks.library.people.constraints import Held
from thawline.tasks.library.people.faces import Faces
from thawline.tasks.library.people.grouping.neighbours import Ints
from thawline.tasks.library.people.people import People
from thawline.tasks.library.people.settings import PeopleSettings

_TRIES = 3
_SHARE = 0.8
_MOST = 2_000  # faces that are grouped again


def figures_of(truth: Ints, found: Ints) -> dict[str, float]:
    """How `found` groups [n] agree with the true ones, by pairs, by faces (B-cubed, Bagga and Baldwin 1998), Rand."""
    (_, wrong), (missed, right) = pair_confusion_matrix(truth, found).tolist()
    table = contingency_matrix(truth, found, sparse=True).tocoo()  # dense, thousands of people take gigabytes
    common = table.data.astype(np.float64)
    precision = float((common**2 / np.bincount(table.col, common)[table.col]).sum() / common.sum())
    recall = float((common**2 / np.bincount(table.row, common)[table.row]).sum() / common.sum())
    return {
        "pairwise_precision": right / (right + wrong) if right + wrong else 1.0,
        "pairwise_recall": right / (right + missed) if right + missed else 1.0,
        "pairwise_f1": 2 * right / (2 * right + wrong + missed) if right + wrong + missed else 1.0,
        "bcubed_f1": 2 * precision * recall / (precision + recall),
        "adjusted_rand": float(adjusted_rand_score(truth, found)),
    }


def judge(people: People, identities: Mapping[str, str]) -> dict[str, Any] | None:
    """The figures of `people` against who is who, by entry (of one face) or by face; None: nothing is known of them."""
    keys = [(key, entry) for key, entry in zip(people.faces.keys, people.faces.entries, strict=True)]
    known = [identities.get(key, identities.get(entry)) for key, entry in keys]
    rows = [row for row, name in enumerate(known) if name is not None]
    if len(rows) < 2:
        return None
    truth = np.unique([str(known[row]) for row in rows], return_inverse=True)[1]
    figures = figures_of(truth, people.persons[rows])
    return {"faces": len(rows), **{name: round(value, 4) for name, value in figures.items()}}


def by_the_owner(people: People, settings: PeopleSettings) -> dict[str, Any] | None:
    """How grouping alone, without the owner's words, agrees with those: with faces that were named, merged and split.

    None: the owner has said too little.
    """
    said: dict[str, str] = {}
    for number, group_ in enumerate([*(name.faces for name in people.names.values()), *people.constraints.one]):
        said |= {key: said.get(key, str(number)) for key in sorted(group_)}
    rows = np.array([row for row, key in enumerate(people.faces.keys) if key in said][:_MOST], np.int64)
    if len({said[people.faces.keys[row]] for row in rows.tolist()}) < 2:
        return None
    some = people.faces.take(rows)
    truth = np.unique([said[key] for key in some.keys], return_inverse=True)[1]
    found = group(some, Held(np.arange(len(some))), settings)[0].of
    return {"faces": len(some), **{name: round(value, 4) for name, value in figures_of(truth, found).items()}}


def stability(faces: Faces, settings: PeopleSettings) -> float | None:
    """The mean adjusted Rand index between groups of faces and those of four fifths of them; None: too few faces."""
    if len(faces) < 10:
        return None
    random = np.random.default_rng(0)
    if len(faces) > _MOST:
        faces = faces.take(np.sort(random.choice(len(faces), _MOST, replace=False)))
    whole = group(faces, Held(np.arange(len(faces))), settings)[0].of
    agreements = []
    for _ in range(_TRIES):
        rows = np.sort(random.choice(len(faces), int(_SHARE * len(faces)), replace=False))
        found = group(faces.take(rows), Held(np.arange(len(rows))), settings)[0].of
        agreements.append(float(adjusted_rand_score(whole[rows], found)))
    return round(float(np.mean(agreements)), 4)
