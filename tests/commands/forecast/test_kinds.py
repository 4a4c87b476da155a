"""What of a plan needs no rehearsal: which trials are alike, which samples are copies, and what a total is made of."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from thawline.commands.forecast.forecast import Forecast, Part
from thawline.commands.forecast.kinds import kinds_of, kinds_of_search, unlike
from thawline.commands.forecast.shown import duration
from thawline.commands.forecast.stopping import distinct, few_of, going_on
from thawline.features.rehearsing.costs import Cost
from thawline.features.rehearsing.imagining import checksums
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold

TRIALS = [
    (f"thaw={thaw}", f"method.lr={lr}", f"method.epochs={epochs}")
    for thaw in ("head", "1")
    for lr in ("1", "2")
    for epochs in ("3", "9")
]


class Rows(dict):
    def __getitem__(self, indices):
        return {name: tensor[indices] for name, tensor in self.items()}


def test_trials_are_of_a_kind_that_differ_in_what_costs_no_time():
    assert [(list(kind.words), kind.trials) for kind in kinds_of(TRIALS, 4)] == [([0, 1, 2, 3], 4), ([4, 5, 6, 7], 4)]
    assert [list(kind.words) for kind in kinds_of(TRIALS, 0)] == [[0, 2], [1, 3], [4, 6], [5, 7]]
    assert [(kind.first, kind.trials) for kind in kinds_of_search(TRIALS[::2], 30)] == [(0, 15), (2, 15)]


def test_trials_that_stand_for_others_have_little_in_common():
    assert unlike(TRIALS, 2) == [TRIALS[0], ("thaw=1", "method.lr=2", "method.epochs=9")]
    assert set(Counter(word for words in unlike(TRIALS, 4) for word in words).values()) == {2}
    assert unlike(TRIALS[:1], 4) == TRIALS[:1]


def test_what_has_not_ended_goes_on_for_as_long_again():
    drawn = 6 / np.random.default_rng(0).uniform(size=100_000)  # P(end > t) = 6 / t
    assert going_on(6, 20) == pytest.approx(np.minimum(drawn, 20).mean(), rel=0.01)
    assert (going_on(20, 20), going_on(30, 20)) == (20, 20)


@pytest.mark.parametrize(("owners", "told"), [(None, [0, 1, 3]), (np.array([0, 0, 1, 1, 2]), [0, 1])])
def test_copies_are_told_by_their_features_alone(owners, told):
    features = torch.tensor([[1.0], [2.0], [1.0], [3.0], [2.0]])
    rows = Rows(pooled=features, number=torch.arange(5))
    samples = FeatureSet(rows, np.arange(5), np.zeros(5, np.int64), np.arange(5), owners=owners)
    assert distinct(samples, {}).tolist() == told


def test_what_is_imagined_stands_for_a_computed_sample_only_where_that_is_absent():
    photos = torch.tensor([[1.5], [1.0], [2.5], [2.7], [1.2], [1.5]])
    texts = torch.tensor([[0.0], [0.0], [0.0], [0.0], [7.0], [0.0]])
    one, two, *imagined = checksums(torch.tensor([[1.0], [2.0], [1.2], [1.5], [2.5], [2.7]]))
    beside = dict(zip(imagined, (one, one, two, two), strict=True))
    samples = FeatureSet(Rows(photo=photos, text=texts), np.arange(6), np.zeros(6, np.int64), np.arange(6))
    assert distinct(samples, beside).tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("values", "train", "inner", "copied"),
    [
        ([0, 1, 0, 2, 1, 3, 3], [0, 1, 3], [5], True),
        (range(1400), range(0, 1000, 4), range(1000, 1400, 4), False),
    ],
)
def test_a_fold_is_stood_for_by_samples_that_are_no_copies(values, train, inner, copied):
    features = torch.tensor(list(values), dtype=torch.float32)[:, None]
    problem = SimpleNamespace(
        samples=lambda indices: FeatureSet(Rows(pooled=features), indices, np.zeros(len(indices), np.int64), indices)
    )
    many = len(values) * 5 // 7
    fold = Fold("0", np.arange(many), np.arange(many, len(values)), np.arange(0))
    few = few_of(problem, fold, {})
    assert (few.fold.train.tolist(), few.fold.inner.tolist(), few.copied) == (list(train), list(inner), copied)


def test_trials_side_by_side_share_the_clock_but_not_the_processor(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    part = Part("x", "head", "linear", 4, features=Cost(5, 5), fits=Cost(30, 30), rest=Cost(10, 10), memory=100)
    alone = Forecast([part], Cost(3, 3), Cost(2, 2), workers=1, others=7, samples=(1, 1))
    assert (alone.total, alone.memory, alone.bytes) == (Cost(50, 50), 100, 7)
    four = Forecast([part], Cost(3, 3), Cost(2, 2), workers=4, others=7, samples=(1, 1))
    assert (four.total, four.memory) == (Cost(30, 50), 400)  # two cores do 40 s of work in 20
    part.least, part.most = Cost(10, 10), Cost(60, 60)
    assert (four.least, four.most) == (Cost(20, 30), Cost(45, 80))
    four.far = True
    assert (four.total, four.memory) == (Cost(20, 50), 100)


def test_seconds_are_shown_as_they_are_read():
    assert [duration(one) for one in (0.44, 12.4, 99, 200, 9000)] == ["0.4 s", "12 s", "99 s", "3 min", "2.5 h"]
