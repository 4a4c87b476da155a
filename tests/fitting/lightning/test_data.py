from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.fitting.feature_set import AugmentedRows, FeatureSet
from thawline.fitting.lightning.data import EpochBatches, TailData
from thawline.fitting.lightning.feeding import Feeding, batches_per_epoch

COUNT = 23
VIEWS = 3


class NamedRows:
    """Features that name their view and their sample, like the store's rows."""

    def __init__(self, view):
        self._view = view

    def __len__(self):
        return 2 * COUNT

    def __getitem__(self, indices):
        samples = torch.from_numpy(np.asarray(indices))
        return {"view": torch.full((len(samples),), self._view), "sample": samples, "half": samples.half()[:, None]}


class PixelRows:
    """Stored pixels [3, 4, 4], all of a photo's the same."""

    def __len__(self):
        return 2 * COUNT

    def __getitem__(self, indices):
        samples = torch.from_numpy(np.asarray(indices)).to(torch.uint8)
        return {"pixels": samples[:, None, None, None].expand(-1, 3, 4, 4).contiguous()}


def noise(pixels, seed):
    """The photo's number in the first channel, a function of both in the second."""
    varied = pixels.clone()
    varied[1] = torch.randint(256, (4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return varied


def feature_set(rows, views=(), count=COUNT):
    """Every other sample of a collection, backwards."""
    indices = np.arange(2 * count - 1, 0, -2)
    return FeatureSet(rows, indices, indices % 5, indices // 2, views)


@pytest.fixture
def named():
    return feature_set(NamedRows(0), tuple(NamedRows(view) for view in range(1, VIEWS + 1)))


@pytest.fixture
def pixels():
    return feature_set(PixelRows())


def feeding(batch_size=4, seed=0, **changes):
    return Feeding(batch_size=batch_size, seed=seed, **changes)


def epoch_of(samples, how, epoch=0):
    """The batches of one epoch, as the Trainer gets them."""
    loader = TailData(samples, None, how).train_dataloader()
    loader.sampler.set_epoch(epoch)
    return list(loader)


def order(how, epoch=0, *, samples=COUNT, **shares):
    sampler = EpochBatches(samples, how, **shares)
    sampler.set_epoch(epoch)
    return [positions.tolist() for _, positions in sampler]


HOWS = st.builds(feeding, st.integers(1, 30), st.integers(0, 1000))


@settings(deadline=None)
@given(HOWS, st.integers(0, 50), st.integers(1, 60))
def test_an_epoch_has_every_sample_once_in_full_batches(how, epoch, samples):
    batches = order(how, epoch, samples=samples)
    assert sorted(chain(*batches)) == list(range(samples))
    assert all(len(batch) == how.batch_size for batch in batches[:-1])
    assert len(batches) == len(EpochBatches(samples, how)) == batches_per_epoch(samples, how.batch_size)
    # No batch of one sample, which has no statistics, unless that is what was asked for or all there is.
    assert all(len(batch) > 1 for batch in batches) or how.batch_size == 1 or samples == 1
    assert len(batches[-1]) <= how.batch_size + 1


def test_the_order_is_a_function_of_seed_and_epoch_alone():
    sampler = EpochBatches(COUNT, feeding())
    for epoch in (4, 1, 4):  # whatever came before
        sampler.set_epoch(epoch)
        assert [(number, positions.tolist()) for number, positions in sampler] == [
            (epoch, positions) for positions in order(feeding(), epoch)
        ]
    orders = [order(feeding(seed=seed), epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(one) for one in orders}) == 4


@settings(deadline=None)
@given(HOWS, st.integers(0, 50), st.integers(1, 40), st.integers(1, 5))
def test_processes_share_every_batch(how, epoch, samples, world):
    whole = order(how, epoch, samples=samples)
    shares = [order(how, epoch, samples=samples, rank=rank, world=world) for rank in range(world)]
    assert {len(share) for share in shares} == {len(whole)}
    for batch, *parts in zip(whole, *shares, strict=True):
        assert min(map(len, parts)) >= 1  # every process takes part in every step
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        if len(batch) >= world:
            assert sorted(chain(*parts)) == sorted(batch)
        else:
            assert set(chain(*parts)) == set(batch)


@settings(deadline=None)
@given(HOWS, st.integers(0, 50), st.integers(1, 20))
def test_a_limit_keeps_the_first_batches(how, epoch, limit):
    limited = feeding(how.batch_size, how.seed, limit=limit)
    assert order(limited, epoch) == order(how, epoch)[:limit]
    assert len(EpochBatches(COUNT, limited)) == len(order(limited, epoch))


def test_overfitting_feeds_one_and_the_same_batch_in_training_and_choosing(named):
    how = feeding(overfit=True)
    assert order(how, 0) == order(how, 7) == order(feeding())[:1]
    plain = feature_set(NamedRows(0))
    data = TailData(plain, feature_set(NamedRows(0)).subset(np.arange(3)), how)
    (chosen_by,) = data.val_dataloader()
    ((features, targets),) = list(chosen_by)
    for epoch in (0, 1):
        ((trained, labels),) = epoch_of(plain, how, epoch)
        assert torch.equal(features["sample"], trained["sample"])
        assert torch.equal(targets, labels)


def test_the_inner_samples_come_plain_and_in_their_order(named):
    inner = feature_set(NamedRows(0), named.views)
    (loader,) = TailData(named, inner, feeding()).val_dataloader()
    ((features, targets),) = list(loader)
    assert features["sample"].tolist() == inner.indices.tolist()
    assert targets.tolist() == inner.targets.tolist()
    assert set(features["view"].tolist()) == {0}
    assert TailData(named, None, feeding()).val_dataloader() == []


def test_a_limit_holds_for_the_inner_samples_too():
    inner = FeatureSet(NamedRows(0), np.arange(46).repeat(12), np.zeros(552, np.int64), np.arange(552))
    assert [len(list(loader)) for loader in TailData(inner, inner, feeding()).val_dataloader()] == [3]
    assert [len(list(loader)) for loader in TailData(inner, inner, feeding(limit=1)).val_dataloader()] == [1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, COUNT - 1), st.integers(0, VIEWS)), min_size=1, max_size=30))
