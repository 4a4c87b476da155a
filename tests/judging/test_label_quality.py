"""Labels that are likely wrong, by probabilities."""

import numpy as np
import pytest

from thawline.judging.label_quality import ANOTHER, UNSURE, judge_label_sets, judge_labels

CLASSES = 4


def made(seed, samples=400, wrong=0.05):
    """Labels of which a share is wrong, probabilities that know better, and which labels are wrong."""
    random = np.random.default_rng(seed)
    true = np.arange(samples) % CLASSES
    scores = random.normal(size=(samples, CLASSES)) + 5 * np.eye(CLASSES)[true]
    probabilities = (np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)).astype(np.float32)
    flipped = random.choice(samples, round(wrong * samples), replace=False)
    labels = true.copy()
    labels[flipped] = (labels[flipped] + random.integers(1, CLASSES, len(flipped))) % CLASSES
    return labels, probabilities, true, np.sort(flipped)


@pytest.mark.parametrize("seed", range(3))
def test_wrong_labels_come_first_and_what_is_right_is_likely(seed):
    labels, probabilities, true, flipped = made(seed)
    found = judge_labels(labels, probabilities)
    first = set(found.order[: len(labels) // 10].tolist())
    assert len(first & set(flipped.tolist())) >= 0.9 * len(flipped)
    named = np.flatnonzero(found.another)
    right = np.isin(named, flipped) & (found.likely[named] == true[named])
    assert right.mean() > 0.8
    assert {found.doubt(i) for i in named.tolist()} == {ANOTHER}


def test_a_sample_between_classes_is_unsure_and_a_plain_one_is_in_no_doubt():
    labels, probabilities, *_ = made(0, wrong=0)
    probabilities[0] = 1 / CLASSES
    probabilities[1] = np.eye(CLASSES)[labels[1]]
    found = judge_labels(labels, probabilities)
    assert found.doubt(0) == UNSURE
    assert found.doubt(1) == ""
    assert found.quality[0] == pytest.approx(1 / CLASSES)


def test_the_order_of_the_samples_does_not_matter():
    labels, probabilities, *_ = made(1)
    turned = np.random.default_rng(0).permutation(len(labels))
    one, other = judge_labels(labels, probabilities), judge_labels(labels[turned], probabilities[turned])
    assert np.array_equal(one.another[turned], other.another)
    assert np.array_equal(one.likely[turned], other.likely)


def test_nothing_is_likely_wrong_where_every_label_is_certain():
    labels = np.arange(12) % CLASSES
    found = judge_labels(labels, np.eye(CLASSES, dtype=np.float32)[labels])
    assert not found.another.any()
    assert not found.unsure.any()
    assert found.order.tolist() == list(range(12))


def made_sets(seed, samples=400, wrong=0.05):
    """The same of samples that each have one to four labels: of some, one label more or less than they have."""
    random = np.random.default_rng(seed)
    true = random.random((samples, CLASSES)) < 0.4
    true[~true.any(axis=1), 0] = True
    scores = random.normal(size=true.shape) + 6 * (true - 0.5)
    flipped = np.sort(random.choice(samples, round(wrong * samples), replace=False))
    turned = random.integers(0, CLASSES, len(flipped))
    labels = true.copy()
    labels[flipped, turned] ^= True
    return labels, (1 / (1 + np.exp(-scores))).astype(np.float32), flipped, turned


@pytest.mark.parametrize("seed", range(3))
def test_samples_with_a_label_too_many_or_too_few_come_first_and_it_is_named(seed):
    labels, probabilities, flipped, turned = made_sets(seed)
    found = judge_label_sets(labels, probabilities)
    first = set(found.order[: len(labels) // 10].tolist())
    assert len(first & set(flipped.tolist())) >= 0.9 * len(flipped)
    assert found.doubted[flipped, turned].mean() > 0.7
    assert found.doubted.sum() < 1.3 * len(flipped)


def test_a_label_that_every_sample_has_or_none_is_not_in_doubt():
    labels, probabilities, *_ = made_sets(0)
    before = judge_label_sets(labels, probabilities).doubted
    labels[:, 0], labels[:, 3] = True, False
    found = judge_label_sets(labels, probabilities)
    assert np.array_equal(found.doubted, before & [False, True, True, False])
    labels[:] = True
    found = judge_label_sets(labels, probabilities)
    assert not found.doubted.any()
    assert found.quality[0] == pytest.approx(0.8 * probabilities[0].min(), abs=0.2)
