"""A linear head in closed form where a sample can have several classes: a logistic regression of each, all at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from thawline.decisions.label_thresholds import THRESHOLDS, fit_label_thresholds
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.inner import Splits, joined
from thawline.fitting.methods import Fit
from thawline.fitting.methods.linear import columns_of
from thawline.fitting.settings import LogisticSettings
from thawline.fitting.tail import Tail, pool

_STEPS = 100  # of L-BFGS, at most
_CLOSE = 1e-3  # how little the sum of cross-entropies, or its gradient, may still change
_SURE = 1e-3  # how near to 0 and 1 the share of a class may be from which its bias starts

Line = tuple[torch.Tensor, torch.Tensor]  # weights [columns, classes] and biases [classes]


def fit_logistic_tags(
    tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: LogisticSettings, seed: int
) -> Fit:
    """Fit the tail's linear head by the binary cross-entropy of each class, with one strength of the penalty for all.

    The strength is the one with the least inner log-loss, and each class's threshold has the best F1 of what is then
    said out of the inner folds.

    Args:
        tail: Its stages have no parameters, its head is a linear `DenseHead`, and it has `sets`.
        train: Training samples; targets number the sets.
        inner: Given validation samples, which choose and are then trained on too; None: inner grouped folds of `train`.
        settings: The strengths to choose from.
        seed: Fixes the inner folds.
    """
    everything, splits = _with_inner(train, inner, settings.folds, seed)
    columns = columns_of(tail, everything)
    # One thread: the sums of a threaded BLAS depend on how many threads there are.
    with threadpool_limits(1):
        matrix, back = _turned(columns.matrix)
        true = torch.from_numpy(tail.sets_of(everything.targets)).to(matrix.dtype)
        strength, losses, said = _choose(matrix, true, splits, settings.c)
        weight, bias = _regress(matrix, true, strength)
    columns.keep((back @ weight).T.double().numpy(), bias.double().numpy())
    chosen: dict[str, Any] = {"c": strength, "inner_log_loss": losses, "inner_folds": len(splits)}
    if said is not None:
        chosen[THRESHOLDS] = _thresholds(everything, true, said)
    return Fit(state=tail.state_dict(), chosen=chosen)


def _with_inner(train: FeatureSet, inner: FeatureSet | None, folds: int, seed: int) -> tuple[FeatureSet, Splits]:
    """As `inner.with_inner` does it, but that no class is asked to be on each side: there may be hundreds."""
    if inner is not None:
        return joined(train, inner), [(np.arange(len(train)), np.arange(len(train), len(train) + len(inner)))]
    folds = min(folds, len(np.unique(train.groups)))
    if folds < 2:
        return train, []
    from sklearn.model_selection import GroupKFold  # late: scikit-learn takes a second to import

    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    return train, list(splitter.split(np.zeros(len(train)), groups=train.groups))


def _turned(matrix: NDArray[np.float64]) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples [n, columns] in no more dimensions than there are of them, and what turns weights back.

    That is lossless, and no L2 penalty sees it: the weights of the least penalty lie among the samples.
    """
    whole = torch.from_numpy(matrix).float()
    if len(matrix) >= matrix.shape[1]:
        return whole, torch.eye(matrix.shape[1], dtype=whole.dtype)
    u, s, v = torch.linalg.svd(whole, full_matrices=False)
    return u * s, v.T


def _choose(
    matrix: torch.Tensor, true: torch.Tensor, splits: Splits, strengths: Sequence[float]
) -> tuple[float, dict[str, float], torch.Tensor | None]:
    """The strength with the least inner log-loss, all losses, and the logits that it gave out of the inner folds.

    The middle one where there are no folds.
    """
    ordered = sorted(strengths)
    if not splits:
        return ordered[len(ordered) // 2], {}, None
    judged = torch.from_numpy(np.sort(np.concatenate([test for _, test in splits])))
    losses, best = {}, (float("inf"), ordered[0], true)
    starts: list[Line | None] = [None] * len(splits)
    for strength in ordered:
        logits = torch.zeros_like(true)
        for i, (train, test) in enumerate(splits):
            starts[i] = line = _regress(matrix[train], true[train], strength, starts[i])
            logits[test] = matrix[test] @ line[0] + line[1]
        loss = float(F.binary_cross_entropy_with_logits(logits[judged], true[judged]))
        losses[str(strength)] = loss
        if loss >= best[0]:
            break  # the loss has one valley, and weaker penalties are slow
        best = (loss, strength, logits)
    return best[1], losses, best[2] if len(judged) == len(true) else None


def _regress(matrix: torch.Tensor, true: torch.Tensor, strength: float, start: Line | None = None) -> Line:
    """The weights and biases of the least sum of cross-entropies and half of the squared weights over `strength`."""
    share = true.mean(dim=0).clamp(_SURE, 1 - _SURE)
    begin = (matrix.new_zeros(matrix.shape[1], true.shape[1]), torch.logit(share)) if start is None else start
    weight, bias = (each.clone().requires_grad_() for each in begin)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=_STEPS, tolerance_grad=_CLOSE, tolerance_change=_CLOSE, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(matrix @ weight + bias, true, reduction="sum")
        loss = loss + weight.square().sum() / (2 * strength)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def _thresholds(samples: FeatureSet, true: torch.Tensor, logits: torch.Tensor) -> list[float]:
    """The best threshold of each class by the logits out of the inner folds; of samples in parts by their mean."""
    if samples.owners is not None:
        owners = torch.from_numpy(samples.owners)
        logits, true = pool(logits.float(), owners), pool(true.float(), owners)
    fitted: list[float] = fit_label_thresholds(true.numpy() > 0.5, torch.sigmoid(logits.float()).numpy()).tolist()
    return fitted
