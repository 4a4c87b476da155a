"""A class's text and its photos, added up: SS-Text."""

import numpy as np

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.few_shot import PER_CLASS, PER_SAMPLE, SSTextSettings
from thawline.fitting.inner import joined
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.linear import keep_probe, probe_of, unit
from thawline.fitting.tail import Tail

_LEAST = 1e-3  # λ, as the authors' code has it


def fit_ss_text(
    tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: SSTextSettings, _seed: int
) -> FittedTail:
    """Fit the tail's probe (SS-Text: arXiv 2506.06076; λ of each class: arXiv 2506.17500; code: jusiro/SS-Text).

    A class's prototype is its text plus the sum of its photos' unit features, times what the cosine is multiplied by,
    over N·λ with N photos in all. Of λ = 1/n with n photos of the class, photos weigh the more the more of them there
    are, and a class without any keeps its text. The authors then move each prototype by a unit vector from the mean of
    all; with unit features that is less than a hundredth of its length, but turns a class without photos round, so it
    is left out.

    Args:
        tail: Its stages have no parameters and its head is a `ProbeHead`.
        train: Training samples.
        inner: Given validation samples, which are added up too: there is nothing to choose; None: none are given.
        settings: What the text weighs.
        _seed: Nothing is drawn.
    """
    everything = train if inner is None else joined(train, inner)
    head, weights = probe_of(tail), everything.weights
    weights = np.ones(len(everything)) if weights is None else weights
    member = (everything.targets[:, None] == np.arange(head.classes)) * weights[:, None]
    counts, total = member.sum(axis=0), weights.sum()
    if settings.text == PER_CLASS:
        pull = 1 / np.maximum(counts, 1.0)
    else:
        pull = np.full(head.classes, 1 / total if settings.text == PER_SAMPLE else float(settings.text))
    pull = np.maximum(pull, _LEAST)
    photos = head.text_scale * member.T @ unit(everything.matrix()) / (total * pull)[:, None]
    keep_probe(head, head.text_scale * unit(head.texts.double().numpy() + photos))
    return FittedTail(state=tail.state_dict(), chosen={"pull": pull.tolist()})
