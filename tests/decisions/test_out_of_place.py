from contextlib import suppress

import numpy as np
import pytest

from thawline.decisions.out_of_place import OutOfPlace, Surroundings, fit_out_of_place
from thawline.errors import UserError


def clusters(seed, count=200, dim=6):
    """Features about three means, their classes, and features elsewhere."""
    draw = np.random.default_rng(seed)
    means, stretched = 3 * draw.normal(size=(3, dim)), np.geomspace(1, 0.1, dim)
    labels = np.arange(count) % 3
    features = means[labels] + stretched * draw.normal(size=(count, dim))
    return features.astype(np.float32), labels, (-means.mean(axis=0) + 0.1 * draw.normal(size=(50, dim))).astype("f4")


def shrunk(deviations, shrinkage=0.7):
    """The inverse of a covariance that is drawn towards its typical variance, all of it at once."""
    covariance = deviations.T @ deviations / len(deviations)
    typical = np.trace(covariance) / len(covariance)
    return np.linalg.inv((1 - shrinkage) * covariance + shrinkage * typical * np.eye(len(covariance)))


@pytest.mark.parametrize("count", [200, 9])  # more photos than features, or fewer directions than features
def test_distances_are_the_relative_mahalanobis_distances_of_unit_features(count):
    features, labels, others = clusters(0, count, dim=6 if count == 200 else 20)
    units = features.astype(np.float64) / np.linalg.norm(features, axis=1, keepdims=True).astype(np.float64)
    asked = np.concatenate([features[:7], others])
    rows = asked / np.linalg.norm(asked.astype(np.float64), axis=1, keepdims=True)
    means, mean = np.stack([units[labels == each].mean(axis=0) for each in range(3)]), units.mean(axis=0)
    within, whole = shrunk(units - means[labels]), shrunk(units - mean)
    nearest = np.min([np.einsum("ni,ij,nj->n", rows - one, within, rows - one) for one in means], axis=0)
    wanted = (nearest - np.einsum("ni,ij,nj->n", rows - mean, whole, rows - mean)) / rows.shape[1]
    assert Surroundings.of(features, labels).distances(asked) == pytest.approx(wanted, rel=1e-4, abs=1e-4)


def test_what_lies_elsewhere_is_farther_than_the_classes():
    features, labels, others = clusters(1)
    known = Surroundings.of(features[::2], labels[::2])
    assert np.quantile(known.distances(others), 0.1) > np.quantile(known.distances(features[1::2]), 0.95)


def test_arrays_give_the_same_distances_and_others_are_refused():
    features, labels, others = clusters(2)
    known = Surroundings.of(features, labels)
    arrays = known.to_arrays()
    assert {name: part.dtype.name for name, part in arrays.items()} == dict.fromkeys(arrays, "float32")
    assert (Surroundings.from_arrays(arrays).distances(others) == known.distances(others)).all()
    with pytest.raises(KeyError):
        Surroundings.from_arrays({"means": arrays["means"]})
    with pytest.raises(ValueError, match="matmul"):
        Surroundings.from_arrays({**arrays, "within.directions": arrays["within.directions"][:, 1:]})
    with pytest.raises(ValueError, match="have no distances"):
        Surroundings.from_arrays({**arrays, "whole.typical": np.float32(0)})


def test_photos_that_are_all_alike_still_have_distances():
    same = Surroundings.of(np.ones((6, 4), np.float32), np.arange(6) % 2)
    assert np.isfinite(same.distances(np.eye(4, dtype=np.float32))).all()


def test_of_a_hundred_draws_the_promise_is_broken_in_five_at_most():
    made = broken = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        with suppress(UserError):
            placed = fit_out_of_place(draw.gamma(2, size=300), np.arange(300), 0.05, "inner")
            made += 1
            broken += np.exp(-placed.threshold) * (1 + placed.threshold) > 0.05  # how much of it lies beyond
    assert made == 100
    assert broken <= 5


def test_the_promise_leaves_room_for_chance():
    distances = np.arange(100.0)
    # One of 100 beyond has a chance of 3.7 % where 5 % of all are, and two of 11.8 %.
    placed = fit_out_of_place(distances, np.arange(100), 0.05, "out-of-fold")
    assert placed == OutOfPlace(98.5, 0.05, 0.95, 0.01, "out-of-fold", 100)
    assert fit_out_of_place(np.zeros(100), np.arange(100), 0.05, "inner").called == 0
    with pytest.raises(UserError, match=r"by 50 inner photos in 50 groups; out_of_place=0\.06 could be"):
        fit_out_of_place(distances[:50], np.arange(50), 0.05, "inner")
    with pytest.raises(UserError, match=r"in 2 groups; nor could 0\.5; more photos are needed"):
        fit_out_of_place(distances[:4], np.arange(4) // 2, 0.05, "inner")