def test_each_sample_comes_in_the_view_that_is_named(pairs):
    samples = feature_set(NamedRows(0), tuple(NamedRows(view) for view in range(1, VIEWS + 1)))
    positions, views = np.array(pairs).T
    features, targets = samples.in_views(positions, views)
    assert features["view"].tolist() == views.tolist()
    assert features["sample"].tolist() == samples.indices[positions].tolist()
    assert targets.tolist() == samples.targets[positions].tolist()
    assert features["half"].dtype == torch.float32
    assert features["sample"].dtype == torch.int64


def test_each_view_is_a_set_of_its_own(named):
    each = named.each_view()
    assert [one[np.arange(2)][0]["view"].tolist() for one in each] == [[0, 0], [1, 1], [2, 2], [3, 3]]
    assert all(one.views == () and one.indices is named.indices for one in each)
    assert named.subset(np.array([3, 1])).views is named.views


def drawn(samples, how, epoch=0):
    """The view that each sample is trained in, by sample."""
    batches = epoch_of(samples, how, epoch)
    pairs = [pair for features, _ in batches for pair in zip(*map(torch.Tensor.tolist, features.values()), strict=True)]
    return {sample: view for view, sample, _ in pairs}


def test_views_are_drawn_evenly_the_plain_one_among_them(named):
    views = [view for epoch in range(100) for view in drawn(named, feeding(batch_size=COUNT), epoch).values()]
    counts = np.bincount(views, minlength=VIEWS + 1)
    expected = 100 * COUNT / (VIEWS + 1)
    assert abs(counts - expected).max() < 4 * np.sqrt(expected)


def test_the_view_of_a_sample_follows_from_seed_and_epoch_alone(named):
    assert drawn(named, feeding(), 3) == drawn(named, feeding(batch_size=7), 3)
    assert drawn(named, feeding(), 3) != drawn(named, feeding(), 4)
    assert drawn(named, feeding(), 3) != drawn(named, feeding(seed=1), 3)


def test_without_views_samples_come_plain():
    assert set(drawn(feature_set(NamedRows(0)), feeding()).values()) == {0}


def varied(samples, how, epoch=0):
    """The pixels that each sample is trained on, by sample."""
    return {int(one[0, 0, 0]): one for features, _ in epoch_of(samples, how, epoch) for one in features["pixels"]}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_augmented_pixels_follow_from_seed_epoch_and_sample_alone(pixels):
    first = varied(pixels, feeding(augment=noise), 2)
    assert first.keys() == set(pixels.indices.tolist())
    assert len({one.numpy().tobytes() for one in first.values()}) == COUNT
    assert len({one[1].numpy().tobytes() for one in first.values()}) == COUNT  # each sample has a seed of its own
    assert same(first, varied(pixels, feeding(batch_size=9, augment=noise), 2))
    assert not same(first, varied(pixels, feeding(augment=noise), 3))
    assert not same(first, varied(pixels, feeding(seed=1, augment=noise), 2))


@pytest.mark.parametrize("augment", [None, noise])
def test_loader_processes_give_the_same_bits_in_the_same_order(pixels, augment):
    data = [TailData(pixels, None, feeding(augment=augment, workers=workers)) for workers in (0, 2)]
    here, there = (one.train_dataloader() for one in data)
    for epoch in (0, 1):  # the processes stay from one epoch to the next
        here.sampler.set_epoch(epoch)
        there.sampler.set_epoch(epoch)
        for (a, labels), (b, others) in zip(here, there, strict=True):
            assert torch.equal(a["pixels"], b["pixels"])
            assert torch.equal(labels, others)


def test_loader_processes_draw_the_same_views(named):
    assert drawn(named, feeding(), 5) == drawn(named, feeding(workers=2), 5)


def test_rows_are_augmented_by_the_seed_of_each_sample():
    seeds = [100 + i for i in range(2 * COUNT)]
    rows = AugmentedRows(PixelRows(), noise, seeds)
    assert len(rows) == 2 * COUNT
    for indices in (np.array([7, 3, 7]), np.arange(2 * COUNT)):
        plain = PixelRows()[indices]["pixels"]
        expected = torch.stack([noise(one, seeds[i]) for one, i in zip(plain, indices, strict=True)])
        assert torch.equal(rows[indices]["pixels"], expected)
