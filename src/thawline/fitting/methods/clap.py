"""A linear probe from zero-shot by gradient descent over all samples at once: CLAP."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.few_shot import ClapSettings, DescentSettings
from thawline.fitting.inner import joined
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.linear import Matrix, keep_probe, probe_of, unit
from thawline.fitting.tail import Tail

_MOMENTUM = 0.9


def fit_clap(tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: ClapSettings, _seed: int) -> FittedTail:
    """Fit the tail's probe (CLAP: arXiv 2312.12730, section 4; the authors' code: jusiro/CLAP, trainers/adapters.py).

    Cross-entropy of the scaled cosine to one prototype a class, which begins at the class's text, plus the mean over
    the classes of λ‖w − text‖², where λ is the mean probability that zero-shot gives to the class's own samples. Here
    as there 300 steps, a learning rate of 0.1 and a momentum of 0.9; each step sees all samples in their plain view,
    where the authors draw 256 of 20 views of each.

    Args:
        tail: Its stages have no parameters and its head is a `ProbeHead`.
        train: Training samples.
        inner: Given validation samples, which are trained on too: there is nothing to choose; None: none are given.
        settings: How.
        _seed: Nothing is drawn.
    """
    everything = train if inner is None else joined(train, inner)
    head, features = probe_of(tail), everything.matrix()
    with threadpool_limits(1):
        prototypes, pull = descend(
            unit(features),
            everything.targets,
            everything.weights,
            head.texts.double().numpy() * head.text_length,
            head.text_scale,
            settings,
        )
    keep_probe(head, head.text_scale * unit(prototypes))
    return FittedTail(state=tail.state_dict(), chosen={"steps": settings.steps, "pull": pull.tolist()})


def descend(
    features: Matrix,
    targets: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    start: Matrix,
    scale: float,
    settings: DescentSettings,
) -> tuple[Matrix, NDArray[np.float64]]:
    """The prototypes [classes, dim] after the last step, and λ of each class [classes].

    Args:
        features: Unit vectors, [n, dim].
        targets: Their classes, [n].
        weights: How much each counts, [n]; None: all the same.
        start: Where the prototypes begin, [classes, dim].
        scale: What the cosine is multiplied by.
        settings: How; the prototypes of CLAP are drawn back to where they began, if it is constrained.
    """
    weights = np.ones(len(features)) if weights is None else weights
    member = (targets[:, None] == np.arange(len(start))) * weights[:, None]
    told = softmax(scale * features @ unit(start).T, axis=1)
    of_class = member.sum(axis=0)
    known = (member * told).sum(axis=0) / np.maximum(of_class, 1e-12)
    # A class without a sample is drawn back as the others are on average, as the authors' later code has it.
    pull: NDArray[np.float64] = np.where(of_class > 0, known, known[of_class > 0].mean())
    if not (isinstance(settings, ClapSettings) and settings.constrained):
        pull = np.zeros(len(start))
    member, total = member / weights.sum(), weights.sum()
    prototypes, moving = start.copy(), np.zeros_like(start)
    for step in range(settings.steps):
        length = np.linalg.norm(prototypes, axis=1, keepdims=True)
        aim = prototypes / length
        wrong = softmax(scale * features @ aim.T, axis=1) * (weights / total)[:, None] - member
        slope = scale * wrong.T @ features
        slope = (slope - (slope * aim).sum(axis=1, keepdims=True) * aim) / length
        slope += 2 * pull[:, None] * (prototypes - start) / len(start)
        moving = _MOMENTUM * moving + slope
        prototypes -= settings.lr * 0.5 * (1 + np.cos(np.pi * step / settings.steps)) * moving
    return prototypes, pull
