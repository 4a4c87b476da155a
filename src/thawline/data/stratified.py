"""Folds that are stratified by class and cut no group, to the bit as scikit-learn's `StratifiedGroupKFold` makes them.

That class takes two seconds to import, with all of scikit-learn and SciPy's statistics, as much as PyTorch itself; and
asks of each group and fold on its own what is asked here of a group's folds at once.
"""

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def stratified_group_folds(labels: npt.ArrayLike, groups: npt.ArrayLike, folds: int, seed: int) -> IntArray:
    """The test fold [N], 0 to `folds` - 1, of each sample.

    Groups go one by one, those that differ most between classes first, to the fold where they leave the classes' shares
    most alike; where several do, to the one with the fewest samples.

    Args:
        labels: [N] of any type that can be sorted.
        groups: [N] likewise.
        folds: 2 or more, and no more than there are groups, or samples of the largest class.
        seed: Of the shuffle, 0 to 2**32 - 1: the order of groups that differ alike.
    """
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    _, numbers = np.unique(groups, return_inverse=True)
    counts = np.zeros((int(numbers.max()) + 1, len(sizes)))
    np.add.at(counts, (numbers, classes), 1)
    order = np.arange(len(counts))
    np.random.RandomState(seed).shuffle(order)
    spread = np.std(counts[order], axis=1)
    held = np.zeros((folds, len(sizes)))
    fold_of = np.empty(len(counts), dtype=np.int64)
    for group in order[np.argsort(-spread, kind="stable")]:
        fold = _best_fold(held, counts[group], sizes)
        held[fold] += counts[group]
        fold_of[group] = fold
    return fold_of[numbers]


def _best_fold(held: FloatArray, group: FloatArray, sizes: IntArray) -> int:
    """Which of the folds that have `held` [folds, classes] gets `group` [classes]; of all samples there are `sizes`."""
    folds = len(held)
    tried = np.repeat(held[None], folds, axis=0)
    tried[np.arange(folds), np.arange(folds)] += group
    unlike = np.std(tried / sizes, axis=1).mean(axis=1).tolist()
    samples = held.sum(axis=1).tolist()
    best, least, fewest = 0, np.inf, np.inf
    for fold, (cost, count) in enumerate(zip(unlike, samples, strict=True)):
        # As `numpy.isclose` has it.
        alike = abs(cost - least) <= 1e-8 + 1e-5 * least
        if cost < least or (alike and count < fewest):
            best, least, fewest = fold, cost, count
    return best
