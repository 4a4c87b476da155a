"""A linear head in closed form: Gaussian discriminant analysis with one shrunk covariance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.inner import Splits, with_inner
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.linear import Columns, Matrix, columns_of
from thawline.fitting.settings import GaussianSettings
from thawline.fitting.tail import Tail

_SCALES = (-12.0, 2.0)  # natural logarithms of the factors to choose from
_NOTHING = 1e-10  # of the largest variance: directions below are none


def fit_gda(
    tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: GaussianSettings, seed: int
) -> FittedTail:
    """Fit the tail's linear head: each class is a Gaussian about its own mean, with the covariance of all.

    How far the covariance is shrunk, and by what factor the logits are scaled, are those of the least inner log-loss.
    With fewer samples than features the Gaussians' own logits are many times too large: their order is good and their
    size is not.

    To a probe's zero-shot logits the Gaussians' on unit features are added ("A hard-to-beat baseline for training-free
    CLIP-based adaptation", arXiv 2402.04087, section 3.2), by the factor that the authors take from validation samples.

    Args:
        tail: Its stages have no parameters and its head is a linear `DenseHead` or a `ProbeHead`.
        train: Training samples.
        inner: Given validation samples, which choose; they are then trained on too. None: inner grouped folds of
            `train`.
        settings: What to choose from.
        seed: Fixes the inner folds.
    """
    everything, splits = with_inner(train, inner, settings.folds, seed)
    columns = columns_of(tail, everything)
    weights = np.ones(len(everything)) if everything.weights is None else everything.weights
    # One thread: the sums of a threaded BLAS depend on how many threads there are.
    with threadpool_limits(1):
        chosen = _choose(columns, everything.targets, weights, splits, settings.shrinkage)
        weight, bias = _Gaussians.of(columns.matrix, everything.targets, weights).discriminant(chosen.shrinkage)
    scale = chosen.scale
    if scale is None:  # no more than an even guess is to be had of a sample
        scale = 1 / max(1.0, float(np.ptp(columns.matrix @ weight.T + bias, axis=1).max()))
    columns.keep(scale * weight, scale * bias)
    said = {"shrinkage": chosen.shrinkage, "scale": scale, "inner_log_loss": chosen.losses, "inner_folds": len(splits)}
    return FittedTail(state=tail.state_dict(), chosen=said)


@dataclass(frozen=True)
class _Chosen:
    shrinkage: float
    scale: float | None  # None: there are no inner folds to know it by
    losses: dict[str, float]


@dataclass(frozen=True)
class _Gaussians:
    """Classes about their means, and the directions in which their samples vary.

    Attributes:
        shares: How much of the weight each class has, [classes].
        means: Of each class, [classes, columns].
        directions: Unit vectors, [directions, columns].
        variances: Along each of these, [directions].
        typical: The mean variance over all columns.
    """

    shares: NDArray[np.float64]
    means: Matrix
    directions: Matrix
    variances: NDArray[np.float64]
    typical: float

    @classmethod
    def of(cls, features: Matrix, targets: NDArray[np.int64], weights: NDArray[np.float64]) -> "_Gaussians":
        """Those of samples [n, columns] in classes [n] that count as much as `weights` [n] say."""
        member = (targets[:, None] == np.arange(targets.max() + 1)) * weights[:, None]
        means = (member.T @ features) / member.sum(axis=0)[:, None]
        rows = (features - means[targets]) * np.sqrt(weights / weights.sum())[:, None]
        # The smaller of the two products has the same spectrum.
        if len(rows) < rows.shape[1]:
            squares, turned = np.linalg.eigh(rows @ rows.T)
            kept = squares > _NOTHING * max(squares[-1], 1e-300)
            directions = (turned[:, kept].T @ rows) / np.sqrt(squares[kept])[:, None]
        else:
            squares, turned = np.linalg.eigh(rows.T @ rows)
            kept = squares > _NOTHING * max(squares[-1], 1e-300)
            directions = turned[:, kept].T
        typical = float((rows**2).sum() / rows.shape[1]) or 1.0
        return cls(member.sum(axis=0) / weights.sum(), means, directions, squares[kept], typical)

    def discriminant(self, shrinkage: float) -> tuple[Matrix, NDArray[np.float64]]:
        """Weights [classes, columns] and biases [classes] with the covariance drawn so far to the typical variance.

        With equal weights they are those of scikit-learn's LinearDiscriminantAnalysis(solver="lsqr"), which takes none.
        """
        along = self.means @ self.directions.T
        inside = along / ((1 - shrinkage) * self.variances + shrinkage * self.typical)
        outside = (self.means - along @ self.directions) / (shrinkage * self.typical)
        weight = inside @ self.directions + outside
        return weight, np.log(self.shares) - 0.5 * (self.means * weight).sum(axis=1)


def _choose(
    columns: Columns,
    targets: NDArray[np.int64],
    weights: NDArray[np.float64],
    splits: Splits,
    shrinkages: Sequence[float],
) -> _Chosen:
    """What has the least log-loss over the samples that inner folds hold out, each counted once."""
    ordered = sorted(shrinkages)
    if not splits:
        return _Chosen(ordered[len(ordered) // 2], None, {})
    features, tested = columns.matrix, np.concatenate([test for _, test in splits])
    held, before = targets[tested], 0.0 if columns.before is None else columns.before[tested]
    logits: dict[float, list[Matrix]] = {shrinkage: [] for shrinkage in ordered}
    for train, test in splits:
        gaussians = _Gaussians.of(features[train], targets[train], weights[train])
        for shrinkage in ordered:
            weight, bias = gaussians.discriminant(shrinkage)
            logits[shrinkage].append(features[test] @ weight.T + bias)
    found = {shrinkage: _scale(np.concatenate(said), held, before) for shrinkage, said in logits.items()}
    best = min(ordered, key=lambda shrinkage: found[shrinkage][1])
    return _Chosen(best, found[best][0], {str(shrinkage): loss for shrinkage, (_, loss) in found.items()})


def _scale(logits: Matrix, targets: NDArray[np.int64], before: Matrix | float) -> tuple[float, float]:
    """The factor by which logits [n, classes], added to those `before`, have the least log-loss, and that log-loss."""

    def loss(logarithm: float) -> float:
        scaled = np.exp(logarithm) * logits + before
        return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(targets)), targets]).mean())

    found = minimize_scalar(loss, bounds=_SCALES, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x)), float(found.fun)
