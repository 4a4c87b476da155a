"""A taste from answers, from the file to a bundle in use."""

import csv
import json

import hydra
import numpy as np
import pytest
import torch
from tests.e2e.test_own_task import ONNX

import thawline as package
from thawline.commands.line.paths import conf_directory
from thawline.commands.line.quoting import quote
from thawline.commands.line.settings import register_settings
from thawline.data.walking import walk_photos
from thawline.runs.predictions import read_predictions
from thawline.tasks.preference import choosing
from thawline.tasks.typed import to_settings

FAST = ("task=preference", "encoder=tiny_clip", "trainer=cpu", "logger=csv")
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
    said = thawline("train", answers, *FAST, "cv=3")
    assert "It guesses: it has learnt from" in said
    (run,) = thawline.runs()
    metrics = thawline.metrics()
    assert metrics["method"] == "logistic"
    assert metrics["examined"]["guess"] is True
    assert metrics["examined"]["answers"]["super_like"] > 5
    assert set(metrics["examined"]["precision_at"]) == {"10", "20"}
    assert metrics["judged"]["roc_auc"]["value"] > 0.8
    report = json.loads((run / "data_report.json").read_text())
    assert sum(report["feedback"].values()) == report["photos"]

    thawline("export", run, "out=Taste", *(["format=onnx"] if ONNX else []))
    assert "It guesses: it has learnt from" in (thawline.directory / "Taste" / "README.md").read_text()
    assert (thawline.directory / "Taste" / "vision.onnx").exists() == ONNX
    bundle = package.load(thawline.directory / "Taste")
    assert bundle.labels == ("dislike", "like")
    thawline("predict", "Taste", sample / "wedding", "out=said.jsonl")
    lines = list(map(json.loads, (thawline.directory / "said.jsonl").read_text().splitlines()))
    scored = [line for line in lines if line["problem"] is None]
    assert all(line["score"] == line["probabilities"]["like"] for line in scored)
    assert np.mean([line["score"] for line in scored]) > 0.5

    other = write_answers(thawline.directory / "new.csv", sample, 12, 24)
    thawline("evaluate", "Taste", other)
    evaluated = thawline.metrics("evaluate")
    assert evaluated["judged"]["accuracy"]["value"] > 0.6
    assert evaluated["examined"]["guess"] is True
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


def test_what_is_chosen_is_a_run_like_any_other(thawline, answers, monkeypatch):
    monkeypatch.setattr(choosing, "ENOUGH", 5)
    words = ("data.path=" + str(answers), "paths.outputs=out", "paths.run=run", *FAST)
    methods, settings = {}, {}
    for name, more in {
        "logistic": ("method=logistic",),
        "gda": ("method=gda",),
        "blocks": ("experiment=preference_blocks", "method.epochs=1"),
    }.items():
        register_settings()
        with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
            given = [quoted(word) for word in (*words, *more) if "encoder" not in word or name != "blocks"]
            settings[name] = to_settings(hydra.compose("train", [*given, "encoder=tiny_clip"]))
        methods[name] = settings[name].method
    choice = choosing.run_choice(settings["logistic"], methods, thawline.directory / "chosen", torch.device("cpu"))
    assert set(choice.figures) == {"logistic", "gda", "blocks"}
    assert choice.name in choice.why
    assert choice.run == thawline.directory / "chosen" / choice.name
    assert read_predictions(choice.run / "predictions.parquet").paths == choice.predictions.paths
    thawline("export", choice.run, "out=Chosen")
    assert package.load(thawline.directory / "Chosen").task == "preference"
    assert len({(each / "split.csv").read_bytes() for each in (thawline.directory / "chosen").iterdir()}) == 1


def quoted(word):
    key, _, value = word.partition("=")
    return f"{key}={quote(value)}" if key.startswith(("data.path", "paths")) else word
