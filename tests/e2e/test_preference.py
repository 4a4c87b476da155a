"""A taste from answers, from the file to a bundle in use."""

import csv
import json

import numpy as np
import pytest
from tests.runs.readback import read_offline_runs

import thawline as package
from thawline.data.walking import walk_photos
from thawline.tasks.bundle.serving import Sample, Terms, answer_photos

FAST = ("task=preference", "encoder=tiny_clip", "trainer=cpu", "logger=none")
ANSWERS = {"wedding": "super_like", "beach_day": "like", "campfire_night": "dislike", "football_match": "dislike"}
pytestmark = pytest.mark.usefixtures("shared_store")


def write_answers(path, sample, first, last):
    """The answers to some of the photos of each class."""
    rows = []
    for name, answer in ANSWERS.items():
        photos = sorted(walk_photos([str(sample / name)], {}))
        rows += [(photo, answer) for photo in photos[first:last]]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "feedback"), *rows])
    return path


@pytest.fixture
def answers(sample, thawline):
    return write_answers(thawline.directory / "feedback.csv", sample, 0, 12)


def test_what_is_answered_is_trained_on_judged_exported_and_scored(thawline, sample, answers):
    said = thawline("data", "check", answers, "task=preference")
    assert "dislike" in said
    said = thawline("train", answers, *FAST, "cv=3", "logger=wandb", "logger.mode=offline")
    assert "It guesses: it has learnt from" in said
    (run,) = thawline.runs()
    metrics = thawline.metrics()
    [mirrored] = read_offline_runs(run)
    assert (mirrored.exit_code, mirrored.summary["status"], mirrored.about["tags"]) == (
        0,
        "finished",
        ["logistic", "package:tiny_clip"],
    )
    assert mirrored.summary["roc_auc"] == metrics["judged"]["roc_auc"]["value"]
    assert mirrored.summary["answers/super_like"] == metrics["examined"]["answers"]["super_like"]
    assert metrics["method"] == "logistic"
    assert metrics["examined"]["guess"] is True
    assert metrics["examined"]["answers"]["super_like"] > 5
    assert set(metrics["examined"]["precision_at"]) == {"10", "20"}
    assert metrics["judged"]["roc_auc"]["value"] > 0.8
    report = json.loads((run / "data_report.json").read_text())
    assert sum(report["feedback"].values()) == report["photos"]

    thawline("export", run, "out=Taste")
    assert "It guesses: it has learnt from" in (thawline.directory / "Taste" / "README.md").read_text()
    bundle = package.load(thawline.directory / "Taste")
    assert bundle.labels == ("dislike", "like")
    assert "It guesses: it has learnt from" in thawline("predict", "Taste", sample / "wedding", "out=said.jsonl")
    (answer,) = answer_photos(bundle, [Sample(sample / "wedding", "none", "")], Terms())
    assert answer.details == {"notes": list(bundle.notes)}
    assert bundle.notes[0].startswith("It guesses: it has learnt from")
    lines = list(map(json.loads, (thawline.directory / "said.jsonl").read_text().splitlines()))
    scored = [line for line in lines if line["problem"] is None]
    assert all(line["score"] == line["probabilities"]["like"] for line in scored)
    assert np.mean([line["score"] for line in scored]) > 0.5

    other = write_answers(thawline.directory / "new.csv", sample, 12, 24)
    thawline("evaluate", "Taste", other)
    evaluated = thawline.metrics("evaluate")
    assert evaluated["judged"]["accuracy"]["value"] > 0.6
    assert evaluated["examined"]["guess"] is True
    warnings = json.loads((thawline.runs("evaluate")[-1] / "data_report.json").read_text())["warnings"]
    assert bundle.notes[0] in warnings
    thawline("evaluate", run)
    assert (
        "preference" in (thawline.runs("evaluate")[-1] / "config.yaml").read_text() + (run / "config.yaml").read_text()
    )


def test_super_likes_count_more_in_every_method(thawline, answers):
    for method in (("method=logistic",), ("method=linear", "method.epochs=2")):
        said = []
        for weight in (1, 20):
            thawline("train", answers, *FAST, *method, f"data.super_like={weight}")
            said.append(package_predictions(thawline.runs()[-1]))
        assert not np.array_equal(*said), method


def package_predictions(run):
    """The probability of a like of each photo that was held out."""
    from thawline.runs.predictions import read_predictions

    return read_predictions(run / "predictions.parquet").probabilities[:, 1]


def test_a_sweep_and_a_comparison_take_it_too(thawline, answers):
    thawline("train", answers, *FAST, "-m", "method=logistic,gda")
    (sweep,) = thawline.runs("sweep")
    assert {row["setting"] for row in csv.DictReader((sweep / "leaderboard.csv").open())} == {
        "method=gda",
        "method=logistic",
    }
    assert "page.html" in thawline("compare", sweep, "out=page.html")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("method=zero_shot",), "method=zero_shot goes by words alone; give data.likes="),
        (("method=projection",), "method=projection trains what tells classes by prompts"),
        (("encoder=mobilenetv2", "data.likes=a, b"), "data.likes and data.dislikes are words, which encoder"),
        (("data.super_like=0",), "data.super_like=0 must be above 0 and at most 100"),
    ],
)
def test_what_does_not_suit_it_is_one_sentence(thawline, answers, words, sentence):
    assert sentence in thawline.refused("train", answers, *FAST, *words)


def test_a_file_of_answers_without_the_task_is_named(thawline, answers):
    assert "which task=preference reads; add that" in thawline.refused(
        "train", answers, "encoder=tiny_clip", "trainer=cpu"
    )
