"""`prompts.candidates=FILE`: chosen in each fold, told, exported, and by no photo that is judged."""

import csv
import json

import pytest

from thawline.runs.predictions import read_predictions
from thawline.runs.split import read_split_rows

ZERO_SHOT = ("encoder=tiny_clip", "method=zero_shot", "trainer=cpu", "logger=none")
CANDIDATES = "wedding: [two people marrying, a photo of a wedding]\nbirthday: [candles on a cake indoors]\n"

pytestmark = pytest.mark.usefixtures("shared_store")


@pytest.fixture
def candidates(thawline):
    """The option that names a file of candidates."""
    (thawline.directory / "more prompts.yaml").write_text(CANDIDATES)
    return "prompts.candidates=more prompts.yaml"


def chosen(run, fold):
    """What a fold used of each class."""
    told = json.loads((run / "folds" / fold / "chosen.json").read_text())["prompts"]
    return {name: one["used"] for name, one in told.items()}


def test_prompts_are_chosen_in_each_fold_and_the_bundle_has_those_of_all(thawline, sample, candidates):
    printed = thawline("train", sample, *ZERO_SHOT, "cv=3", candidates)
    (run,) = thawline.runs()
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["baseline"] == "given prompts"
    assert "confused most: " in printed
    told = metrics["examined"]["prompts"]
    assert list(told["chosen"]) == ["fold0", "fold1", "fold2"]
    gains = told["chosen"]["fold1"]["wedding"]["gains"]
    assert set(gains) == {*told["given"]["wedding"], "two people marrying"}
    assert gains["two people marrying"]["low"] < gains["two people marrying"]["value"]
    changed = {text for name in told["given"] for text in set(told["given"][name]) ^ set(chosen(run, "fold1")[name])}
    assert changed
    assert "that were taken in, or of those given left out" in printed

    # The baseline is zero-shot by the given prompts; without candidates nothing else is said.
    thawline("train", sample, *ZERO_SHOT, "cv=3")
    plain, now = (read_predictions(one / "predictions.parquet") for one in (thawline.runs()[-1], run))
    assert now.baseline.tolist() == plain.said.tolist()
    assert json.loads((thawline.runs()[-1] / "folds" / "fold0" / "chosen.json").read_text()) == {}

    thawline("export", run, "out=bundle")
    decision = json.loads((thawline.directory / "bundle" / "decision.json").read_text())
    assert decision["prompts"] == chosen(run, "all")
    # The run is judged again by what its folds chose, whatever the file says by now.
    (thawline.directory / "more prompts.yaml").write_text("wedding: [a bride, a groom, rings]\n")
    thawline("evaluate", run, "logger=none")
    again = read_predictions(thawline.runs("evaluate")[-1] / "predictions.parquet")
    assert again.probabilities.tolist() == now.probabilities.tolist()


@pytest.mark.parametrize("method", ["zero_shot", "ss_text", "projection"])
def test_photos_that_are_judged_have_no_part_in_the_choice(thawline, sample, candidates, tmp_path, method):
    words = ("encoder=tiny_clip", f"method={method}", "trainer=cpu", "logger=none", candidates)
    words = (*words, "method.epochs=1") if method == "projection" else words
    thawline("train", sample, *words)
    rows = read_split_rows(thawline.runs()[-1] / "split.csv")
    tables = {
        "split": [("path", "split"), *((row.path, "test" if row.fold else "train") for row in rows)],
        "wrong": [("path", "label"), *((row.path, "birthday") for row in rows if row.fold and row.label == "wedding")],
    }
    for name, lines in tables.items():
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)
    split = f"data.split={tmp_path / 'split.csv'}"
    thawline("train", sample, *words, split)
    thawline("train", sample, *words, split, f"data.corrections={tmp_path / 'wrong.csv'}")
    right, wrong = thawline.runs()[-2:]
    assert (
        thawline.metrics()["judged"]["accuracy"]
        != json.loads((right / "metrics.json").read_text())["judged"]["accuracy"]
    )
    assert chosen(right, "holdout") == chosen(wrong, "holdout")
    tail = (right / "folds" / "holdout" / "tail.safetensors").read_bytes()
    assert tail == (wrong / "folds" / "holdout" / "tail.safetensors").read_bytes()


def test_wrong_use_is_one_sentence(thawline, sample, candidates, weights):
    base = ("trainer=cpu", "logger=none")
    refused = thawline.refused("train", sample, "encoder=tiny_clip", "method=logistic", *base, candidates)
    assert refused.startswith("method=logistic begins at no prompts")
    (thawline.directory / "wrong.yaml").write_text("weding: [a bride]")
    refused = thawline.refused("train", sample, *ZERO_SHOT, "prompts.candidates=wrong.yaml")
    assert "has prompts for 'weding', and there is no such class" in refused
    assert "absent.yaml" in thawline.refused("train", sample, *ZERO_SHOT, "prompts.candidates=absent.yaml")
    network = (f"encoder.weights={weights}", "encoder=mobilenetv2_035")
    assert "text" in thawline.refused("train", sample, *network, "method=zero_shot", *base, candidates)
