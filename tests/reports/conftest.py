import numpy as np
import pytest

from thawline.judging.metrics import judge


@pytest.fixture
def judged():
    """Makes labels, probabilities, groups and their judgement for classes of the given names."""

    def make(classes, seed=0):
        generator = np.random.default_rng(seed)
        groups = np.repeat(np.arange(12 * len(classes)), 2)
        labels = np.arange(len(groups)) // 2 % len(classes)
        scores = generator.normal(size=(len(labels), len(classes)))
        scores[np.arange(len(labels)), labels] += 2
        probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        return labels, probabilities, groups, judge(labels, probabilities, groups, classes)

    return make
