"""What a rehearsal's shelf holds for samples that were not computed."""

import numpy as np
import pytest
import torch

from thawline.features.rehearsing.imagining import checksums, give_features, imagine_features
from thawline.features.store.store import FeatureStore
from thawline.fitting.methods.scikit import LogisticRegression


def digests(count):
    return [f"{number:064x}" for number in range(count)]


def shelf_with(root, features, computed, dtype="float32"):
    shelf = FeatureStore(root).shelf({"dtype": dtype})
    names = digests(len(features))
    with shelf.filling():
        shelf.append([names[i] for i in computed], {"features": features[computed]})
    return shelf


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_vectors_are_imagined_between_those_around_them(tmp_path, dtype):
    features = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    computed = [2, 5, 290]
    shelves = [shelf_with(tmp_path / name, features, computed, dtype) for name in ("one", "other")]
    told, again = (imagine_features(shelf, digests(300)) for shelf in shelves)
    rows, others = (shelf.rows(digests(300))[:]["features"] for shelf in shelves)
    assert told == again
    assert torch.equal(rows, others)
    assert rows.dtype == getattr(torch, dtype)
    assert torch.equal(rows[computed], features[computed].to(rows.dtype))
    before = [5 if 5 <= i < 290 else 290 if i >= 290 else 2 for i in range(300)]
    after = [290 if 5 <= i < 290 else 5 for i in range(300)]
    low, high = torch.minimum(rows[before], rows[after]), torch.maximum(rows[before], rows[after])
    assert ((rows >= low) & (rows <= high)).all()
    own = checksums(rows)
    imagined = [i for i in range(300) if i not in computed]
    assert len(set(own)) == 300
    assert told == {own[i]: own[before[i]] for i in imagined}


@pytest.mark.parametrize(
    ("features", "computed"),
    [
        (torch.rand(9, 2, 3), [1, 4]),  # maps, which are trained on
        (torch.arange(18).reshape(9, 2), [1, 4]),  # tokens
        (torch.rand(9, 2), [4]),  # there is nothing around
        (torch.rand(1, 2**22).expand(9, -1), [1, 4]),  # too much to write
    ],
)
def test_of_anything_else_there_are_copies(tmp_path, features, computed):
    shelf = shelf_with(tmp_path, features, computed)
    assert imagine_features(shelf, digests(9)) == {}
    rows = shelf.rows(digests(9))[:]["features"]
    assert torch.equal(rows, features[[computed[-1] if i >= 4 else computed[0] for i in range(9)]])


def test_nothing_is_imagined_of_nothing(tmp_path):
    shelf = FeatureStore(tmp_path).shelf({"dtype": "float32"})
    assert imagine_features(shelf, digests(3)) == {}
    assert shelf.digests() == set()


def test_a_logistic_fit_takes_as_many_steps_as_on_real_vectors(tmp_path):
    classes, computed = np.repeat(np.arange(4), 75), list(range(3, 300, 6))
    real = vectors(classes)
    imagined = shelf_with(tmp_path / "imagined", real, computed)
    imagine_features(imagined, digests(300))
    copied = shelf_with(tmp_path / "copied", real, computed)
    near = [min(computed, key=lambda other: abs(other - i)) for i in range(300)]
    give_features(copied, {digests(300)[i]: digests(300)[near[i]] for i in range(300) if i not in computed})
    held = [shelf.rows(digests(300))[:]["features"] for shelf in (imagined, copied)]
    on_real, on_imagined, on_copies = (steps(features, classes) for features in (real, *held))
    assert 1 / 1.25 < on_imagined / on_real < 1.25
    assert on_copies / on_real > 1.5


def vectors(classes):
    """Vectors that a network could give for samples of `classes`, [n, 256]: correlated, and not below zero."""
    random = np.random.default_rng(0)
    along = random.normal(size=(20, 256)) / np.arange(1, 21)[:, None]
    means = 0.6 * random.normal(size=(4, 256))
    common = 2 * random.normal(size=(len(classes), 20)) @ along
    own = random.normal(size=(len(classes), 256))
    return torch.from_numpy(np.maximum(means[classes] + common + own, 0)).float()


def steps(features, classes):
    """Iterations of L-BFGS from the strongest penalty to the weakest, as `fit_logistic` goes."""
    matrix = features.double().numpy()
    matrix = (matrix - matrix.mean(0)) / np.maximum(matrix.std(0), 1e-6)
    model = LogisticRegression(max_iter=5000, tol=1e-5, warm_start=True)
    return sum(int(model.set_params(C=c).fit(matrix, classes).n_iter_[0]) for c in (0.01, 0.1, 1, 10))
