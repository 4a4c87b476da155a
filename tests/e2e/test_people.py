"""Photos with and without people, from `data check` to a bundle in use."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.e2e.conftest import enter
from tests.features.detection.tiny import save_yolos

from thawline.cli import main
from thawline.commands.app import settings_of
from thawline.errors import UserError

RUN = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "method=logistic", "method.c=[1]")


@pytest.fixture(scope="module")
def yolos(tmp_path_factory):
    return save_yolos(tmp_path_factory.mktemp("yolos"))


@pytest.fixture
def work(tmp_path, monkeypatch):
    enter(monkeypatch, tmp_path / "work")


def the_only(*parts):
    [found] = Path("outputs", *parts[:1]).iterdir()
    return found.joinpath(*parts[1:])


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_photos_without_people_are_left_out_and_listed(sample, work, yolos, capsys):
    asked = [str(sample), f"people.detector={yolos}"]
    main(["data", "check", *asked, "people=tag"])
    tagged = rows_of(the_only("check", "people.csv"))
    assert {row["people"] for row in tagged} <= {"0", "1"}
    middle = float(np.median([float(row["confidence"]) for row in tagged]))
    without = sorted(row["path"] for row in tagged if float(row["confidence"]) < middle)
    assert 20 < len(without) < len(tagged) - 20
    capsys.readouterr()

    main(["train", *asked, "people=require", f"people.min_confidence={middle:.4f}", *RUN])
    out = capsys.readouterr().out
    assert f"people: {len(tagged) - len(without)} photos with, {len(without)} without," in out
    report = json.loads(the_only("train", "data_report.json").read_text())
    assert [left["name"] for left in report["left_out"] if left["reason"] == "shows no people"] == without
    assert report["photos"] == len(tagged) - len(without) == report["people"]["with"]
    assert [row["path"] for row in rows_of(the_only("train", "people.csv")) if row["people"] == "0"] == without
    split = rows_of(the_only("train", "split.csv"))
    assert {row["path"] for row in split}.isdisjoint(without)
    assert pq.read_table(the_only("train", "predictions.parquet"))["people"].to_pylist().count(False) == 0

    run = the_only("train")
    main(["evaluate", str(run)])
    assert the_only("evaluate", "predictions.parquet").read_bytes() == (run / "predictions.parquet").read_bytes()

    main(["export", str(run), "out=Model"])
    note = (
        f"trained and judged on photos that show people, to an object detector that was sure of one from {middle:.4g}"
    )
    assert note in (Path("Model") / "README.md").read_text()
    assert json.loads((Path("Model") / "decision.json").read_text())["people_from"] == pytest.approx(middle, abs=1e-4)
    capsys.readouterr()
    main(["predict", "Model", str(sample / without[0])])
    captured = capsys.readouterr()
    assert json.loads(captured.out)["label"] is not None
    assert "photos without people too, which it never saw" in " ".join(captured.err.split())

    others = Path("Others")
    for name in without:  # of other contents than those that were trained on
        (others / name).parent.mkdir(parents=True, exist_ok=True)
        Image.open(sample / name).transpose(Image.Transpose.ROTATE_90).save(others / f"{name}.png")
    main(["evaluate", "Model", "Others", "logger=none"])
    report = json.loads(sorted(Path("outputs", "evaluate").iterdir())[-1].joinpath("data_report.json").read_text())
    assert "people" not in report
    assert any("which it never saw" in warning for warning in report["warnings"])
    assert report["photos"] == len(without)


def test_all_are_kept_that_are_tagged_and_a_plan_needs_their_tags(sample, work, yolos, capsys):
    asked = [str(sample), "people=tag", f"people.detector={yolos}", "people.min_confidence=0.3", *RUN]
    assert main_fails(capsys, "plan", *asked).startswith(
        "thawline: people.detector has not looked at all of the photos"
    )
    main(["train", *asked])
    report = json.loads(the_only("train", "data_report.json").read_text())
    people = report["people"]
    assert (people["required"], people["with"] + people["without"]) == (False, report["photos"])
    assert {left["reason"] for left in report["left_out"]}.isdisjoint({"shows no people"})
    said = pq.read_table(the_only("train", "predictions.parquet")).to_pydict()
    tagged = {row["path"]: row["people"] == "1" for row in rows_of(the_only("train", "people.csv"))}
    assert said["people"] == [tagged[path] for path in said["path"]]
    main(["plan", *asked])
    assert "photos" in capsys.readouterr().out


@pytest.mark.parametrize("task", ["match", "genre", "library"])
def test_a_task_without_photos_in_classes_has_no_people(task):
    words = ["data.path=x", f"task={task}", "people=require", "people.detector=x"]
    with pytest.raises(
        UserError, match=rf"^people=require is for photos in classes, .* with task={task} leave it out$"
    ):
        settings_of("data_check", words)


def test_nothing_is_trained_where_one_class_is_left(sample, work, yolos, capsys):
    words = ("train", str(sample), "people=require", f"people.detector={yolos}", "people.min_confidence=0.9999", *RUN)
    assert "people=require leaves photos of 0 classes" in main_fails(capsys, *words)
    assert not Path("outputs", "train").exists() or not list(Path("outputs").glob("train/*/predictions.parquet"))


def main_fails(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    return " ".join(capsys.readouterr().err.split())
