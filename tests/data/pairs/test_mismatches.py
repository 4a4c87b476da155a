"""Mismatches are never true of their image, hard ones are the most similar, and the seed decides the random ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thawline.data.pairs.mismatches import find_similar, make_mismatches

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=2, max_size=30, unique=True)


@given(pairs, st.integers(0, 3), st.integers(0, 3), st.integers(0, 99))
def test_no_text_is_true_of_its_image_and_none_comes_twice(matches, random, hard, seed):
    images, texts = np.array(matches).T
    features = np.random.default_rng(seed).normal(size=(10, 8)).astype(np.float32)[texts]
    similar = find_similar(features, texts, 30) if len(set(texts.tolist())) > 1 else None
    if hard and similar is None:
        return
    made = make_mismatches(images, texts, random=random, hard=hard, similar=similar, seed=seed)
    given_to = {(int(images[m.match]), int(texts[m.source])) for m in made}
    assert len(given_to) == len(made)
    assert not given_to & {(int(image), int(text)) for image, text in matches}
    for match in range(len(matches)):
        own = [m.difficulty for m in made if m.match == match]
        assert own.count("hard") <= hard
        assert own.count("random") <= random
        if len(own) < random + hard:  # only where the image has every text already
            left = set(texts.tolist()) - set(texts[images == images[match]].tolist())
            assert left <= {text for image, text in given_to if image == images[match]}
    assert made == make_mismatches(images, texts, random=random, hard=hard, similar=similar, seed=seed)


def test_hard_ones_are_the_nearest_that_are_false():
    angles = np.radians([0, 5, 30, 90])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    images, texts = np.array([0, 0, 1, 2]), np.array([0, 1, 2, 3])
    made = make_mismatches(images, texts, random=0, hard=1, similar=find_similar(features, texts, 3))
    # Match 0 is nearest to match 1, whose text is true of its image too.
    assert [(m.match, m.source, m.difficulty) for m in made] == [
        (0, 2, "hard"), (1, 3, "hard"), (2, 1, "hard"), (3, 2, "hard"),
    ]  # fmt: skip
    assert made[0].similarity == pytest.approx(np.cos(np.radians(30)), abs=1e-6)


def test_random_ones_follow_the_seed_and_frequent_texts_are_frequent():
    images = np.arange(1000)
    texts = np.where(images < 500, 0, images)
    first, second, other = (make_mismatches(images, texts, random=1, hard=0, seed=seed) for seed in (1, 1, 2))
    assert first == second != other
    drawn = texts[[m.source for m in first if m.match >= 500]]
    assert np.mean(drawn == 0) == pytest.approx(0.5, abs=0.1)


def test_the_index_finds_copies_among_many_and_answers_the_same_twice():
    rng = np.random.default_rng(0)
    half = rng.normal(size=(1500, 32))
    features = np.concatenate([half, half + 0.05 * rng.normal(size=half.shape)]).astype(np.float32)
    similar = find_similar(features, np.arange(3000), 3)
    assert np.mean(similar.matches[:1500, 1] == np.arange(1500, 3000)) > 0.99
    again = find_similar(features, np.arange(3000), 3)
    assert np.array_equal(similar.matches, again.matches)
    assert np.array_equal(similar.cosines, again.cosines)
