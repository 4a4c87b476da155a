import re

import pytest
from tests.reports.made import make_sweep

from thawline.reports.gather import gather
from thawline.reports.page.parallel import draw_parallel, lay_out, parallel_page, varied_keys


def rows_of(path, settings):
    [_, board] = gather([make_sweep(path, settings)]).boards
    return board.rows


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    settings = {
        "method=linear method.lr=0.0001": 38,
        "method=linear method.lr=0.01": 24,
        "method=mlp method.lr=0.0001 method.dropout=0.5": 36,
        "method=mlp method.lr=1 method.dropout=0.1": 10,
    }
    return rows_of(tmp_path_factory.mktemp("made") / "sweep", settings)


def test_each_setting_is_a_way_across_all_axes(rows):
    keys = varied_keys(rows)
    assert keys == ["method", "method.lr", "method.dropout"]
    axes, ways = lay_out(rows, keys)
    assert [axis.title for axis in axes] == ["method", "lr", "dropout", "accuracy, percent"]
    assert [axis.log for axis in axes] == [False, True, False, False]
    assert [[said for _, said in axis.ticks] for axis in axes[:2]] == [["linear", "mlp"], ["0.0001", "0.01", "1"]]
    assert axes[2].ticks[0][1] == "not set"
    assert [way.about.partition(":")[0] for way in ways] == [row.setting for row in rows]
    best, second, third, worst = ways
    assert best.about == "method=linear method.lr=0.0001: accuracy 95.0 % [76.4, 99.1]"
    # Two categories, a scale of four decades with room at its ends, and what is not set apart at the left.
    assert [way.places[0] for way in ways] == [0.25, 0.75, 0.25, 0.75]
    low, middle, high = (way.places[1] for way in (best, third, worst))
    assert (low + high, middle) == pytest.approx((1, 0.5))
    assert best.places[2] == third.places[2] < worst.places[2] < second.places[2]
    assert [way.kind for way in ways] == ["best", "alike", "told", "told"]
    assert [way.shade for way in ways] == [3, 2, 1, 0]
    assert all(0 <= place <= 1 for way in ways for place in way.places)


def test_the_picture_has_a_title_for_each_way_and_the_best_on_top(rows):
    drawn = draw_parallel(rows)
    titles = re.findall(r'<g class="way (\w+) p\d"><title>(.*?)</title>', drawn)
    assert [kind for kind, _ in titles] == ["told", "told", "alike", "best"]
    assert re.findall(r'class="chip (\w+)"', drawn) == ["best", "alike", "told"]
    assert "<desc>4 settings over 4 axes, from top to bottom.</desc>" in drawn
    assert 'aria-label="accuracy and the settings that give it: method, method.lr, method.dropout"' in drawn


def test_names_are_escaped_and_those_without_room_are_cut(tmp_path):
    long = "a" * 90
    rows = rows_of(tmp_path / "s", {f"encoder=<script>{long} thaw=1": 30, "encoder=b thaw=1": 20})
    drawn = draw_parallel(rows)
    assert "<script" not in drawn
    assert f"<title>&lt;script&gt;{long}</title>" in drawn
    assert f"{'a' * 30}</text>" not in drawn


def test_what_varies_in_nothing_has_no_picture(tmp_path):
    assert draw_parallel(rows_of(tmp_path / "one", {"lr=1": 30})) is None
    assert draw_parallel(()) is None
    assert parallel_page(()) is None


def test_for_a_logger_it_is_a_page_of_its_own_that_runs_nothing(rows):
    page = parallel_page(rows)
    assert page.startswith("<!doctype html>\n<html")
    assert re.findall("<svg.*</svg>", page) == re.findall("<svg.*</svg>", draw_parallel(rows))
    assert "<script" not in page
    assert ".way.best" in page
