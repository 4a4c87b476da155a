"""`thawline train FILE task=match`: pairs from a CSV to a judged matcher, by every road there is."""

import csv
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from thawline.runs.predictions import read_predictions
from thawline.samples.pairs import make_pairs

MATCH = ("task=match", "encoder=tiny_clip", "trainer=cpu", "logger=none")
SHORT = (*MATCH, "method.epochs=2", "method.lr=1e-3")


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    """60 pictures of products, with about 330 pairs."""
    return make_pairs(tmp_path_factory.mktemp("pairs") / "Products (2024), été #1", pictures=60, seed=1).file


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Another such collection."""
    return make_pairs(tmp_path_factory.mktemp("others"), pictures=24, seed=2).file


@pytest.fixture(autouse=True, scope="module")
def one_store(tmp_path_factory):
    """Features are computed once for the module; tests that count them take a store of their own."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def shared_store(one_store, own_store, monkeypatch):
    monkeypatch.setenv("THAWLINE_STORE", str(one_store))


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def apart(split):
    """No image and no text that the folds of a split share, by the digests that it holds."""
    for what in ("digest", "text"):
        sides = {}
        for row in split:
            sides.setdefault(row[what], set()).add(row["fold"])
        assert all(len(folds) == 1 for folds in sides.values())


def test_projections_are_trained_judged_and_judged_again(thawline, products, others):
    said = thawline("train", products, *MATCH, "method.epochs=8", "refit=true")
    run = thawline.runs()[-1]
    metrics = thawline.metrics()
    assert (metrics["method"], metrics["thaw"], metrics["baseline"]) == ("pairs", "projection", "zero-shot")
    split = rows_of(run / "split.csv")
    assert len(split) == len(rows_of(products))
    assert {row["fold"] for row in split} == {"", "holdout"}
    apart(split)
    predictions = read_predictions(run / "predictions.parquet")
    assert sorted(predictions.paths) == sorted(row["path"] for row in split if row["fold"])

    # What is said is the threshold's, which was fitted on inner pairs.
    chosen = json.loads((run / "folds/holdout/chosen.json").read_text())
    threshold = chosen["threshold"]
    assert threshold["balance"] == "f1"
    said_match = predictions.probabilities[:, 1].astype(np.float64) >= threshold["value"]
    assert predictions.said.tolist() == said_match.astype(int).tolist()
    assert metrics["judged"]["accuracy"]["value"] == np.mean(predictions.said == predictions.labels)

    examined = metrics["examined"]
    majority = np.bincount(predictions.labels).max() / len(predictions.labels)
    assert examined["majority"]["accuracy"]["value"] == majority
    (row,) = (line for line in said.splitlines() if line.startswith(" majority class"))
    assert f"{100 * majority:.1f}" in row
    assert set(examined["by_difficulty"]) == {"hard", "random"}
    assert examined["roc_auc"]["value"] > examined["zero_shot"]["roc_auc"]["value"] > 0.5
    assert set(examined["retrieval"]["image_to_text"]) == {"1", "5", "10"}
    assert examined["set_aside"] == {"holdout": 0}

    thawline("evaluate", run, "logger=none")
    again = thawline.runs("evaluate")[-1]
    assert (again / "predictions.parquet").read_bytes() == (run / "predictions.parquet").read_bytes()
    assert thawline.metrics("evaluate")["examined"]["roc_auc"] == examined["roc_auc"]
    # On another file by the refit, whose threshold is the fold's.
    said = thawline("evaluate", run, others, "logger=none")
    other = read_predictions(thawline.runs("evaluate")[-1] / "predictions.parquet")
    # Two collections have some texts in common.
    left_out = len(rows_of(others)) - len(other.paths)
    assert 0 < left_out < 40
    assert f"left out {left_out}: {left_out} the run was trained on" in said
    refitted = json.loads((run / "folds/all/chosen.json").read_text())
    assert refitted["threshold"]["value"] == threshold["value"]
    assert (other.said == (other.probabilities[:, 1].astype(np.float64) >= threshold["value"])).all()
    assert "nothing is left to judge by" in thawline.refused("evaluate", run, products, "logger=none")


