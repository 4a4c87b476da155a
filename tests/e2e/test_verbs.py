"""The other verbs from the command line."""

import json
import os
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.runs.readback import read_offline_runs

from thawline.runs.split import read_split_rows


@pytest.fixture
def linear():
    return ("experiment=events_linear", "encoder=tiny_clip", "method.c=[1]", "trainer=cpu", "logger=none")


@pytest.mark.usefixtures("shared_store")
def test_evaluate_gives_the_runs_own_predictions_again(thawline, crossed):
    run, _ = crossed
    thawline("evaluate", run, "logger=none")
    (again,) = thawline.runs("evaluate")
    assert (run / "predictions.parquet").read_bytes() == (again / "predictions.parquet").read_bytes()
    assert thawline.metrics("evaluate")["judged"] == json.loads((run / "metrics.json").read_text())["judged"]


@pytest.mark.usefixtures("shared_store")
def test_runs_can_be_named(thawline, sample):
    words = (sample, "encoder=tiny_clip", "method=zero_shot", "trainer=cpu", "logger=none")
    mirrored = ("logger=wandb", "logger.mode=offline")
    time = r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{6}"
    said = thawline("train", *words, "name=été 1.0", *mirrored)
    (run,) = thawline.runs()
    assert re.fullmatch(f"été 1\\.0_{time}", run.name)
    assert f"run    {run}\n" in said
    assert read_offline_runs(run)[0].about["display_name"] == run.name
    thawline("train", *words, "name=2024")
    assert re.fullmatch(f"2024_{time}", thawline.runs()[0].name)
    thawline("train", *words[:2], "-m", *words[3:], "name=all", "method=zero_shot", "seed=0,1", *mirrored)
    (sweep,) = thawline.runs("sweep")
    assert re.fullmatch(f"all_{time}", sweep.name)
    assert [path.name for path in sorted(sweep.iterdir()) if path.is_dir() and path.name.isdigit()] == ["0", "1"]
    called = [read_offline_runs(place)[0].about["display_name"] for place in (sweep, sweep / "0", sweep / "1")]
    assert called == [sweep.name, f"{sweep.name}/0", f"{sweep.name}/1"]
    thawline("evaluate", run, "name=again", *mirrored)
    (again,) = thawline.runs("evaluate")
    assert again.name.startswith("again_")
    assert read_offline_runs(again)[0].about["display_name"] == again.name
    thawline("ensemble", *thawline.runs(), "weights=50/50", "name=both")
    assert thawline.runs("ensemble")[0].name.startswith("both_")
    assert "name=2" not in (sweep / "leaderboard.csv").read_text()
    compared = thawline("compare", "outputs/train")
    assert "2024_" in compared
    assert "été 1.0_" in compared
    # Where the directory is given, it is that.
    thawline("train", *words, "name=x", "hydra.run.dir=here")
    assert (thawline.directory / "here" / "status.json").exists()


@pytest.mark.usefixtures("shared_store")
def test_evaluate_elsewhere_leaves_out_what_was_trained_on(thawline, sample, photos, linear, crossed):
    thawline("train", sample, *linear)
    (run,) = thawline.runs()
    trained = next(row.path for row in read_split_rows(run / "split.csv") if not row.fold)
    (photos / trained).rename(photos / f"{trained}.jpg")  # so that these are not the run's own samples, moved
    said = thawline("evaluate", run, photos, "logger=none")
    judged = {row["path"] for row in pq.read_table(thawline.runs("evaluate")[0] / "predictions.parquet").to_pylist()}
    assert judged == {row.path for row in read_split_rows(run / "split.csv") if row.fold == "holdout"}
    assert "the run was trained on this sample" in said
    assert "nothing is left to judge by" in thawline.refused("evaluate", crossed[0], photos)


@pytest.mark.usefixtures("shared_store")
def test_evaluate_refuses_a_class_that_the_run_does_not_know(thawline, sample, photos, linear):
    thawline("train", sample, *linear)
    shutil.copytree(photos / "wedding", photos / "funeral")
    assert "the class 'funeral', which the model does not know" in thawline.refused(
        "evaluate", thawline.runs()[0], photos
    )


@pytest.mark.usefixtures("shared_store")
def test_compare_puts_runs_side_by_side(thawline, sample, linear):
    thawline("train", sample, *linear)
    thawline("train", sample, *linear, "method.c=[0.001]")
    said = thawline("compare", *thawline.runs())
    assert all(run.name in said for run in thawline.runs())
    assert "computed" in said
    thawline("train", sample, *linear, "seed=5")
    # Another seed holds out others: the runs are compared on what all of them judged.
    assert "its figures here are of the 7 in common" in thawline("compare", *thawline.runs())


def test_data_check_names_what_it_finds(thawline, photos):
    shutil.copy(next((photos / "wedding").glob("*.jpg")), photos / "birthday" / "stray.jpg")
    said = thawline("data", "check", photos)
    assert "Photos under two labels: 1" in said
    assert "birthday/stray.jpg" in said
    assert "Predicted size of the feature store" in said
    (check,) = thawline.runs("check")
    report = json.loads((check / "data_report.json").read_text())
    assert report["classes"]["birthday"]["photos"] == 25
    assert report["left_out"]


