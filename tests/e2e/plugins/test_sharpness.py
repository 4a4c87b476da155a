"""The example of the guide, a task in a package of its own: installed, and all that a task does done with it."""

import csv
import importlib
import json
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.e2e.plugins.conftest import build_into, forget

EXAMPLE = Path(__file__).parents[3] / "examples" / "sharpness"
WORDS = ("task=sharpness", "trainer=cpu", "logger=none")


@pytest.fixture
def sharpness(tmp_path, monkeypatch):
    """The command's process has the package installed, built from a copy: a build leaves files beside its sources."""
    pytest.importorskip("setuptools")
    build_into(tmp_path / "site", shutil.copytree(EXAMPLE, tmp_path / "source" / "sharpness"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    forget()

    def blur(photos):
        out = tmp_path / "Blurred"
        monkeypatch.setattr(sys, "argv", ["blur", str(photos), str(out)])
        importlib.import_module("sharpness.blur").main()
        return out / "blur.csv"

    yield blur
    monkeypatch.undo()
    forget()


def test_it_has_at_most_150_lines_with_its_conf():
    files = [path for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".toml", ".yaml")]
    assert len(files) == 5
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= 150


@pytest.mark.long
def test_all_that_a_task_does(thawline, sharpness, sample, tmp_path):
    table = sharpness(sample)
    with table.open(encoding="utf-8") as file:
        source = {row["path"]: row["group"] for row in csv.DictReader(file)}
    words = (*WORDS, "encoder=tiny_clip")
    assert f"{len(source)} photos in" in thawline("data", "check", table, "task=sharpness")
    thawline("train", table, *words)
    assert "training mean" in thawline("train", table, *words, "cv=3")
    single, run = thawline.runs()
    folds = {}
    said = pq.read_table(run / "predictions.parquet").to_pylist()
    for row in said:
        folds.setdefault(source[row["path"]], set()).add(row["fold"])
    assert len(said) == len(source) == 2 * len(folds)
    assert {len(each) for each in folds.values()} == {1}
    thawline("train", table, *words, "-m", "method.alpha=[1.0],[1000.0]")
    assert len(list(csv.reader((thawline.runs("sweep")[-1] / "leaderboard.csv").open(encoding="utf-8")))) == 3
    thawline("evaluate", single)
    held = thawline.metrics("evaluate")["judged"]
    assert held == json.loads((single / "metrics.json").read_text(encoding="utf-8"))["judged"]
    thawline("export", run, "out=Bundle")
    thawline("predict", "Bundle", *(table.parent / name for name in list(source)[:2]), "out=said.csv")
    answers = list(csv.DictReader((thawline.directory / "said.csv").open(encoding="utf-8")))
    assert [0 < float(row["score"]) < 4 for row in answers] == [True, True]
    shutil.rmtree(tmp_path / "site")
    forget()
    importlib.invalidate_caches()
    said = thawline.refused("predict", "Bundle", table)
    assert "there is no task 'sharpness'; install the package that adds it" in said


@pytest.mark.long
def test_how_far_real_photos_are_blurred_is_told(thawline, sharpness, shared_data, tmp_path):
    for path in sorted((shared_data / "events").glob("*/*"))[::6]:
        kept = tmp_path / "Photos" / path.relative_to(shared_data / "events")
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kept)
    weights = f"encoder.weights={shared_data / 'weights' / 'mobilenetv2_035_backbone_timm.safetensors'}"
    thawline("train", sharpness(tmp_path / "Photos"), *WORDS, "encoder=mobilenetv2_035", weights, "cv=5")
    figures = thawline.metrics()["judged"]
    assert figures["spearman"]["low"] >= 0.8
    assert figures["spearman"]["value"] < 0.99
