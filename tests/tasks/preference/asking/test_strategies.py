import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import pairwise_distances

from thawline.errors import UserError
from thawline.tasks.preference.asking import strategies
from thawline.tasks.preference.asking.settings import STRATEGIES as NAMES
from thawline.tasks.preference.asking.strategies import STRATEGIES, Pick, Pool, pick

ALONE = -1


def pool(n=60, d=5, m=3, seed=0, **given):
    rng = np.random.default_rng(seed)
    made = {
        "features": rng.normal(3, 1, (n, d)).astype(np.float32),
        "answered": rng.normal(3, 1, (m, d)).astype(np.float32),
        "probabilities": rng.random(n),
        "groups": np.full(n, ALONE),
    }
    return Pool(**(made | given))


def test_every_strategy_has_its_name_in_the_settings():
    assert tuple(STRATEGIES) == NAMES


def indices(picks):
    return [one.row for one in picks]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Several chunks, the last one short."""
    monkeypatch.setattr(strategies, "_CHUNK", 7)


def test_uncertainty_asks_by_the_margin_to_one_half_and_says_the_probability():
    picks = pick("uncertainty", pool(4, probabilities=np.array([0.9, 0.52, 0.1, 0.44])), 3, seed=0)
    assert picks == [Pick(1, "least sure: 0.52"), Pick(3, "least sure: 0.44"), Pick(0, "least sure: 0.90")]


def test_diversity_takes_what_is_farthest_from_all_that_is_answered_or_picked():
    features = np.array([[0.0], [1.0], [9.0], [10.0], [5.0]], dtype=np.float32)
    picks = pick("diversity", pool(5, features=features, answered=np.array([[0.5]], dtype=np.float32)), 3, seed=0)
    assert picks == [Pick(row, "unlike anything answered so far") for row in (3, 4, 2)]


def test_diversity_is_k_centre_greedy_by_plain_distances():
    made = pool(50, 8, 4)
    chosen = indices(pick("diversity", made, 10, seed=0))
    everything = np.concatenate([made.answered, made.features])
    apart = pairwise_distances(everything)
    known = [0, 1, 2, 3]
    for index in chosen:
        far = apart[4:, known].min(axis=1)
        assert far[index] == pytest.approx(far.max())
        known.append(4 + index)


def test_badge_begins_with_the_longest_gradient_and_goes_on_as_k_means_plus_plus():
    made = pool(12, 3, 2)
    slopes = made.probabilities - (made.probabilities >= 0.5)
    gradients = slopes[:, None] * (made.features - made.features.mean(axis=0))
    first = int((gradients**2).sum(axis=1).argmax())
    second = [indices(pick("badge", made, 2, seed))[1] for seed in range(800)]
    chances = ((gradients - gradients[first]) ** 2).sum(axis=1)
    shares = np.bincount(second, minlength=12) / 800
    assert {indices(pick("badge", made, 1, seed))[0] for seed in range(5)} == {first}
    np.testing.assert_allclose(shares, chances / chances.sum(), atol=0.06)
    third = {indices(pick("badge", made, 3, seed))[2] for seed in range(200)}
    assert first not in third


def test_badge_says_how_unsure_it_was():
    said = pool().probabilities
    picked = pick("badge", pool(), 5, seed=1)
    for one in picked:
        sure = "not sure" if abs(said[one.row] - 0.5) < 0.25 else "rather sure"
        assert one.reason == f"{sure} ({said[one.row]:.2f}), and unlike the others asked now"


def test_random_asks_about_everything_alike():
    drawn = [pick("random", pool(10), 1, seed)[0] for seed in range(600)]
    np.testing.assert_allclose(np.bincount(indices(drawn), minlength=10) / 600, 0.1, atol=0.05)
    assert {one.reason for one in drawn} == {"random, to keep exploring"}


@pytest.mark.parametrize("strategy", ["uncertainty", "diversity", "badge"])
@pytest.mark.parametrize("cold", [{"answered": np.empty((0, 5), np.float32)}, {"probabilities": None}])
def test_as_long_as_nothing_is_answered_or_there_is_no_model_it_is_diversity(strategy, cold):
    made = pool(**cold)
    picks = pick(strategy, made, 4, seed=0)
    assert picks == pick("diversity", made, 4, seed=0)
    if not len(made.answered):
        typical = int(((made.features - made.features.mean(axis=0)) ** 2).sum(axis=1).argmin())
        assert picks[0] == Pick(typical, "typical of all, to begin with")
        assert {one.reason for one in picks[1:]} == {"unlike anything asked so far"}


@given(
    strategy=st.sampled_from(list(STRATEGIES)),
    groups=st.lists(st.integers(-1, 4), min_size=1, max_size=25),
    answered=st.integers(0, 3),
    n=st.integers(0, 30),
    seed=st.integers(0, 2**32 - 1),
    alike=st.booleans(),
)
def test_nothing_is_asked_twice_nor_two_of_one_group_and_as_many_as_there_are(
    strategy, groups, answered, n, seed, alike
):
    made = pool(len(groups), 3, answered, groups=np.array(groups))
    if alike:  # nothing tells the items apart
        made = pool(len(groups), 3, answered, groups=np.array(groups), features=np.ones((len(groups), 3), np.float32))
    chosen = indices(pick(strategy, made, n, seed))
    taken = [group for index in chosen if (group := groups[index]) >= 0]
    possible = sum(group < 0 for group in groups) + len({group for group in groups if group >= 0})
    assert len(set(chosen)) == len(chosen) == min(n, possible)
    assert len(set(taken)) == len(taken)
    assert chosen == indices(pick(strategy, made, n, seed))


def test_it_asks_the_same_of_a_memory_map_and_of_half_precision(tmp_path):
    made = pool(40, 16)
    made = pool(40, 16, features=made.features.astype(np.float16).astype(np.float32))
    np.save(tmp_path / "f.npy", made.features.astype(np.float16))
    mapped = np.load(tmp_path / "f.npy", mmap_mode="r")
    for strategy in STRATEGIES:
        again = pool(40, 16, features=mapped)
        assert indices(pick(strategy, again, 6, seed=0)) == indices(pick(strategy, made, 6, seed=0))


def test_an_unknown_strategy_is_refused_with_those_that_there_are():
    with pytest.raises(UserError, match="strategy=best is not known; use uncertainty, diversity, badge, random"):
        pick("best", pool(), 1, seed=0)


def test_arrays_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="groups"):
        pool(5, groups=np.zeros(4, np.int64))
    with pytest.raises(ValueError, match="probabilities"):
        pool(5, probabilities=np.zeros(4))
