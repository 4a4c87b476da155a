"""What of a pair's tail is measured rather than trained: where scale and bias begin, and the threshold at the end."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from thawline.decisions.threshold import DecisionSettings, fit_threshold
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.scikit import LogisticRegression
from thawline.fitting.tail import final_features, in_batches, predict
from thawline.tasks.match.tail import NewProjection, PairTail

# What a fit calls the cosine from which pretrained CLIP says `match`.
ZERO_SHOT_THRESHOLD = "zero_shot_threshold"

_SCALE = "head.log_scale", "head.bias"


@torch.no_grad()
def embed(tail: PairTail, samples: FeatureSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors of the images and of the texts of `samples`, each [n, shared]; on the CPU."""
    tail = tail.cpu().eval()
    parts = []
    for positions in in_batches(samples):
        features, _ = samples[positions]
        parts.append(tail.embed(features))
    images, texts = zip(*parts, strict=True)
    return torch.cat(images), torch.cat(texts)


def cosines(tail: PairTail, samples: FeatureSet) -> NDArray[np.float32]:
    """The cosine of each pair of `samples`, [n]."""
    images, texts = embed(tail, samples)
    found: NDArray[np.float32] = (images * texts).sum(dim=-1).numpy()
    return found


@torch.no_grad()
def measure(tail: PairTail, samples: FeatureSet, *, new_space: bool, strangers: int = 1) -> None:
    """Set where the training begins: the scaling of new projections, or scale and bias of a pretrained cosine.

    Args:
        tail: What is to be trained.
        samples: What it is to be trained on.
        new_space: Whether its projections are new.
        strangers: How many mismatches the loss sees for each match. The bias starts lower by their logarithm: training
            would else begin by pushing everything apart (SigLIP, arXiv 2303.15343, section 3.2).
    """
    head = tail.head
    if new_space:
        # The text tower may be new too; its features are as they are at the start.
        images, texts = _tower_features(tail, samples)
        for projection, features in ((head.image, images), (head.text, texts)):
            if isinstance(projection, NewProjection):
                projection.standardise.measure(features)
    else:
        # Logits that hardly differ would hardly train: their spread is at least 1 at the start.
        head.set_scale(*fit_platt(cosines(tail, samples), samples.targets, least=1.0))
    head.bias.sub_(math.log(strangers))


def settle_pairs(
    fit: FittedTail,
    tail: PairTail,
    zero_shot: PairTail | None,
    inner: FeatureSet | None,
    earlier: Sequence[FittedTail],
    how: DecisionSettings,
) -> FittedTail:
    """`fit` with what is fitted after the training, on samples that it did not see.

    That is scale and bias, since training leaves a model too sure of itself and a loss over a batch trains no bias that
    fits single pairs; the threshold on the probability; and the one on pretrained CLIP's cosine, which it is compared
    with.

    Args:
        fit: What was trained.
        tail: With its state.
        zero_shot: Pretrained CLIP; None where there is none to compare with.
        inner: The samples to fit on; None: the medians of `earlier` are taken.
        earlier: The folds' fits.
        how: What the thresholds are fitted for.
    """
    if inner is None:
        return _from_folds(fit, earlier)
    tail.head.set_scale(*fit_platt(cosines(tail, inner), inner.targets))
    state = fit.state | {name: tail.state_dict()[name].clone() for name in _SCALE}
    chosen: dict[str, Any] = dict(fit.chosen)
    chosen["threshold"] = fit_threshold(predict(tail, inner)[:, 1], inner.targets, how).to_json()
    if zero_shot is not None:
        chosen[ZERO_SHOT_THRESHOLD] = fit_threshold(cosines(zero_shot, inner), inner.targets, how, lowest=-1.0).value
    return replace(fit, state=state, chosen=chosen)


def fit_platt(cosine: NDArray[np.float32], labels: NDArray[np.int64], *, least: float = 1e-2) -> tuple[float, float]:
    """Scale and bias by which sigmoid(scale · cos + bias) fits the labels best (Platt, 1999).

    Args:
        cosine: Of each pair, [n].
        labels: 1 for a match, [n].
        least: What a cosine that is one standard deviation higher adds to the logit at least, above 0.
    """
    # Standardised, since L-BFGS wants numbers of about one size; hardly penalised.
    mean, spread = float(cosine.mean()), float(cosine.std()) or 1.0
    standard = ((cosine - mean) / spread).astype(np.float64)
    slope, level = _regress(standard, labels) if len(np.unique(labels)) == 2 else (0.0, 0.0)
    if slope < least:
        # The bias that gives as many matches as there are (Laplace's estimate, for the few pairs of a debug profile).
        slope, rate = least, ((labels == 1).sum() + 1) / (len(labels) + 2)
        level = brentq(lambda bias: float(expit(least * standard + bias).mean() - rate), -1e3, 1e3)
    return slope / spread, level - slope * mean / spread


def _regress(values: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of `labels` on `values`."""
    model = LogisticRegression(C=1e3).fit(values[:, None], labels)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _from_folds(fit: FittedTail, earlier: Sequence[FittedTail]) -> FittedTail:
    """`fit` with the medians of what the folds' fits were given."""
    state = fit.state | {name: torch.stack([one.state[name] for one in earlier]).quantile(0.5) for name in _SCALE}
    chosen = {**fit.chosen, "threshold": _median_threshold(earlier)}
    if ZERO_SHOT_THRESHOLD in earlier[0].chosen:
        chosen[ZERO_SHOT_THRESHOLD] = float(np.median([one.chosen[ZERO_SHOT_THRESHOLD] for one in earlier]))
    return replace(fit, state=state, chosen=chosen)


def _median_threshold(earlier: Sequence[FittedTail]) -> dict[str, Any]:
    """The median of the folds' thresholds, with the median of what these attained."""
    found = [one.chosen["threshold"] for one in earlier]
    return {
        **found[0],
        "value": float(np.median([one["value"] for one in found])),
        "attained": float(np.median([one["attained"] for one in found])),
        "held": all(one["held"] for one in found),
    }


def _tower_features(tail: PairTail, samples: FeatureSet) -> tuple[torch.Tensor, torch.Tensor]:
    """What the stages of both towers give, [n, image dim] and [n, text dim]."""
    tail.eval()
    features = final_features(tail.stages, samples)
    return features[:, : tail.head.image_dim], features[:, tail.head.image_dim :]
