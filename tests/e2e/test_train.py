"""`thawline train` from the command line, on the sample."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from thawline.samples.events import make_events

FAST = ("trainer=cpu", "logger=none")


@pytest.fixture
def linear():
    return ("experiment=events_linear", "encoder=tiny_clip", "method.c=[1]", *FAST)


def files(run):
    return sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())


def test_cross_validation_leaves_exactly_these_files(crossed):
    run, out = crossed
    folds = [
        f"folds/{name}/{file}"
        for name in ("all", "fold0", "fold1", "fold2")
        for file in ("SHA256SUMS", "chosen.json", "tail.safetensors")
    ]
    top = [
        "SHA256SUMS",
        "config.yaml",
        "confusion.png",
        "data_report.json",
        "metrics.csv",
        "metrics.json",
        "predictions.parquet",
    ]
    assert files(run) == sorted([*folds, *top, "recall.png", "reliability.png", "split.csv", "status.json"])
    assert json.loads((run / "status.json").read_text())["status"] == "finished"
    assert f"run    {run}" in out
    assert "over baseline" in out


def test_the_pictures_of_a_run_show_something_each(crossed):
    run, _ = crossed
    shown = {}
    for path in run.glob("*.png"):
        with Image.open(path) as picture:
            shown[path.name] = (picture.size, np.asarray(picture.convert("L")).std() > 10)
    assert len({size for size, _ in shown.values()}) == len(shown) == 3
    assert all(something for _, something in shown.values()), shown


def test_every_photo_is_judged_once_and_every_broken_one_is_named(crossed, sample):
    run, _ = crossed
    table = pq.read_table(run / "predictions.parquet").to_pylist()
    report = json.loads((run / "data_report.json").read_text())
    assert len(table) == report["photos"] == len({row["path"] for row in table})
    assert {row["fold"] for row in table} == {"fold0", "fold1", "fold2"}
    folds_of_group = {}
    for row in table:
        folds_of_group.setdefault(row["group"], set()).add(row["fold"])
    assert max(map(len, folds_of_group.values())) == 1
    declared = make_events(sample, photos_per_class=24).left_out  # which lie there already
    assert {left["name"] for left in report["left_out"]} == set(declared)
    metrics = json.loads((run / "metrics.json").read_text())
    right = sum(row["label"] == row["prediction"] for row in table)
    assert metrics["judged"]["accuracy"]["value"] == pytest.approx(right / len(table))
    assert metrics["judged"]["accuracy"]["low"] < right / len(table) < metrics["judged"]["accuracy"]["high"]
    for row in table:
        assert sum(value for name, value in row.items() if name.startswith("probability:")) == pytest.approx(
            1, abs=1e-5
        )


def test_the_same_run_twice_gives_the_same_bytes_and_computes_nothing_again(thawline, sample, linear):
    for _ in range(2):
        thawline("train", sample, *linear, "cv=3")
    first, second = thawline.runs()
    assert (first / "predictions.parquet").read_bytes() == (second / "predictions.parquet").read_bytes()
    counts = [json.loads((run / "metrics.json").read_text())["features"] for run in (first, second)]
    assert counts[0]["read"] == 0
    assert counts[1] == {"computed": 0, "read": counts[0]["computed"]}


def test_ten_more_photos_compute_ten(thawline, photos, linear):
    thawline("train", photos, *linear)
    before = thawline.metrics()["features"]["computed"]
    for number in range(10):
        colour = (25 * number, 255 - 25 * number, 40)
        Image.new("RGB", (80, 80), colour).save(photos / "wedding" / f"new{number}.png")
    thawline("train", photos, *linear)
    assert thawline.metrics()["features"] == {"computed": 10, "read": before}


@pytest.mark.usefixtures("shared_store")
@pytest.mark.parametrize("method", ["projection", "contrastive", "linear", "mlp", "zero_shot"])
def test_every_method_runs_and_keeps_what_it_fitted(thawline, sample, method):
    epochs = () if method == "zero_shot" else ("method.epochs=2",)
    out = thawline("train", sample, "encoder=tiny_clip", f"method={method}", *epochs, "trainer=cpu", "logger=csv")
    (run,) = thawline.runs()
    fitted = [] if method == "zero_shot" else ["best.ckpt", "history.csv", "history.png"]
    kept = [name for name in files(run) if name.startswith("folds/")]
    assert kept == [
        f"folds/holdout/{name}" for name in sorted([*fitted, "SHA256SUMS", "chosen.json", "tail.safetensors"])
    ]
    assert thawline.metrics()["baseline"] == ("majority class" if method == "zero_shot" else "zero-shot")
    assert "features" in out


def test_blocks_above_the_thaw_line_train_from_stored_activations(thawline, sample):
    words = ("encoder=tiny_clip", "method=linear", "thaw=1", "method.epochs=2", *FAST)
    thawline("train", sample, *words)
    before = thawline.metrics()["features"]
    thawline("train", sample, *words, "method.lr=1e-4")
    assert thawline.metrics()["features"] == {"computed": 0, "read": before["computed"] + before["read"]}
    assert "block1" in thawline("store", "list")


def test_another_learning_rate_reads_every_feature(thawline, sample):
    for rate in ("1e-3", "1e-4"):
        thawline("train", sample, "encoder=tiny_clip", "method.epochs=1", f"method.lr={rate}", *FAST)
    assert thawline.metrics()["features"]["computed"] == 0


@pytest.mark.usefixtures("shared_store")
def test_a_fine_tune_is_compared_with_what_zero_shot_says_of_the_same_photos(thawline, sample, crossed):
    thawline("train", sample, "encoder=tiny_clip", "method=zero_shot", "cv=3", *FAST)
    zero_shot = thawline.metrics()["judged"]
    fine_tune, _ = crossed
    judged_baseline = json.loads((fine_tune / "metrics.json").read_text())["judged_baseline"]
    assert judged_baseline["accuracy"] == zero_shot["accuracy"]
    said = [pq.read_table(run / "predictions.parquet") for run in (*thawline.runs(), fine_tune)]
    assert said[0]["prediction"] == said[1]["baseline"]


@pytest.mark.usefixtures("shared_store")
def test_an_interrupted_run_is_resumed_to_the_same_end(thawline, sample):
    thawline("train", sample, "encoder=tiny_clip", "method.epochs=3", "cv=2", *FAST)
    (run,) = thawline.runs()
    whole = (run / "predictions.parquet").read_bytes()
    # As if it had been killed in the second fold.
    shutil.rmtree(run / "folds" / "all")
    for name in ("folds/fold1/chosen.json", "folds/fold1/tail.safetensors", "predictions.parquet", "metrics.json"):
        (run / name).unlink()
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps({**status, "status": "running"}))
    out = thawline("train", run)
    assert f"resuming {run}" in out
    assert thawline.runs() == [run]
    assert (run / "predictions.parquet").read_bytes() == whole
    assert "is finished" in thawline.refused("train", run)


@pytest.mark.usefixtures("shared_store")
def test_a_resumed_run_keeps_its_settings(thawline, sample, linear):
    thawline("train", sample, *linear)
    (run,) = thawline.runs()
    assert "leave out 'seed=1'" in thawline.refused("train", run, "seed=1")


@pytest.mark.usefixtures("shared_store")
def test_a_given_split_is_kept(thawline, sample, linear, tmp_path):
    thawline("train", sample, *linear)
    names = [row["path"] for row in pq.read_table(thawline.runs()[0] / "predictions.parquet").to_pylist()]
    rows = [line.split(",") for line in (thawline.runs()[0] / "split.csv").read_text().splitlines()[1:]]
    split = tmp_path / "my split.csv"
    split.write_text("path,split\n" + "".join(f"{r[0]},{'test' if r[0] in names else 'train'}\n" for r in rows))
    thawline("train", sample, *linear, f"data.split={split}")
    first, second = (run / "predictions.parquet" for run in thawline.runs())
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.usefixtures("shared_store")
def test_a_users_own_experiment_is_found(thawline, sample, linear):
    folder = thawline.directory / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\ndefaults:\n  - override /method: logistic\nseed: 7\n")
    words = [word for word in linear if not word.startswith("experiment=")]
    thawline("train", sample, "experiment=mine", *words)
    assert "seed: 7" in (thawline.runs()[0] / "config.yaml").read_text()


@pytest.mark.usefixtures("shared_store")
def test_wandb_mirrors_the_run(thawline, sample):
    thawline("train", sample, "encoder=tiny_clip", "method.epochs=1", "trainer=cpu")
    (run,) = thawline.runs()
    assert len(list(run.glob("wandb/offline-run-*/run-*.wandb"))) == 1
