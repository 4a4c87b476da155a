import re

from hypothesis import given
from hypothesis import strategies as st
from tests.reports.made import make_sweep

from thawline.reports.gather import gather
from thawline.reports.page.pareto import draw_pareto, on_the_front

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


def beats(one, other):
    return one[0] <= other[0] and one[1] <= other[1] and one != other


def test_the_front_of_a_table():
    assert on_the_front([(1, 9), (2, 9), (2, 5), (3, 7), (9, 1), (9, 2)]) == [0, 2, 4]
    assert on_the_front([(1, 1), (1, 1), (0, 2)]) == [2, 0]


@given(POINTS)
def test_nothing_beats_what_is_on_the_front_and_something_there_is_no_worse_than_the_rest(points):
    front = [points[i] for i in on_the_front(points)]
    assert not any(beats(one, other) for one in points for other in front)
    assert all(any(mine == one or beats(mine, one) for mine in front) for one in points)
    assert front == sorted(front)
    assert len(front) == len(set(front))


def test_error_against_seconds_and_bytes(tmp_path):
    settings = {"a=1": 38, "a=2": 36, "a=3": 30, "a=4": 20}
    sweep = make_sweep(tmp_path / "s", settings, seconds=[40, 2, 3, 0.1], sizes=[10**6, 4 * 10**6, 3 * 10**6, 10**6])
    [_, board] = gather([sweep]).boards
    drawn = draw_pareto(board)
    by_seconds, by_bytes = re.findall("<figure.*?</figure>", drawn)
    assert "<bdi>error (100 - accuracy), percent, against seconds a trial</bdi>" in by_seconds
    said = [re.findall("<bdi>(.*?)</bdi>", one) for one in re.findall("<ul class=.plain.>.*?</ul>", drawn)]
    assert said == [
        ["a=4: error 50.0 %, 0.1 s", "a=2: error 10.0 %, 2 s", "a=1: error 5.0 %, 40 s"],
        ["a=1: error 5.0 %, 1 MB"],
    ]
    # A factor of 400 is drawn in the logarithm, one of 4 on a line.
    assert ">0.1</text>" in by_seconds
    assert ">40</text>" in by_seconds
    assert ">1.5</text>" in by_bytes
    # The stair goes level and then down: three points, two corners.
    [stair] = [way for way in re.findall('<path d="M(.*?)"', by_seconds) if way.count("L") > 0]
    assert stair.count("L") == 4
    assert by_seconds.count('<g class="back">') == 1


def test_what_costs_the_same_has_no_front(tmp_path):
    [_, board] = gather([make_sweep(tmp_path / "s", {"a=1": 38, "a=2": 36})]).boards
    assert draw_pareto(board) is None