def test_the_store_is_listed_verified_and_pruned(thawline, sample, linear):
    assert "0 shelves" in thawline("store", "list")
    thawline("train", sample, *linear)
    count = thawline.metrics()["features"]["computed"]
    assert "package:tiny_clip at features" in thawline("store", "list")
    assert f"2 shelves, {count} samples checked\nnothing is wrong" in thawline("store", "verify")
    assert "removed 0 shelves" in thawline("store", "prune")
    assert "removed 2 shelves" in thawline("store", "prune", "all=true")
    assert "0 shelves" in thawline("store", "list")


def flip(path, at=5):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_damaged_store_is_named_repaired_and_healed(thawline, sample, linear, monkeypatch, tmp_path):
    store = tmp_path / "store"
    monkeypatch.setenv("THAWLINE_STORE", str(store))
    thawline("train", sample, *linear)
    first = (thawline.runs()[0] / "predictions.parquet").read_bytes()
    rows = max(store.glob("shelves/*/*.rows"), key=lambda path: path.stat().st_size)
    flip(rows)
    said = thawline("store", "verify", status=1)
    assert f"shelf {rows.parent.name[:12]} package:tiny_clip at features: row 0, sample" in said
    assert "'thawline store verify repair=true' drops what is damaged" in said
    assert "dropped 1 damaged features; the next run computes again" in thawline("store", "verify", "repair=true")
    assert "nothing is wrong" in thawline("store", "verify")

    flip(rows, at=4000)
    (store / "files.sqlite").write_bytes(b"no database" * 500)
    (rows.parent / "key.json").write_text("torn")
    assert "memory of files: files.sqlite: file is not a database" in thawline("store", "verify", status=1)
    said = thawline("train", sample, *linear)
    assert "stored features of package:tiny_clip at features were damaged: computing them again" in said
    assert "of files (files.sqlite) was damaged: reading them again" in said
    assert thawline.metrics()["features"]["computed"] == 2
    assert (thawline.runs()[1] / "predictions.parquet").read_bytes() == first


def test_a_store_that_can_not_be_written_is_listed_verified_and_trained_from(
    thawline, sample, linear, monkeypatch, tmp_path
):
    store = tmp_path / "store"
    monkeypatch.setenv("THAWLINE_STORE", str(store))
    thawline("train", sample, *linear)
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    access = os.access  # tests may run as root, whom no permission stops
    inside = lambda path: Path(path).is_relative_to(store)  # noqa: E731
    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode) and not (inside(path) and mode == os.W_OK))
    assert "2 shelves" in thawline("store", "list")
    assert "nothing is wrong" in thawline("store", "verify")
    thawline("train", sample, *linear)
    assert thawline.metrics()["features"]["computed"] == 0
    one, two = ((run / "predictions.parquet").read_bytes() for run in thawline.runs())
    assert one == two
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before
    assert "can't be written, and it lacks features of" in thawline.refused(
        "train", sample, *linear, "encoder.precision=bfloat16"
    )


def test_weights_list_knows_every_encoder(thawline):
    said = thawline("weights", "list")
    for name in ("clip", "tiny_clip", "resnet50", "efficientnet_b0", "mobilenetv2", "vit_base_patch16_224"):
        assert name in said
    assert "none needed" in next(line for line in said.splitlines() if "scratch" in line)
    assert "has no weights to fetch" in thawline.refused("weights", "fetch", "scratch")
    assert "there is no encoder 'clipp'" in thawline.refused("weights", "fetch", "clipp")


def test_the_sample_is_made_where_asked(thawline):
    said = thawline("sample", "events", "New sample", "photos_per_class=3")
    assert "thawline train" in said
    assert len([path for path in (thawline.directory / "New sample").iterdir() if path.is_dir()]) == 6


@pytest.mark.usefixtures("shared_store")
def test_a_run_of_which_a_bit_changed_is_not_taken_for_what_it_was(thawline, crossed, tmp_path):
    whole, _ = crossed
    run = shutil.copytree(whole, tmp_path / "run")
    for name in ("folds/all/tail.safetensors", "folds/all/chosen.json", "folds/fold0/tail.safetensors"):
        flip(run / name, at=-2)
        verb = "export" if "all" in name else "evaluate"
        said = thawline.refused(verb, run, "logger=none") if verb == "evaluate" else thawline.refused(verb, run)
        assert said == (
            f"{run / name} is damaged (it is not what the run wrote, by SHA256SUMS beside it); "
            "restore it from a copy, or run it again"
        )
        flip(run / name, at=-2)
    for name in ("predictions.parquet", "metrics.json", "split.csv"):
        flip(run / name, at=-9)
        assert f"{run / name} is damaged" in thawline.refused("ensemble", run, whole)
        flip(run / name, at=-9)
    cut = shutil.copytree(run, tmp_path / "cut")
    status = json.loads((cut / "status.json").read_text())
    (cut / "status.json").write_text(json.dumps({**status, "status": "interrupted", "reason": "SIGTERM"}))
    flip(cut / "folds" / "fold1" / "tail.safetensors", at=-2)
    assert f"{cut / 'folds' / 'fold1' / 'tail.safetensors'} is damaged" in thawline.refused("train", cut)

    for sums in run.rglob("SHA256SUMS"):  # as runs were before
        sums.unlink()
    thawline("evaluate", run, "logger=none")
    (again,) = thawline.runs("evaluate")
    assert (whole / "predictions.parquet").read_bytes() == (again / "predictions.parquet").read_bytes()
