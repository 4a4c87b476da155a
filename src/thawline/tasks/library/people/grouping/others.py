"""Chinese whispers and HDBSCAN, besides average linkage."""

import numpy as np

from thawline.errors import UserError
from thawline.tasks.library.people.grouping.neighbours import Floats, Ints

_ROUNDS = 20
_MOST = 20_000  # faces that HDBSCAN takes: its time grows with their square


def whispers(places: Ints, cosines: Floats, least: float) -> Ints:
    """[n] Labels by Chinese whispers (Biemann 2006) on the graph of neighbours that are alike enough.

    Each face takes the label that most weight of its neighbours has, in an order that is drawn once for the same faces.

    Args:
        places: [n, k] The neighbours of each; -1: none.
        cosines: [n, k] How alike they are.
        least: The least cosine of an edge.
    """
    number = len(places)
    labels, random = np.arange(number), np.random.default_rng(0)
    kept = (places >= 0) & (cosines >= least)
    around = [(places[row][kept[row]], cosines[row][kept[row]] - least + 1e-3) for row in range(number)]
    for _ in range(_ROUNDS):
        changed = 0
        for row in random.permutation(number).tolist():
            near, weights = around[row]
            if len(near):
                found, inverse = np.unique(labels[near], return_inverse=True)
                label = found[np.argmax(np.bincount(inverse, weights))]
                changed += label != labels[row]
                labels[row] = label
        if not changed:
            break
    return labels


def hdbscan(units: Floats) -> Ints:
    """[n] Labels by HDBSCAN (Campello et al. 2013), scikit-learn's; who is of none is alone.

    Raises:
        UserError: There are more faces than it can take.
    """
    from sklearn.cluster import HDBSCAN  # late: a second

    if len(units) > _MOST:
        raise UserError(f"people.method=hdbscan takes {_MOST:,} faces, and there are {len(units):,}; use average")
    if len(units) < 3:
        return np.arange(len(units))
    found = HDBSCAN(min_cluster_size=2, min_samples=1, copy=True).fit(units)
    labels = np.asarray(found.labels_, np.int64)
    alone = labels < 0
    labels[alone] = labels.max() + 1 + np.arange(int(alone.sum()))
    return labels
