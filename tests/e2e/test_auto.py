"""`method=auto`: which method is taken, and why, in one run."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import thawline as package
from thawline.runs.predictions import read_predictions
from thawline.targets.predicted import compare_said

FAST = ("trainer=cpu", "logger=none", "method=auto", "method.folds=2")
pytestmark = pytest.mark.usefixtures("shared_store")


def read(path):
    return json.loads(path.read_text())


def test_zero_shot_is_kept_where_nothing_beats_it_and_its_bundle_says_what_the_run_said(thawline, sample):
    said = thawline("train", sample, *FAST, "encoder=tiny_clip", "method.methods=[gda,zero_shot,ss_text]")
    [run] = thawline.runs("sweep")
    chosen = read(run / "chosen.json")
    assert chosen["chosen"] == "method=zero_shot"
    assert f"chosen method=zero_shot: {chosen['why'][:30]}" in said
    assert "the simplest of 3 that the paired test can't tell from the best" in chosen["why"]
    assert chosen["left_out"] == {}
    by = {one["setting"]: one for one in chosen["candidates"]}
    assert set(by) == {"method=gda", "method=zero_shot", "method=ss_text"}
    for one in by.values():
        assert one["seconds"] > 0
        assert one["accuracy"]["low"] < one["accuracy"]["value"] < one["accuracy"]["high"]
    # Ranked by all samples that are trained on, judged by none of them.
    outer = set(pq.read_table(run / "predictions.parquet")["path"].to_pylist())
    inner = [read_predictions(run / str(number) / "inner.parquet") for number in range(3)]
    assert all(set(one.paths).isdisjoint(outer) for one in inner)
    assert all(len(one.paths) + len(outer) == read(run / "data_report.json")["photos"] for one in inner)
    test = compare_said(inner[1], inner[0], "zero-shot", "gda")
    assert not (test.differs and test.difference.value < 0)
    thawline("export", run)
    bundle = package.load(run / "bundle", device="cpu")
    assert bundle.manifest["run"]["method"] == "zero_shot"
    wanted = read_predictions(run / "predictions.parquet")
    told = [list(one.probabilities.values()) for one in bundle.predict([sample / path for path in wanted.paths])]
    np.testing.assert_allclose(told, wanted.probabilities, atol=1e-5)


@pytest.mark.long
def test_without_text_what_needs_it_is_left_out_and_depths_are_tried(thawline, sample, weights):
    words = (
        f"encoder.weights={weights}",
        "encoder.size=64",
        "encoder=mobilenetv2_035",
        "data.classes=[birthday,wedding]",
    )
    auto = ("method.methods=[zero_shot,clap,gda]", "method.thaw=[1]", "refit=true")
    said = thawline("train", sample, *words, *FAST, *auto)
    assert (
        "not tried: method=zero_shot, method=clap (compares photos with text, but encoder 'mobilenetv2_035' has none; "
        "use encoder=clip, or method=linear or logistic)"
    ) in " ".join(said.split())
    [run] = thawline.runs("sweep")
    chosen = read(run / "chosen.json")
    assert set(chosen["left_out"]) == {"method=zero_shot", "method=clap"}
    assert {one["setting"] for one in chosen["candidates"]} == {"method=gda", "method=finetune thaw=1"}
    assert read(run / "sweep.json")["winner"] in (0, 1)
    winner = run / str(read(run / "sweep.json")["winner"])
    assert (winner / "folds" / "all" / "tail.safetensors").exists()  # the model to use


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("thaw=2",), "method=auto chooses what thaws among method.thaw; give method.thaw=[2] in place of thaw=2"),
        (
            ("method.methods=[trees]",),
            "no method suits: method=trees: method=trees is not for task=events; add task=genre",
        ),
    ],
)
def test_what_is_no_choice_is_refused(thawline, sample, words, sentence):
    assert sentence in thawline.refused("train", sample, "encoder=tiny_clip", *FAST, *words)
    assert not (thawline.directory / "outputs").exists()
