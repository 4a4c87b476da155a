"""A number for each photo, by a table: checked, trained, judged again, swept, compared, exported and asked."""

import csv
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageEnhance

import thawline as package
from thawline.data.walking import walk_photos

FAST = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "data.labels=scores")
PHOTOS = 48


def put_in_a_table(root, sample):
    """Photos of the sample, each darkened by its own amount, which is its score; the table, and its rows."""
    root.mkdir()
    random, rows = np.random.default_rng(0), []
    for photo in sorted(walk_photos([str(sample / "beach_day"), str(sample / "wedding")], {})):
        if len(rows) < PHOTOS:
            try:
                with Image.open(photo) as image:
                    plain = image.convert("RGB").resize((96, 96))
            except OSError:
                continue
            amount = round(float(random.uniform(0.1, 6)), 2)
            ImageEnhance.Brightness(plain).enhance(amount / 6).save(root / f"{len(rows):02}.jpg", quality=95)
            rows.append((f"{len(rows):02}.jpg", amount))
    return write_table(root / "light.csv", rows), rows


def write_table(path, rows, columns=("path", "score")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


@pytest.mark.usefixtures("shared_store")
def test_photos_with_scores_from_check_to_bundle(thawline, sample):
    table, rows = put_in_a_table(thawline.directory / "Photos", sample)
    more = write_table(table.with_name("more.csv"), [*rows, ("none.jpg", 1), ("00.jpg", 9)])
    said = thawline("data", "check", more, "data.labels=scores")
    assert f"{PHOTOS} photos in" in said
    assert "scores from " in said
    assert "none.jpg: row 50: nothing is there" in said
    assert "00.jpg: row 51: named again, with the score 9" in said
    said = thawline("train", table, *FAST, "method=ridge", "cv=3")
    assert "ridge is better than training mean by" in " ".join(said.split())
    run, facts = thawline.runs()[0], thawline.metrics()
    judged = facts["judged"]
    assert (facts["baseline"], judged["headline"], judged["classes"]) == ("training mean", "mae", [])
    assert judged["spearman"]["low"] > 0.5
    assert facts["test"]["p_value"] < 0.001
    predictions = pq.read_table(run / "predictions.parquet").to_pylist()
    true = dict(rows)
    assert all(one["score"] == true[one["path"]] for one in predictions)
    errors = [abs(one["prediction"] - one["score"]) for one in predictions]
    assert judged["mae"]["value"] == pytest.approx(np.mean(errors))
    # The baseline of a fold is the mean of the other folds' photos.
    for fold in {one["fold"] for one in predictions}:
        others = [one["score"] for one in predictions if one["fold"] != fold]
        (mean,) = {one["baseline"] for one in predictions if one["fold"] == fold}
        assert mean == pytest.approx(np.mean(others))

    thawline("evaluate", run, "logger=none")
    assert thawline.metrics("evaluate")["judged"] == judged
    thawline("export", run, "out=bundle")
    bundle = package.load(thawline.directory / "bundle")
    paths = [table.parent / name for name, _ in rows[:4]]
    scores = [one.score for one in bundle.predict(paths)]
    thawline("predict", "bundle", *paths, table, "out=said.csv")
    with (thawline.directory / "said.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(one["score"]) for one in lines[:4]] == [float(str(np.float32(score))) for score in scores]
    assert lines[4]["score"] == ""
    assert lines[4]["problem"]
    assert [json.loads(line)["score"] for line in thawline("predict", "bundle", *paths).splitlines()] == [
        float(one["score"]) for one in lines[:4]
    ]
    assert "temperature" in thawline.refused("predict", "bundle", *paths, "calibrated=true")
    assert "can't be fitted: scores have no probabilities" in thawline.refused("export", run, "max_error=0.1")
    assert "by the classes of photos" in thawline.refused("export", run, "out_of_place=0.1")
    assert "have scores, not labels" in thawline.refused("data", "labels", run)
    assert "a curve is drawn of one label a sample" in thawline.refused("curve", run)
    other = thawline.directory / "other"
    shutil.copytree(run, other)
    assert "gives scores" in thawline.refused("ensemble", run, other)
    assert "no service answers by yet" in thawline.refused("serve", "bundle")

    # New photos are judged against the mean of what the model learnt from; those that it has seen are left out.
    new = thawline.directory / "New"
    new.mkdir()
    for number in range(3):
        Image.effect_noise((96, 96), 30 + 40 * number).convert("RGB").save(new / f"new{number}.png")
    shutil.copy(paths[0], new / "seen.jpg")
    others = write_table(new / "new.csv", [*((f"new{i}.png", i) for i in range(3)), ("seen.jpg", 1)])
    for what in (run, "bundle"):
        thawline("evaluate", what, others, "logger=none")
        again = pq.read_table(thawline.runs("evaluate")[-1] / "predictions.parquet").to_pylist()
        assert [one["path"] for one in again] == ["new0.png", "new1.png", "new2.png"]
        (mean,) = {one["baseline"] for one in again}
        assert mean == pytest.approx(np.mean(list(true.values())))


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_a_sweep_ranks_by_the_least_error_and_the_page_shows_it(thawline, sample):
    table, _ = put_in_a_table(thawline.directory / "Photos", sample)
    words = (*FAST, "method.epochs=8", "method.batch_size=16")
    said = thawline("train", table, *words, "-m", "method=linear", "method.loss=mse,huber", "method.lr=1e-4,1e-1")
    assert "inner MAE" in said
    (sweep,) = thawline.runs("sweep")
    with (sweep / "leaderboard.csv").open(newline="") as file:
        board = list(csv.DictReader(file))
    errors = [float(row["mae"]) for row in board]
    assert errors == sorted(errors)
    assert float(board[1]["over_best"]) <= 0
    kinds = [float(row["spearman"]) for row in board]
    assert all(-1 <= one <= 1 for one in kinds)
    thawline("compare", sweep, "out=page.html")
    page = (thawline.directory / "page.html").read_text(encoding="utf-8")
    assert "MAE" in page
    assert "Spearman" in page
    assert f"{errors[0]:.3g}"[:4] in page


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_ordered_answers_are_told_by_cuts_and_a_bundle_gives_their_mean(thawline, sample):
    table, rows = put_in_a_table(thawline.directory / "Photos", sample)
    stars = write_table(
        table.with_name("stars.csv"), [(name, 1 + int(amount > 2) + int(amount > 4)) for name, amount in rows]
    )
    words = (*FAST, "method=mlp", "method.loss=ordinal", "method.epochs=10", "data.holdout=0.3")
    thawline("train", stars, *words)
    (run,) = thawline.runs()
    said = [one["prediction"] for one in pq.read_table(run / "predictions.parquet").to_pylist()]
    assert 1 <= min(said) < max(said) <= 3
    thawline("export", run, "out=bundle")
    decision = json.loads((thawline.directory / "bundle" / "decision.json").read_text())
    assert (decision["head"], decision["target"]) == ("ordinal", "scores")
    many = thawline.refused("train", table, *words)
    assert "at most 30 different ones, and there are" in many


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_wrong_use_is_one_sentence(thawline, sample):
    table, rows = put_in_a_table(thawline.directory / "Photos", sample)
    for words, sentence in (
        (("method=logistic",), "method=logistic tells classes; of scores (data.labels=scores) take ridge, linear"),
        ((), "tells classes; of scores"),  # CLIP's projection
        (("method=linear", "method.loss=cross_entropy"), "method.loss=cross_entropy is for classes"),
        (("method=linear", "augmentation=mixup"), "augmentation.mixup mixes single classes"),
        (("method=linear", "method.class_weights=balanced"), "are for classes, and scores have none"),
        (("method=ridge", "method.alpha=[]"), "must list at least one number"),
        (("method=ridge", "data.classes=[a,b]"), "data.classes is for classes, and with data.labels=scores there are"),
        (("method=ridge", "data.rename=[[a,b]]"), "data.rename is for classes"),
    ):
        assert sentence in thawline.refused("train", table, *FAST, *words)
    plain = FAST[:-1]
    assert "method=ridge is for scores; add data.labels=scores" in thawline.refused(
        "train", table, *plain, "method=ridge"
    )
    assert "method.loss=huber is for scores" in thawline.refused(
        "train", table, *plain, "method=linear", "method.loss=huber"
    )
    assert "its column score is read with data.labels=scores" in thawline.refused("train", table, *plain)
    assert "is a folder; name the table" in thawline.refused("train", table.parent, *FAST, "method=ridge")
    said = thawline.refused("train", table, "task=genre", "encoder=mel_cnn", "method=mel_cnn", "data.labels=scores")
    assert "tracks take one or several" in said
    same = write_table(table.with_name("same.csv"), [(name, 2) for name, _ in rows])
    assert f"all {PHOTOS} scores of" in thawline.refused("train", same, *FAST, "method=ridge")
    words = write_table(table.with_name("words.csv"), [(name, "sharp") for name, _ in rows])
    assert "the score 'sharp', where a number is meant" in thawline.refused("train", words, *FAST, "method=ridge")
    gates = table.with_name("gates.yaml")
    gates.write_text("accuracy: 0.9\n")
    thawline("train", table, *FAST, "method=ridge")
    assert "for which there are no gates" in thawline.refused("evaluate", thawline.runs()[0], f"gates={gates}")
