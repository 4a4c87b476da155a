"""Prompts that samples choose: what helps is taken in, what harms is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.fitting.choosing_prompts import choose_prompts
from thawline.judging.intervals import Z


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def log_loss(images, prompts, class_of, used, targets, scale):
    """By its definition, class by class."""
    classes = [unit(prompts[used & (class_of == one)].sum(axis=0)) for one in range(class_of.max() + 1)]
    logits = scale * images @ np.stack(classes).T
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(targets)), targets]


@pytest.fixture
def photos():
    """120 photos of two classes, in groups of two, and where the classes truly lie."""
    rng = np.random.default_rng(0)
    centres = unit(rng.normal(size=(2, 32)))
    targets = np.arange(120) // 2 % 2
    return unit(centres[targets] + 0.25 * rng.normal(size=(120, 32))), centres, targets, np.arange(120) // 2


def test_a_good_candidate_is_taken_in_and_a_bad_prompt_left_out(photos):
    images, centres, targets, groups = photos
    rng = np.random.default_rng(1)
    bad, junk = unit(rng.normal(size=(2, 32)))
    # Of the first class a poor prompt is given and a good one is a candidate; of the second a good and a swapped one.
    prompts = unit(np.stack([centres[0] + 2 * bad, centres[0], junk, centres[1], centres[0] + 0.5 * bad]))
    class_of = np.array([0, 0, 0, 1, 1])
    begun = np.array([True, False, False, True, True])
    choice = choose_prompts(images, prompts, class_of, begun, targets, groups, 10.0)
    assert choice.used.tolist() == [False, True, False, True, False]

    before = log_loss(images, prompts, class_of, begun, targets, 10.0)
    for prompt, gain in enumerate(choice.gains):
        moved = begun.copy()
        moved[prompt] = not moved[prompt]
        if prompt == 0:
            assert gain is None  # the only one of its class
            continue
        gains = before - log_loss(images, prompts, class_of, moved, targets, 10.0)
        sums = np.bincount(groups, weights=gains - gains.mean())
        assert gain.value == pytest.approx(gains.mean())
        assert gain.high - gain.value == pytest.approx(Z * np.sqrt((sums**2).sum()) / len(gains))


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_no_class_is_left_without_a_prompt_and_the_log_loss_never_rises(seed):
    rng = np.random.default_rng(seed)
    n, classes, prompts = 30, 3, 9
    images, vectors = unit(rng.normal(size=(n, 8))), unit(rng.normal(size=(prompts, 8)))
    class_of, targets = np.arange(prompts) % classes, rng.integers(0, classes, n)
    begun = rng.random(prompts) < 0.5
    begun[:classes] = True
    choice = choose_prompts(images, vectors, class_of, begun, targets, rng.integers(0, 10, n), 5.0)
    assert set(class_of[choice.used]) == set(range(classes))
    before, after = (log_loss(images, vectors, class_of, used, targets, 5.0).mean() for used in (begun, choice.used))
    assert after <= before + 1e-12