def test_a_sweep_over_losses_computes_features_once(thawline, products, monkeypatch, tmp_path):
    monkeypatch.setenv("THAWLINE_STORE", str(tmp_path / "store"))
    thawline("train", products, "-m", *SHORT, "method.loss=sigmoid,siglip,infonce,triplet")
    (sweep,) = (thawline.directory / "outputs/sweep").iterdir()
    facts = json.loads((sweep / "sweep.json").read_text())
    assert [trial["status"] for trial in facts["trials"]] == ["finished"] * 4
    (once,) = facts["features"]
    rows = rows_of(products)
    assert once["computed"] == len({row["image_path"] for row in rows}) + len({row["text"] for row in rows})
    trials = [json.loads((sweep / str(number) / "metrics.json").read_text()) for number in range(4)]
    assert [trial["features"]["computed"] for trial in trials] == [0] * 4
    assert len({trial["inner"]["log_loss"]["value"] for trial in trials}) == 4
    summary = json.loads((sweep / "metrics.json").read_text())
    assert summary["examined"]["roc_auc"]["value"] > 0.5
    assert len(rows_of(sweep / "leaderboard.csv")) == 4


def test_zero_shot_has_the_threshold_that_its_training_side_gives(thawline, products):
    said = thawline("train", products, *MATCH, "method=zero_shot")
    metrics = thawline.metrics()
    assert metrics["baseline"] == "majority class"
    assert said.count("majority class") >= 1
    assert metrics["chosen"]["holdout"]["threshold"]["attained"] > 0.6


def test_towers_thawed_over_folds_with_views_and_a_refit(thawline, products):
    words = ("method=pairs_towers", "method.epochs=1", "method.lr=1e-3", "thaw=1", "cv=3", "augmentation=pairs")
    thawline("train", products, *MATCH, *words, "augmentation.views=1")
    run = thawline.runs()[-1]
    split = rows_of(run / "split.csv")
    apart(split)
    assert {row["fold"] for row in split} == {"fold0", "fold1", "fold2"}
    chosen = [json.loads((run / f"folds/{name}/chosen.json").read_text()) for name in ("fold0", "fold1", "fold2")]
    refitted = json.loads((run / "folds/all/chosen.json").read_text())
    assert refitted["threshold"]["value"] == np.median([one["threshold"]["value"] for one in chosen])
    judged = pq.read_table(run / "predictions.parquet").to_pydict()
    folds = dict(zip(judged["path"], judged["fold"], strict=True))
    assert folds == {row["path"]: row["fold"] for row in split}


def test_stored_pixels_are_varied_at_each_step(thawline, products):
    words = ("method.epochs=1", "thaw=all", "augmentation=pairs", "augmentation.views=0", "debug=limit")
    thawline("train", products, *MATCH, "method=pairs_towers", "method.loss=infonce", *words)
    assert thawline.metrics()["thaw"] == "all"


def test_image_features_and_a_text_encoder_from_scratch(thawline, products, weights):
    encoders = ("task=match", "encoder=mobilenetv2_035", f"encoder.weights={weights}", "encoder@text=scratch")
    words = (*encoders, "encoder.size=64", "trainer=cpu", "logger=none", "method.epochs=2", "method.hidden=16")
    thawline("train", products, *words, "text.model_args={width: 16, heads: 2, buckets: 300}")
    metrics = thawline.metrics()
    assert (metrics["thaw"], metrics["baseline"]) == ("head", "majority class")
    assert metrics["examined"]["zero_shot"] is None
    first = thawline.runs()[-1] / "predictions.parquet"
    thawline("train", products, *words, "text.model_args={width: 16, heads: 2, buckets: 300}")
    assert (thawline.runs()[-1] / "predictions.parquet").read_bytes() == first.read_bytes()
    thawline("evaluate", first.parent, "logger=none")
    assert (thawline.runs("evaluate")[-1] / "predictions.parquet").read_bytes() == first.read_bytes()


