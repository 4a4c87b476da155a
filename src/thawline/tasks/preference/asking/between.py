"""What two versions like best of what nothing is answered of, mixed: who picks better shows in the answers."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from thawline.features.settings import StoreSettings
from thawline.tasks.preference.asking.asked import Asking, QueriedItem, groups_of
from thawline.tasks.preference.asking.scoring import load_scorer
from thawline.tasks.preference.asking.strategies import Floats
from thawline.versions.feedback import Candidate, candidates
from thawline.versions.interleaved import drafted_by
from thawline.versions.registry import Registry

_CPU = torch.device("cpu")


def draft(scores: Sequence[Floats], groups: NDArray[np.int64], n: int, seed: int) -> list[tuple[int, int]]:
    """Team draft (Radlinski, Kurup and Joachims 2008): at most `n` picks (row, team) of two teams, in order.

    In each round both teams pick, who is first by the toss of a coin; each takes what it scores highest of what is
    left. No two picks are of one group.

    Args:
        scores: Of each team, [rows].
        groups: Group of each row, [rows]; a negative number is no group.
        n: How many.
        seed: Fixes the coin.
    """
    rng = np.random.default_rng(seed)
    free, picks = np.ones(len(groups), dtype=np.bool_), list[tuple[int, int]]()
    while len(picks) < n and free.any():
        first = int(rng.integers(2))
        for team in (first, 1 - first):
            if len(picks) == n or not free.any():
                break
            row = int(np.where(free, scores[team], -np.inf).argmax())
            picks.append((row, team))
            free[row] = False
            if groups[row] >= 0:
                free &= groups != groups[row]
    return picks


def next_between(
    session: Session,
    registry: Registry,
    n: int,
    numbers: tuple[int, int],
    *,
    store: StoreSettings,
    device: torch.device = _CPU,
    seed: int = 0,
    without: Collection[int] = (),
) -> Asking:
    """What to ask about next to hold two versions against each other. Nothing is recorded.

    Args:
        session: The database.
        registry: It has the versions.
        n: How many, at most.
        numbers: Of the versions.
        store: Where features are kept. What it lacks is computed first.
        device: What computes features.
        seed: Fixes the coin, together with the items that are left.
        without: Items that are asked about already, by their ids.

    Raises:
        UserError: A version is not there or not sound.
    """
    versions = [registry.find(number) for number in numbers]
    scorers = [load_scorer(registry.folder(version), store.root) for version in versions]
    there = candidates(session)
    open_ = [item for item in there if item.id not in without]
    problems: dict[int, str] = {}
    features = []
    for scorer in scorers:
        found, unusable = scorer.features([item for item in open_ if item.id not in problems], store, device)
        features.append(found)
        problems |= unusable
    usable: list[Candidate] = [item for item in open_ if item.id not in problems]
    if len(features[0]) != len(usable):  # what only the second could not use
        features[0], _ = scorers[0].features(usable, store, device)
    scores = [scorer.probabilities(found) for scorer, found in zip(scorers, features, strict=True)]
    told = {item.path: problems[item.id] for item in open_ if item.id in problems}
    seed = int(np.random.SeedSequence([seed, len(there)]).generate_state(1)[0])
    left, why = np.arange(len(usable)), drafted_by(*versions)
    while True:  # only files of what is picked are looked for
        picks = draft([one[left] for one in scores], groups_of([usable[row] for row in left]), n, seed)
        gone = [int(left[row]) for row, _ in picks if not Path(usable[left[row]].path).is_file()]
        told |= {usable[row].path: "the file is gone" for row in gone}
        if not gone:
            break
        left = np.setdiff1d(left, gone)
    asked = []
    for row, team in picks:
        item = usable[left[row]]
        asked.append(QueriedItem(item.id, Path(item.path), float(scores[team][left[row]]), why, versions[team]))
    return Asking(tuple(asked), len(there), None, told)
