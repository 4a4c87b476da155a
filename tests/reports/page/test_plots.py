import re

import pytest
from omegaconf import OmegaConf
from tests.reports.made import FACTS, make_run, make_sweep, predictions

from thawline.files import write_json
from thawline.reports.gather import gather
from thawline.reports.page.plots import draw_curves, draw_settings, read_curves, setting_axis
from thawline.reports.page.svg import number_axis
from thawline.runs.directory import RunDirectory
from thawline.runs.finished import METRICS_FILE
from thawline.runs.predictions import PREDICTIONS_FILE, write_predictions


def test_learning_rates_lie_on_a_logarithmic_axis_with_their_own_ticks():
    axis, places = setting_axis("method.lr", ["0.001", "0.01", "0.0003"])
    assert axis.log
    assert [said for _, said in axis.ticks] == ["0.0003", "0.001", "0.01"]
    assert places == {"0.001": 0.001, "0.01": 0.01, "0.0003": 0.0003}
    assert axis.at(0.001) - axis.at(0.0003) == pytest.approx(axis.at(0.01) - axis.at(0.003))
    assert 0 < axis.at(0.0003) < axis.at(0.01) < 1


def test_a_logarithmic_axis_of_many_values_has_several_round_ticks():
    seconds = number_axis("seconds", [1.6, 1.7, 2.1, 2.2, 2.5, 3.3, 3.6, 3.8, 10.4, 40.7], log=True)
    assert [said for _, said in seconds.ticks] == ["3", "10", "30"]
    assert [said for _, said in number_axis("s", [1.6, 1.7, 2.1, 2.2, 2.5, 3.3, 5.6], log=True).ticks] == ["2", "5"]
    rates = number_axis("lr", [1e-4, 3e-4, 1e-3, 2e-3, 1e-2, 3e-2, 1e-1], log=True)
    assert [said for _, said in rates.ticks] == ["0.0001", "0.001", "0.01", "0.1"]


def test_numbers_lie_on_a_line_and_words_are_categories():
    axis, _ = setting_axis("method.epochs", ["5", "20"])
    assert not axis.log
    assert setting_axis("method.width", ["5", "200"])[0].log  # a factor above 20
    assert setting_axis("method.penalty", ["0.01", "0.1", "1", "10"])[0].log
    assert not setting_axis("method.dropout", ["0.01", "0.14", "0.23", "0.37", "0.5"])[0].log  # even on a line
    axis, places = setting_axis("thaw", ["2", "head", "1"])
    assert places == {"head": 0.0, "1": 1.0, "2": 2.0}
    assert [said for _, said in axis.ticks] == ["head", "1", "2"]
    axis, places = setting_axis("seed", ["nan", "nan"])
    assert places == {"nan": 0.0}


@pytest.mark.parametrize(
    ("values", "whole", "ticks"),
    [
        ([70, 93], False, [70, 75, 80, 85, 90]),
        ([0.21, 0.42], False, [0.25, 0.3, 0.35, 0.4]),
        ([0, 3], True, [0, 1, 2, 3]),
        ([5], False, [5]),
    ],
)
def test_ticks_are_round(values, whole, ticks):
    assert [value for value, _ in number_axis("x", values, whole=whole).ticks] == pytest.approx(ticks)


def test_each_swept_setting_has_a_plot_with_a_point_for_each_trial(tmp_path):
    settings = {f"encoder={e} thaw={t} lr={r}": 30 for e in "ab" for t in (1, 2, 3) for r in (0.1, 0.2)}
    (_, board) = gather([make_sweep(tmp_path / "s", settings)]).boards
    drawn = draw_settings(board)
    plots = re.findall("<figure.*?</figure>", drawn)
    assert [re.search("<bdi>(.*?)</bdi>", plot)[1] for plot in plots] == [
        f"accuracy by {k}" for k in ("encoder", "thaw", "lr")
    ]
    assert [plot.count("<circle") for plot in plots] == [12, 12, 12]
    # Lines join what differs in nothing else; colour is the other setting with the fewest values.
    assert [plot.count('class="line"') for plot in plots] == [6, 4, 6]
    assert [re.findall("</span><bdi>(.*?)</bdi>", plot) for plot in plots] == [
        ["lr=0.1", "lr=0.2"],
        ["encoder=a", "encoder=b"],
        ["encoder=a", "encoder=b"],
    ]
    assert "encoder=a thaw=1 lr=0.1: 75.0 % [" in plots[0]


def test_what_all_runs_share_that_have_it_is_no_plot(tmp_path):
    """An ensemble has none of its members' settings, so these are all that there is of each."""
    for number, lr in enumerate((0.1, 0.2)):
        make_run(tmp_path / f"member{number}", predictions(30 + number), lr=lr, thaw="head")
    config = OmegaConf.create({"runs": ["a", "b"], "weights": "fitted"})
    with RunDirectory(tmp_path / "joined", "ensemble", config) as run:
        write_predictions(run.file(PREDICTIONS_FILE), predictions(33))
        write_json(run.file(METRICS_FILE), FACTS)
    [board] = gather([tmp_path]).boards
    assert list(board.varied) == ["method.lr"]
    [_, settings] = gather([make_sweep(tmp_path / "sweep", {"lr=0.1": 30, "lr=0.2 thaw=1": 31})]).boards
    assert list(settings.varied) == ["lr", "thaw"]
    for drawn, key in ((draw_settings(board), "method.lr"), (draw_settings(settings), "lr")):
        assert re.findall("<figcaption><bdi>(.*?)</bdi>", drawn) == [f"accuracy by {key}"]


def test_curves_pass_over_what_is_no_number_and_over_the_refit(tmp_path):
    sweep = make_sweep(tmp_path / "s", {"lr=0.1": 30, "lr=0.2": 31})
    history = sweep / "0/folds/holdout/history.csv"
    history.write_text("epoch,train_loss,inner_loss\n0,0.5,\n1,nan,0.25\n2,inf,x\n")
    curves = read_curves(history)
    assert {key: [(p.x, p.y) for p in points] for key, points in curves.items()} == {
        "inner_accuracy": [],
        "inner_loss": [(1, 0.25)],
        "train_loss": [(0, 0.5)],
    }
    refit = sweep / "0/folds/all/history.csv"
    refit.parent.mkdir()
    refit.write_text("epoch,train_loss\n0,1000\n1,2000\n")
    (_, board) = gather([sweep]).boards
    drawn = draw_curves(board)
    assert drawn.count("<figure") == 3
    assert "1000" not in drawn
    assert re.findall("</span><bdi>(.*?)</bdi>", drawn) == ["lr=0.2", "lr=0.1"]
