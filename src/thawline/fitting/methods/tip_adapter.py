"""Zero-shot beside a cache whose keys are fine-tuned: Tip-Adapter-F."""

from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax
from threadpoolctl import threadpool_limits

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.few_shot import TipAdapterSettings
from thawline.fitting.heads.cache import CacheHead
from thawline.fitting.inner import Splits, with_inner
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.linear import Matrix, unit
from thawline.fitting.tail import Tail

_DECAYS, _EPS, _WEIGHT_DECAY = (0.9, 0.999), 1e-4, 0.01  # AdamW's, as the authors set them


def fit_tip_adapter(
    tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: TipAdapterSettings, seed: int
) -> FittedTail:
    """Fit the tail's cache (Tip-Adapter-F: arXiv 2111.03930, section 3.2; code: gaopengcuhk/Tip-Adapter, main.py).

    Keys begin as the samples' unit features and learn by AdamW and a cosine to nothing; values stay the samples'
    classes. The authors search how much the cache counts, alpha, and how near is near, beta, on validation samples, and
    the best epoch on the test set; here alpha and beta have the least log-loss over inner grouped folds with keys that
    have not learnt, and the last epoch is taken. A step sees all samples in their plain view, where the authors draw
    256 varied ones.

    Args:
        tail: Its stages have no parameters and its head is a `CacheHead`.
        train: Training samples.
        inner: Given validation samples, which choose; they are then in the cache too. None: inner grouped folds of
            `train`.
        settings: What to choose from, and how keys learn.
        seed: Fixes the inner folds.
    """
    everything, splits = with_inner(train, inner, settings.folds, seed)
    head = tail.head
    if not isinstance(head, CacheHead):
        raise TypeError(f"this fits a cache, not {type(head).__name__}")
    weights = np.ones(len(everything)) if everything.weights is None else everything.weights
    values = (everything.targets[:, None] == np.arange(head.classes)) * weights[:, None]
    with threadpool_limits(1):
        rows = unit(everything.matrix())
        before = head.text_scale * rows @ head.texts.double().numpy().T
        alpha, beta, losses = _choose(rows, values, before, splits, settings)
        keys = _learn(rows, values, before, (alpha, beta), settings)
    found = {"keys": keys, "values": values, "alpha": alpha, "beta": beta}
    state = {**tail.state_dict(), **{f"head.{name}": _tensor(value) for name, value in found.items()}}
    chosen = {"alpha": alpha, "beta": beta, "inner_log_loss": losses, "inner_folds": len(splits)}
    return FittedTail(state=state, chosen=chosen)


def _tensor(value: Matrix | float) -> torch.Tensor:
    return torch.as_tensor(value, dtype=torch.float32)


def _choose(
    rows: Matrix, values: Matrix, before: Matrix, splits: Splits, settings: TipAdapterSettings
) -> tuple[float, float, dict[str, float]]:
    """Alpha and beta with the least log-loss over the samples that inner folds hold out; the middle ones without folds.

    `rows` are unit features [n, dim], `values` [n, classes] and `before` what zero-shot says [n, classes].
    """
    alphas, betas = sorted(settings.alpha), sorted(settings.beta)
    if not splits:
        return alphas[len(alphas) // 2], betas[len(betas) // 2], {}
    losses = dict.fromkeys(product(alphas, betas), 0.0)
    held = sum(len(test) for _, test in splits)
    for train, test in splits:
        alike, targets = rows[test] @ rows[train].T - 1, values[test].argmax(axis=1)
        for beta in betas:
            cached = np.exp(beta * alike) @ values[train]
            for alpha in alphas:
                logits = before[test] + alpha * cached
                right = logits[np.arange(len(test)), targets]
                losses[alpha, beta] += float((logsumexp(logits, axis=1) - right).sum()) / held
    alpha, beta = min(losses, key=losses.__getitem__)
    return alpha, beta, {f"alpha {alpha:g}, beta {beta:g}": loss for (alpha, beta), loss in losses.items()}


def _learn(
    rows: Matrix, values: Matrix, before: Matrix, counts: tuple[float, float], settings: TipAdapterSettings
) -> Matrix:
    """The keys after the last step, [n, dim]; `counts` are alpha and beta."""
    (alpha, beta), keys = counts, rows.copy()
    weights: NDArray[np.float64] = values.sum(axis=1, keepdims=True)
    first, second = np.zeros_like(keys), np.zeros_like(keys)
    for step in range(settings.epochs):
        near = np.exp(beta * (rows @ keys.T - 1))
        wrong = (softmax(before + alpha * near @ values, axis=1) * weights - values) / weights.sum()
        slope = alpha * beta * (near * (wrong @ values.T)).T @ rows
        rate = settings.lr * 0.5 * (1 + np.cos(np.pi * step / settings.epochs))
        first = _DECAYS[0] * first + (1 - _DECAYS[0]) * slope
        second = _DECAYS[1] * second + (1 - _DECAYS[1]) * slope**2
        lifted = [moment / (1 - decay ** (step + 1)) for moment, decay in zip((first, second), _DECAYS, strict=True)]
        keys = keys * (1 - rate * _WEIGHT_DECAY) - rate * lifted[0] / (np.sqrt(lifted[1]) + _EPS)
    return keys
