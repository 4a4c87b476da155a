"""Between zero-shot and a linear probe that began there: WiSE-FT."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.few_shot import WiseFTSettings
from thawline.fitting.inner import with_inner
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.clap import descend
from thawline.fitting.methods.linear import Matrix, keep_probe, probe_of, unit
from thawline.fitting.tail import Tail


def fit_wise_ft(
    tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: WiseFTSettings, seed: int
) -> FittedTail:
    """Fit the tail's probe (WiSE-FT of a linear classifier: arXiv 2109.01903, section 4).

    Its weights are 1−α of zero-shot's and α of those of the probe that CLAP is without its constraint. The paper takes
    α = 0.5 where nothing is known; here it has the least log-loss over inner grouped folds, and is 0.5 without folds.

    Args:
        tail: Its stages have no parameters and its head is a `ProbeHead`.
        train: Training samples.
        inner: Given validation samples, which choose; they are then trained on too. None: inner grouped folds of
            `train`.
        settings: What to choose from, and how the probe learns.
        seed: Fixes the inner folds.
    """
    everything, splits = with_inner(train, inner, settings.folds, seed)
    head, rows = probe_of(tail), unit(everything.matrix())
    texts = head.texts.double().numpy()

    def probe(positions: slice | NDArray[np.int64]) -> Matrix:
        weights = None if everything.weights is None else everything.weights[positions]
        start, scale = texts * head.text_length, head.text_scale
        found, _ = descend(rows[positions], everything.targets[positions], weights, start, scale, settings)
        return unit(found)

    alpha, losses = 0.5, dict.fromkeys(sorted(settings.alpha), 0.0)
    with threadpool_limits(1):
        for fitted, test in splits:
            tuned = probe(fitted)
            for share in losses:
                logits = head.text_scale * rows[test] @ ((1 - share) * texts + share * tuned).T
                right = logits[np.arange(len(test)), everything.targets[test]]
                losses[share] += float((logsumexp(logits, axis=1) - right).sum()) / sum(len(each) for _, each in splits)
        if splits:
            alpha = min(losses, key=losses.__getitem__)
        weight = (1 - alpha) * texts + alpha * probe(slice(None))
    keep_probe(head, head.text_scale * weight)
    said = {str(share): loss for share, loss in losses.items()} if splits else {}
    return FittedTail(tail.state_dict(), {"alpha": alpha, "inner_log_loss": said, "inner_folds": len(splits)})
