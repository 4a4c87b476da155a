"""`export RUN max_error=` and `out_of_place=`, and what a bundle that does not always answer says."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf
from safetensors.numpy import load_file, save_file
from tests.e2e.test_evaluate_bundle import reseal

from thawline.decisions.temperature import calibrated
from thawline.errors import UserError
from thawline.tasks.bundle.load import load_bundle

pytestmark = pytest.mark.usefixtures("shared_store")


@pytest.fixture
def unsure(thawline, tuned):
    """A bundle that answers from 0.999 on."""
    run, _ = tuned
    thawline("export", run, "out=unsure", "max_error=0.49")
    bundle = thawline.directory / "unsure"
    decision = json.loads((bundle / "decision.json").read_text())
    decision["abstention"]["threshold"] = 0.999
    (bundle / "decision.json").write_text(json.dumps(decision))
    reseal(bundle)
    return bundle


def test_below_its_probability_it_says_unknown_whatever_is_shown(thawline, unsure, sample):
    photos = sorted(sample.glob("*/*.jpg"))[::6]
    for words in ((), ("calibrated=true",)):
        thawline("predict", unsure, *photos, "out=said.jsonl", *words)
        lines = [json.loads(line) for line in (thawline.directory / "said.jsonl").read_text().splitlines()]
        said = [one for one in lines if one["problem"] is None]
        rows = np.array([list(one["probabilities"].values()) for one in said], dtype=np.float32)
        at = rows if words else calibrated(rows, load_bundle(unsure).temperature)
        names = list(said[0]["probabilities"])
        wanted = [names[row.argmax()] if row.max() >= 0.999 else "unknown" for row in at]
        assert [one["label"] for one in said] == wanted
        assert "unknown" in wanted
        assert len(set(wanted)) > 2
        assert [one["probability"] for one in said] == pytest.approx(rows.max(axis=1).tolist())


def test_evaluate_says_how_much_it_answers_and_how_much_of_that_is_wrong(thawline, unsure, sample):
    printed = thawline("evaluate", unsure, sample, "logger=none")
    (run,) = thawline.runs("evaluate")
    examined = json.loads((run / "metrics.json").read_text())["examined"]
    assert examined["answers_from"] == 0.999
    assert 0 < examined["answered"]["value"] < 1
    assert f"answers {100 * examined['answered']['value']:.1f} [" in " ".join(printed.split())
    assert (run / "coverage.png").stat().st_size > 0


def test_export_says_what_it_promises_or_what_it_could(thawline, tuned):
    run, _ = tuned
    printed = " ".join(thawline("export", run, "out=new", "max_error=0.49").split())
    assert "at most 49 % will be (with 95 % confidence)" in printed
    assert "At most 49.0% of its answers are wrong" in " ".join(
        (thawline.directory / "new" / "README.md").read_text().split()
    )
    refused = thawline.refused("export", run, "out=other", "max_error=0.01")
    assert "max_error=0.01 can't be promised by 25 inner samples in" in refused
    assert "could be, with" in refused
    assert "above 0 and below 0.5" in thawline.refused("export", run, "out=other", "max_error=5")
    assert not (thawline.directory / "other").exists()


@pytest.fixture
def placed(thawline, tuned):
    """A bundle that was exported with `out_of_place=`."""
    run, _ = tuned
    thawline("export", run, "out=placed", "out_of_place=0.4")
    return thawline.directory / "placed"


def move_threshold(bundle, threshold):
    decision = json.loads((bundle / "decision.json").read_text())
    decision["out_of_place"]["threshold"] = threshold
    (bundle / "decision.json").write_text(json.dumps(decision))
    reseal(bundle)


def test_what_lies_beyond_its_distance_is_unknown_and_said_to_be_out_of_place(thawline, placed, sample):
    photos = sorted(sample.glob("*/*.jpg"))[::6]
    plain = list(load_bundle(placed).predict(photos))
    middle = float(np.median([one.distance for one in plain if one.problem is None]))
    move_threshold(placed, middle)
    thawline("predict", placed, *photos, "out=said.jsonl")
    lines = [json.loads(line) for line in (thawline.directory / "said.jsonl").read_text().splitlines()]
    names = load_bundle(placed).labels
    for line, before in zip(lines, plain, strict=True):
        if line["problem"] is None:
            away = before.distance > middle
            assert line["why"] == ("out of place" if away else None)
            best = max(names, key=line["probabilities"].__getitem__)
            assert (line["label"], line["distance"]) == ("unknown" if away else best, before.distance)
    assert {line["why"] for line in lines} == {None, "out of place"}
    # The same as a table and as golden cases.
    printed = thawline("predict", placed, *photos, "out=said.parquet")
    away = sum(line["why"] is not None for line in lines)
    assert f"unknown, out of place {away}" in " ".join(printed.split())
    table = pq.read_table(thawline.directory / "said.parquet").to_pylist()
    assert [(row["label"], row["why"], row["distance"]) for row in table] == [
        (line["label"], line["why"], line["distance"]) for line in lines
    ]
    cases = [{"file": line["path"], "expected": line["label"]} for line in lines if line["problem"] is None]
    (thawline.directory / "golden.yaml").write_text(json.dumps(cases))
    assert f"{len(cases)} of {len(cases)}" in thawline("evaluate", placed, "golden=golden.yaml")


def test_evaluate_says_how_many_are_out_of_place_and_which(thawline, placed, sample):
    move_threshold(placed, -1e9)
    printed = " ".join(thawline("evaluate", placed, sample, "logger=none").split())
    (run,) = thawline.runs("evaluate")
    metrics = json.loads((run / "metrics.json").read_text())
    examined = metrics["examined"]
    assert examined["out_of_place"]["value"] == 1
    assert len(examined["photos_out_of_place"]) == metrics["judged"]["samples"]
    assert examined["answered"]["value"] == 0
    assert examined["error_of_answered"] is None
    assert f"out of place: {metrics['judged']['samples']}, 100.0 [" in printed


def test_a_bundle_knows_its_distances_again(placed):
    made = json.loads((placed / "golden.json").read_text())
    assert len(made["made"]["distances"]) == 4
    assert all(isinstance(photo["distance"], float) for photo in made["photos"])
    assert load_bundle(placed).check() < 1e-4
    arrays = load_file(placed / "surroundings.safetensors")
    save_file({**arrays, "mean": arrays["mean"] + 0.1}, placed / "surroundings.safetensors")
    reseal(placed)
    assert load_bundle(placed).check() > 1e-3
    save_file({"mean": arrays["mean"]}, placed / "surroundings.safetensors")
    reseal(placed)
    with pytest.raises(UserError, match=r"placed is not used: .*within\.directions"):
        load_bundle(placed)


def test_export_says_how_many_photos_of_the_classes_are_called_out_of_place(thawline, tuned):
    run, _ = tuned
    printed = " ".join(thawline("export", run, "out=new", "out_of_place=0.4", "max_error=0.49").split())
    assert "inner photos" in printed
    assert "at most 40 % of photos of the classes will be (with 95 % confidence)" in printed
    card = " ".join((thawline.directory / "new" / "README.md").read_text().split())
    assert "At most 49.0% of its answers are wrong" in card
    assert "is out of place, and `unknown` too: of 25 inner photos" in card
    refused = thawline.refused("export", run, "out=other", "out_of_place=0.01")
    assert "out_of_place=0.01 can't be promised by 25 inner photos in" in refused
    assert "out_of_place=5 must be above 0 and below 0.5" in thawline.refused("export", run, "out_of_place=5")
    assert not (thawline.directory / "other").exists()


def test_out_of_place_needs_the_photos_of_the_run(thawline, tuned, tmp_path):
    run, _ = tuned
    copy = shutil.copytree(run, tmp_path / "run")
    config = OmegaConf.load(copy / "config.yaml")
    config.data.path = str(tmp_path / "gone")
    OmegaConf.save(config, copy / "config.yaml")
    assert "out_of_place=0.4 can't be fitted: " in thawline.refused("export", copy, "out=x", "out_of_place=0.4")
