"""The laws of fusion by rank."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.tasks.library.search.indexes.fusion import NOWHERE, Fusion, Ranked, candidates, even, fuse, gains

ranking = st.lists(st.integers(0, 12), unique=True, max_size=8).map(lambda rows: np.array(rows, np.int64))
rankings = st.fixed_dictionaries({"a": ranking, "b": ranking})
fusions = st.builds(
    lambda share, k: Fusion({"a": share / 4, "b": 1 - share / 4}, k), st.integers(0, 4), st.sampled_from([1, 10, 60])
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(rankings, fusions)
def test_fusion_keeps_what_both_say_and_its_order_is_that_of_its_scores(both, fusion):
    rows, scores = fuse(both, fusion)
    weighted = [name for name in both if fusion.weights[name] > 0]
    assert sorted(rows.tolist()) == sorted({row for name in weighted for row in both[name].tolist()})
    assert list(scores) == sorted(scores, reverse=True)
    for name in weighted:  # what is not below another in any ranking, and above it in one, is above it
        other = both[next(one for one in both if one != name)].tolist()
        own = both[name].tolist()
        for better, worse in pairwise(own):
            if better in other and (worse not in other or other.index(better) < other.index(worse)):
                assert rows.tolist().index(better) < rows.tolist().index(worse)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(rankings, min_size=1, max_size=4), fusions, st.integers(0, 12))
def test_many_queries_at_once_give_the_ranks_of_each(queries, fusion, right):
    ranks = Ranked.of(queries, np.full(len(queries), right)).fused(fusion)
    for both, rank in zip(queries, ranks.tolist(), strict=True):
        rows = fuse(both, fusion)[0].tolist()
        assert rank == (rows.index(right) + 1 if right in rows else NOWHERE)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(rankings)
def test_one_ranking_alone_keeps_its_order(both):
    assert fuse(both, Fusion({"a": 1.0, "b": 0.0}))[0].tolist() == both["a"].tolist()


def test_fusions_that_are_tried_are_shares_the_evenest_first():
    tried = candidates(["a", "b"])
    assert tried[0] == Fusion({"a": 0.5, "b": 0.5}, 60) == even(["a", "b"])
    assert all(sum(one.weights.values()) == pytest.approx(1) for one in tried)
    assert len({(tuple(one.weights.values()), one.k) for one in tried}) == len(tried) == 9 * 5 + 2
    assert candidates(["a"]) == [Fusion({"a": 1.0}, 60)]


def test_gains_are_those_of_one_right_answer():
    np.testing.assert_allclose(gains(np.array([1, 3, 10, 11, NOWHERE])), [1, 0.5, 1 / np.log2(11), 0, 0])
