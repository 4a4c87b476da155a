"""Where there is nothing to learn, nothing is found: no leak between what is fitted, chosen and judged."""

import numpy as np
from tests.fitting.conftest import ArrayRows
from torch import nn

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import plan_folds
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.methods.logistic import fit_logistic
from thawline.fitting.settings import LogisticSettings
from thawline.fitting.tail import Tail, predict
from thawline.judging.metrics import judge

SETTINGS = LogisticSettings(name="logistic", head="linear", c=[0.01, 1.0], folds=2)
SEEDS = 20


def accuracy_with_shuffled_labels(seed):
    """Two photos of each of 150 scenes; the labels are shuffled between the scenes."""
    generator = np.random.default_rng(seed)
    scenes = generator.normal(size=(150, 16)).repeat(2, axis=0)
    features = (scenes + 0.3 * generator.normal(size=scenes.shape)).astype(np.float32)
    labels = generator.permutation(np.arange(150) % 3).repeat(2)
    samples = FeatureSet(ArrayRows(features), np.arange(300), labels, np.arange(300) // 2)
    folds = plan_folds(labels, samples.groups, None, cv=3, share=0.2, seed=seed, classes=("a", "b", "c"))
    probabilities = np.zeros((len(labels), 3))
    for fold in folds:
        tail = Tail(nn.Identity(), DenseHead(16, 3))
        fit_logistic(tail, samples.subset(fold.train), None, SETTINGS, seed)
        probabilities[fold.test] = predict(tail, samples.subset(fold.test))
    return judge(labels, probabilities, samples.groups, ("a", "b", "c")).accuracy


def test_chance_lies_inside_the_interval():
    estimates = [accuracy_with_shuffled_labels(seed) for seed in range(SEEDS)]
    inside = sum(e.low <= 1 / 3 <= e.high for e in estimates)
    assert inside >= 17
    assert any(e.value < 1 / 3 for e in estimates)
    assert any(e.value > 1 / 3 for e in estimates)
