import subprocess
import sys

import pytest
from tests.reports.made import make_run, make_sweep, predictions

import thawline


def test_a_comparison_is_a_frame(tmp_path):
    sweep = make_sweep(tmp_path / "s", {"thaw=1 lr=0.1": 30, "thaw=head lr=0.2": 38})
    frame = thawline.compare(sweep).frame
    assert list(frame["rank"]) == [1, 1, 2]
    assert list(frame["name"]) == ["s", "thaw=head lr=0.2", "thaw=1 lr=0.1"]
    assert list(frame["accuracy"]) == [0.9, 0.95, 0.75]
    assert (frame["low"] < frame["accuracy"]).all()
    assert (frame["accuracy"] < frame["high"]).all()
    assert list(frame["lr"][1:]) == [0.2, 0.1]  # numbers
    assert list(frame["thaw"][1:]) == ["head", "1"]
    assert frame["over_best"][2] == pytest.approx(-0.2)
    assert frame["p_best"].isna().tolist() == [True, True, False]
    assert list(frame["seconds"]) == [12.5] * 3


def test_another_system_is_a_row(tmp_path):
    run = make_run(tmp_path / "run", predictions(30))
    said = predictions(40)
    rows = [f"{path},{said.classes[i]},2" for path, i in zip(said.paths, said.said, strict=True)]
    (tmp_path / "api.csv").write_text("\n".join(["path,prediction,price_per_1000", *rows]))
    frame = thawline.compare(run, others=[tmp_path / "api.csv"]).frame
    assert list(frame["name"]) == ["api", "run"]
    assert frame["price_per_1000"][0] == 2
    assert frame["features_computed"].isna()[0]


def test_in_a_cell_it_is_the_page_in_a_frame_of_its_own(tmp_path):
    view = thawline.compare(make_run(tmp_path / 'a"><script>', predictions(30)))
    cell = view._repr_html_()
    assert cell.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert cell.count("<") == 2  # the frame's own tags
    assert cell.count('"') == 10
    view.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_nothing_to_compare_is_refused_in_a_sentence():
    with pytest.raises(thawline.UserError, match="needs at least one run directory"):
        thawline.compare()


def test_importing_thawline_imports_nothing_heavy():
    said = "import sys, thawline; print(sorted({'numpy', 'torch', 'omegaconf', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "[]\n"
    with pytest.raises(AttributeError, match="no attribute 'compere'"):
        _ = thawline.compere
