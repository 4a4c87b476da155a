"""What belongs together, against SciPy's own graphs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from thawline.data.groups import components, count_sets

COUNT = 400


def expected(count, links):
    """The components by SciPy, numbered in the order of their first members."""
    ends = np.array(links).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    numbers = connected_components(graph, directed=False)[1].tolist()
    first = {number: i for i, number in enumerate(dict.fromkeys(numbers))}
    return [first[number] for number in numbers]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 40).flatmap(lambda n: st.tuples(st.just(n), pairs(n))))
def test_components_are_those_of_the_graph(graph):
    count, links = graph
    found = components(count, links)
    assert found.dtype == np.int64
    assert found.tolist() == expected(count, links)
    assert count_sets(count, links) == sum(size > 1 for size in np.bincount(found).tolist())


def pairs(count):
    """Links between some of `count` things, to themselves too."""
    one = st.integers(0, count - 1)
    return st.lists(st.tuples(one, one), max_size=60) if count else st.just([])


@pytest.mark.parametrize("shape", ["chain", "star", "tree", "halves"])
def test_components_of_long_shapes_in_any_order(shape):
    things = np.arange(1, COUNT)
    before = {"chain": things - 1, "star": 0 * things, "tree": things // 2, "halves": np.maximum(things - 2, 0)}[shape]
    for seed in range(20):
        names = np.random.default_rng(seed).permutation(COUNT)
        links = [(int(names[i]), int(names[j])) for i, j in zip(before, things, strict=True) if seed % 7 or j % 50]
        assert components(COUNT, links).tolist() == expected(COUNT, links)
