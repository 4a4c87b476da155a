"""A linear head in closed form: Gaussian discriminant analysis with one shrunk covariance."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve
from sklearn.covariance import ledoit_wolf, shrunk_covariance
from threadpoolctl import threadpool_limits

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.inner import joined
from thawline.fitting.methods import Fit
from thawline.fitting.methods.linear import columns_of
from thawline.fitting.settings import GaussianSettings
from thawline.fitting.tail import Tail


def fit_gda(tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: GaussianSettings) -> Fit:
    """Fit the tail's linear head: each class is a Gaussian about its own mean, with the covariance of all.

    Args:
        tail: Its stages have no parameters and its head is a linear `DenseHead`.
        train: Training samples.
        inner: Given validation samples. Nothing is chosen by them: they are trained on too. None: there are none.
        settings: The shrinkage.
    """
    everything = train if inner is None else joined(train, inner)
    columns = columns_of(tail, everything)
    weights = np.ones(len(everything)) if everything.weights is None else everything.weights
    # One thread: the sums of a threaded BLAS depend on how many threads there are.
    with threadpool_limits(1):
        weight, bias, shrinkage = _discriminant(columns.matrix, everything.targets, weights, settings.shrinkage)
    columns.keep(weight, bias)
    return Fit(state=tail.state_dict(), chosen={"shrinkage": shrinkage})


def _discriminant(
    features: NDArray[np.float64], targets: NDArray[np.int64], weights: NDArray[np.float64], shrinkage: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Weights [classes, columns] and biases [classes] of the linear discriminant, and how much was shrunk.

    scikit-learn's LinearDiscriminantAnalysis(solver="lsqr") is the same with one fixed shrinkage, and takes no weights.
    """
    shares = np.bincount(targets, weights=weights) / weights.sum()
    member = (targets[:, None] == np.arange(len(shares))) * weights[:, None]
    means = (member.T @ features) / member.sum(axis=0)[:, None]
    # Rows by the roots of their weights: their products have the weighted covariance for a mean, and Ledoit and Wolf's
    # estimate of how far that mean can be trusted takes into account that few rows may have most of the weight.
    rows = (features - means[targets]) * np.sqrt(weights / weights.mean())[:, None]
    if shrinkage is None:
        covariance, found = ledoit_wolf(rows, assume_centered=True)
    else:
        covariance, found = shrunk_covariance(rows.T @ rows / len(rows), shrinkage), shrinkage
    weight: NDArray[np.float64] = solve(covariance, means.T, assume_a="pos").T
    bias = np.log(shares) - 0.5 * (means * weight).sum(axis=1)
    return weight, bias, float(found)
