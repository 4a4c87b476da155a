"""`thawline compare` from the command line, on runs made in no time."""

import re

import pytest
from tests.reports.made import make_run, make_sweep, predictions

from thawline.cli import main


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run `thawline compare` in an empty folder: the exit status and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words):
        code = 0
        try:
            main(["compare", *map(str, words)])
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out + err

    return run


def test_it_prints_each_board_and_names_the_page(command, tmp_path):
    make_sweep(tmp_path / "runs" / "s", {"lr=0.1": 30, "lr=0.2": 38, "lr=9": None})
    outer = predictions(30, paths=[f"outer/{i:04}.jpg" for i in range(40)])
    make_run(tmp_path / "runs" / "r", outer)
    code, said = command("runs")
    assert code == 0
    assert "40 samples in 20 groups; in percent, [95 %]" in said
    assert "r and s cannot be told apart" in said
    assert "1 s: tiny_clip, 30 features computed, 10 read, 12 s" in said
    assert "leaderboard: 40 inner samples in 20 groups" in said
    assert "not finished: trial 2 (lr=9) failed: RuntimeError: the loss became nan" in said
    page = tmp_path / "outputs" / "compare.html"
    assert said.splitlines()[-1] == f"page  {page}"
    assert page.read_text().startswith("<!doctype html>")
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["compare.html"]


def test_another_system_joins_and_the_page_goes_where_it_is_told(command, tmp_path):
    run = make_run(tmp_path / "run", predictions(30))
    said = predictions(40)
    rows = [f"{said.paths[i]},{said.classes[said.said[i]]},1.5" for i in range(38)]
    (tmp_path / "cloud vision.csv").write_text("\n".join(["path,prediction,price_per_1000", *rows]))
    code, said = command(run, "others=['cloud vision.csv']", "out=a=b [c].html")
    assert code == 0
    assert "40 samples in 20 groups" in said
    assert re.search(r"1 cloud vision \(38 of 40\) +100\.0 \[", said)
    assert "cloud vision and run cannot be told apart: the difference is +21.1 points" in said
    assert "1 cloud vision: another system, 1.50 per 1,000" in said
    assert "cloud vision.csv has no row for 2 of 40 judged photos" in said
    assert "cloud vision" in (tmp_path / "a=b [c].html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nowhere",), "there is no run directory"),
        (("run", "others=[nowhere.csv]"), "there is no file nowhere.csv; check the path"),
        (("run", "thumbnails=maybe"), "thumbnails"),
        (("run", "out=run"), "out=run is a folder; name a file in it, such as out=run/compare.html"),
        ((), "'thawline compare' needs DIR; usage: thawline compare DIR …"),
    ],
)
def test_what_can_not_be_done_is_one_sentence_with_status_2(command, tmp_path, words, sentence):
    make_run(tmp_path / "run", predictions(30))
    code, said = command(*words)
    assert code == 2
    (line,) = [line for line in said.splitlines() if line.startswith("thawline: ")]
    assert sentence in line
    assert "Traceback" not in said
