import numpy as np
import pytest
import torch
from tests.fitting.problems import Clusters, fitting

from thawline.fitting.fit import fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.heads.head import DenseHead, PromptHead
from thawline.fitting.methods import FittedTail
from thawline.fitting.predict import predict_fold
from thawline.fitting.settings import LogisticSettings, ZeroShotSettings
from thawline.fitting.tail import Tail, final_features, pool, predict

CPU = torch.device("cpu")
FOLD = Fold("fold0", np.arange(0, 90, 2), None, np.arange(1, 90, 2)[::-1].copy())
LOGISTIC = LogisticSettings(name="logistic", head="linear", c=[1.0], folds=2)


@pytest.fixture
def state(tmp_path):
    return fit_fold(Clusters(), FOLD, fitting(LOGISTIC, tmp_path)).state


def views_said(problem, state):
    tail = problem.tail()
    tail.load_state_dict(state)
    return [predict(tail, view) for view in problem.judged(FOLD.test)]


def test_over_views_it_is_the_mean_of_the_probabilities(state):
    problem = Clusters(views=3)
    predicted = predict_fold(problem, FOLD, FittedTail(state), CPU)
    each = views_said(problem, state)
    assert len(each) == 4
    assert not np.allclose(each[0], each[1])
    np.testing.assert_allclose(predicted.probabilities, sum(each) / 4, atol=1e-6)
    assert predicted.probabilities.dtype == np.float32
    np.testing.assert_allclose(predicted.probabilities.sum(axis=1), 1, atol=1e-6)


def test_one_view_is_what_the_tail_says_of_it(state):
    problem = Clusters()
    (plain,) = views_said(problem, state)
    np.testing.assert_array_equal(predict_fold(problem, FOLD, FittedTail(state), CPU).probabilities, plain)


def test_each_sample_stands_with_its_own_name_group_and_class(state):
    predicted = predict_fold(Clusters(views=1), FOLD, FittedTail(state), CPU)
    assert predicted.paths == tuple(f"{i:02}.jpg" for i in FOLD.test)
    assert list(predicted.groups) == [i // 2 for i in FOLD.test]
    assert list(predicted.labels) == [i // 30 for i in FOLD.test]
    assert set(predicted.folds) == {"fold0"}
    assert predicted.classes == ("a", "b", "c")


def test_the_baseline_is_the_majority_of_the_training_side_or_the_class_that_is_named(state):
    more_of_b = Fold("x", np.array([0, 1, 30, 31, 32, 60]), None, FOLD.test)
    assert set(predict_fold(Clusters(), more_of_b, FittedTail(state), CPU).baseline) == {1}
    assert set(predict_fold(Clusters(), more_of_b, FittedTail(state), CPU, usual=2).baseline) == {2}


def test_the_baseline_is_zero_shot_on_the_plain_view_where_there_is_text(state):
    text = PromptHead({"features": torch.eye(3, 8)}, torch.arange(3), 10.0)
    zero_shot = Tail(torch.nn.Identity(), text)
    problem = Clusters(views=2, zero_shot=zero_shot)
    expected = predict(zero_shot, problem.samples(FOLD.test)).argmax(axis=1)
    predicted = predict_fold(problem, FOLD, FittedTail(state), CPU)
    assert list(predicted.baseline) == list(expected)
    assert len(set(predicted.baseline)) > 1


class Dropping(torch.nn.Module):
    """A stage that answers at random as long as it is in training mode."""

    def forward(self, features):
        return {"features": torch.nn.functional.dropout(features["features"], 0.5, self.training)}


def test_what_was_trained_with_dropout_says_the_same_twice():
    samples = Clusters().samples(np.arange(90))
    tail = Tail(Dropping(), DenseHead(8, 3, hidden=16, dropout=0.5))
    once = predict(tail.train(), samples)
    assert np.array_equal(predict(tail.train(), samples), once)
    assert torch.equal(final_features(tail.train().stages, samples), torch.from_numpy(samples.matrix()).float())


def test_the_seed_and_it_alone_decides_what_a_new_head_begins_with(tmp_path):
    start = ZeroShotSettings(name="zero_shot", head="prompts")  # nothing is fitted

    def begun(seed):
        torch.rand(3)  # whatever was drawn before
        run = tmp_path / str(len(list(tmp_path.iterdir())))
        return fit_fold(Clusters(), FOLD, fitting(start, run, seed=seed)).state

    one, again, other = begun(1), begun(1), begun(2)
    weights = [name for name in one if name.endswith("weight")]
    assert weights
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in weights)


def test_a_sample_in_parts_is_judged_by_the_mean_of_their_logits():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [4.0, 0.0], [0.0, 8.0]])
    pooled = pool(logits, torch.tensor([0, 1, 0, 1]))
    assert torch.equal(pooled, torch.tensor([[3.0, 0.0], [0.0, 4.5]]))