def test_a_run_that_stopped_goes_on_to_the_same_end(thawline, products):
    thawline("train", products, *SHORT)
    run = thawline.runs()[-1]
    whole = (run / "predictions.parquet").read_bytes()
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps({**status, "status": "failed", "reason": "power", "process": 1}))
    for name in ("predictions.parquet", "metrics.json"):
        (run / name).unlink()
    shutil.rmtree(run / "folds")
    assert "resuming" in thawline("train", run)
    assert (run / "predictions.parquet").read_bytes() == whole
    assert thawline.metrics()["examined"]["roc_auc"]["value"] > 0.5


def test_a_file_for_each_side(thawline, products):
    thawline("data", "split", products, "out=sides")
    files = [f"data.{side}_csv={thawline.directory / 'sides' / side}.csv" for side in ("train", "val", "test")]
    thawline("train", *files, *SHORT)
    run = thawline.runs()[-1]
    predictions = read_predictions(run / "predictions.parquet")
    assert len(predictions.paths) == len(rows_of(thawline.directory / "sides/test.csv"))
    assert all(path.split("(")[-1].startswith("test.csv row ") for path in predictions.paths)
    apart(rows_of(run / "split.csv"))
    # Of the whole file only what the run was not trained on is judged: more than it judged itself, none twice.
    said = thawline("evaluate", run, products, "logger=none")
    left = read_predictions(thawline.runs("evaluate")[-1] / "predictions.parquet")
    training = rows_of(thawline.directory / "sides/train.csv") + rows_of(thawline.directory / "sides/val.csv")
    assert f"left out {len(training)}: {len(training)} the run was trained on" in said
    assert len(left.paths) == len(predictions.paths)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("method=linear",),
            "method=linear tells classes of photos apart; task=match takes method=pairs, pairs_towers",
        ),
        (("encoder=resnet50",), "reads no text; use encoder=clip, or add encoder@text=minilm, or encoder@text=scratch"),
        (("encoder@text=scratch", "method=zero_shot"), "compares images and texts of one CLIP"),
        (("task=events", "encoder@text=scratch"), "encoder@text is for pairs of images and texts; add task=match"),
        (("task=events", "method=pairs"), "method=pairs is for pairs of images and texts; add task=match"),
        (("trainer.devices=2", "method.loss=infonce"), "trainer.devices=2: method.loss=infonce computes on one device"),
        (("method.loss=cross_entropy",), "method.loss=cross_entropy is not known; use one of sigmoid, siglip, infonce"),
        (("augmentation=mixup",), "augmentation.mixup mixes classes, which pairs don't have; set it to 0"),
        (("method.penalty=per_class",), "method.penalty=per_class counts photos of a class"),
        (("logger=wandb", "logger.thumbnails=4"), "logger.thumbnails=4 shows photos, not pairs"),
        (("decision.balance=best",), "decision.balance=best is not known; use one of accuracy, f1, precision"),
        (("thaw=9",), "thaw=9: clip has 3 blocks"),
        (("data=photos",), "leave out data=photos"),
        (("encoder@text=resnet50",), "reads no text; use minilm, clip or scratch"),
    ],
)
def test_wrong_use(thawline, products, words, sentence, weights):
    if "encoder=resnet50" in words:
        words = ("encoder=mobilenetv2_035", f"encoder.weights={weights}")
    assert sentence in thawline.refused("train", products, *MATCH, *words)
    assert not list((thawline.directory / "outputs").glob("train/*"))


@pytest.mark.parametrize(("label", "sentence"), [("1", "has matches only (label 1)"), ("0", "has mismatches only")])
def test_one_label_only(thawline, products, label, sentence):
    rows = [row for row in rows_of(products) if row["label"] == label]
    path = products.parent / f"only{label}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert sentence in thawline.refused("train", path, *MATCH)
