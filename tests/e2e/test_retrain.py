"""`thawline retrain RUN [DATA] out=BUNDLE`: a run's settings on the data as they are now, and what keeps the bundle."""

import csv
import json
import shutil
from dataclasses import replace

import pytest

from thawline.bundles.manifest import read_manifest
from thawline.commands import retraining
from thawline.errors import RunError
from thawline.judging.intervals import Estimate
from thawline.judging.paired import compare
from thawline.runs.predictions import read_predictions

LOGISTIC = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "method=logistic", "method.c=[1]", "cv=3")

pytestmark = pytest.mark.usefixtures("shared_store")


@pytest.fixture
def few(photos):
    """The photos without those whose names end in 5, which are kept beside: (folder, those that are to come)."""
    later = photos.parent / "later"
    moved = sorted(path for path in photos.glob("*/*5.jpg"))
    for path in moved:
        there = later / path.relative_to(photos)
        there.parent.mkdir(parents=True, exist_ok=True)
        path.rename(there)
    assert moved
    return photos, later


def record(run):
    return json.loads((run / "retrain.json").read_text())


def test_a_month_after_another(thawline, few):
    photos, later = few
    thawline("train", photos, *LOGISTIC)
    (first,) = thawline.runs()
    (thawline.directory / "gates.yaml").write_text("by: value\naccuracy: 0.999\n")
    said = thawline("retrain", first, "out=Model", "gates=gates.yaml", status=1)
    assert "1 of 1 gates missed: accuracy is" in said
    assert "nothing was written" in said
    assert not (thawline.directory / "Model").exists()
    (thawline.directory / "gates.yaml").write_text("by: value\naccuracy: 0.5\n")

    # The same data: the same model, which is no worse, and promises what that in use does.
    thawline("export", first, "out=Model", "max_error=0.4")
    said = thawline("retrain", first, "out=Model", "gates=gates.yaml")
    second = thawline.runs()[-1]
    assert second.name.startswith("retrain_")
    assert (second / "predictions.parquet").read_bytes() == (first / "predictions.parquet").read_bytes()
    assert read_manifest(thawline.directory / "Model")["run"]["name"] == second.name
    assert [one["verdict"] for one in read_manifest(thawline.directory / "Model")["gates"]] == ["met"]
    decision = json.loads((thawline.directory / "Model" / "decision.json").read_text())
    assert decision["abstention"]["max_error"] == 0.4
    told = record(second)
    assert told["before"] == str(first)
    assert told["bundle"] == str(thawline.directory / "Model")
    assert told["test"]["only_a_right"] == told["test"]["only_b_right"] == 0

    # New photos, and one label that is corrected: compared with the bundle's run, on what neither was trained on.
    came = {path.relative_to(later).as_posix() for path in later.rglob("*.jpg")}
    shutil.copytree(later, photos, dirs_exist_ok=True)
    old = read_predictions(second / "predictions.parquet")
    with (thawline.directory / "corrections.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label"], [old.paths[0], "wedding"]])
    sealed = (thawline.directory / "Model" / "manifest.json").read_bytes()
    said = thawline("retrain", first, "out=Model", "gates=gates.yaml", "data.corrections=corrections.csv")
    third = thawline.runs()[-1]
    now = read_predictions(third / "predictions.parquet")
    assert came & set(now.paths)
    told = record(third)
    assert told["before"] == str(thawline.directory / "outputs" / "train" / second.name)
    labels = {path: now.classes[label] for path, label in zip(now.paths, now.labels, strict=True)}
    assert labels[old.paths[0]] == "wedding"
    fresh = len(set(now.paths) - set(old.paths))
    judged = told["test"]["samples"]
    assert len(old.paths) <= judged <= len(now.paths)
    assert f"neither model was trained on any of these {judged}; {judged - len(old.paths)} are new, and 1 have" in said
    assert 0 < judged - len(old.paths) <= fresh  # the others are like one that the model in use was trained on
    assert (thawline.directory / "Model" / "manifest.json").read_bytes() != sealed
    assert f"thawline export outputs/train/{second.name} out=Model max_error=0.4   takes it back" in said


def test_what_the_model_in_use_said_was_said_without_knowing_it(thawline, few):
    """Of what its run judged it is what that said out of fold; of new photos what its own model says."""
    photos, later = few
    thawline("train", photos, *LOGISTIC)
    (run,) = thawline.runs()
    shutil.copytree(later, photos, dirs_exist_ok=True)
    fitted = retraining.find_run_model(run, {})
    own = replace(fitted.settings)
    said = retraining.said_before(fitted, own, retraining.find_device("cpu"))
    old = read_predictions(run / "predictions.parquet")
    places = {path: i for i, path in enumerate(said.paths)}
    for i, path in enumerate(old.paths):
        assert said.probabilities[places[path]].tolist() == old.probabilities[i].tolist()
    new = {path for path, fold in zip(said.paths, said.folds, strict=True) if fold == "new"}
    assert new == set(said.paths) - set(old.paths)
    thawline("evaluate", run, photos, "logger=none")
    again = read_predictions(thawline.runs("evaluate")[-1] / "predictions.parquet")
    assert new == set(again.paths)
    for i, path in enumerate(again.paths):
        assert said.probabilities[places[path]].tolist() == again.probabilities[i].tolist()


def test_samples_are_known_by_their_content_under_other_names(thawline, few):
    """Rows of a data set move when others come before them; here names of photos do, and one is in another folder."""
    photos, later = few
    thawline("train", photos, *LOGISTIC)
    (run,) = thawline.runs()
    old = read_predictions(run / "predictions.parquet")
    moved = {}
    for name in old.paths:
        path = photos / name
        moved[name] = path.rename(path.with_name(f"moved {path.name}")).relative_to(photos).as_posix()
    came = sorted(later.glob("*/*.jpg"))
    for path in came:  # a new photo gets the name that another one had, if it can
        name = next((old for old in moved if old.rpartition("/")[0] == path.parent.name), None)
        shutil.copy(path, photos / (name or path.relative_to(later)))
        moved[f"taken {name}"] = moved.pop(name, None)
    fitted = retraining.find_run_model(run, {})
    said = retraining.said_before(fitted, fitted.settings, retraining.find_device("cpu"))
    places = {path: i for i, path in enumerate(said.paths)}
    for i, path in enumerate(old.paths):
        there = moved.get(path) or moved[f"taken {path}"]
        assert said.probabilities[places[there]].tolist() == old.probabilities[i].tolist()
    told = " ".join(thawline("retrain", run, "out=Model").split())
    assert 0 < said.folds.count("new") <= len(came)
    assert f"any of these {len(said.paths)}; {said.folds.count('new')} are new, and 0 have another label now" in told


@pytest.mark.parametrize(("right", "refused"), [(0, True), (8, False), (16, False)])
def test_what_is_told_to_be_worse_is_refused(right, refused):
    """Of 16 photos the one in use knows 8; no gate is given."""
    said = [1] * right + [0] * (16 - right)
    test = compare([1] * 16, said, [1] * 8 + [0] * 8, range(16), name_a="new", name_b="used")
    assert isinstance(test.difference, Estimate)
    if refused:
        with pytest.raises(RunError, match=r"used is better than new by 50.0 points .*; Model stays"):
            retraining.refuse(test, None, "; Model stays")
    else:
        retraining.refuse(test, None, "; Model stays")
    with pytest.raises(RunError, match=r"no sample was judged by both models.*begin with a run with cv=5"):
        retraining.refuse(None, None, "; Model stays")


def test_wrong_use_is_one_sentence_and_trains_nothing(thawline, few, tmp_path):
    photos, later = few
    thawline("train", photos, *LOGISTIC)
    (run,) = thawline.runs()
    assert "Mandatory" not in thawline.refused("retrain", run)
    (thawline.directory / "gates.yaml").write_text("recall: {nowhere: 0.9}\n")
    assert "there is no class nowhere" in thawline.refused("retrain", run, "out=Model", "gates=gates.yaml")
    assert "holds something else than a bundle" in thawline.refused("retrain", run, f"out={photos}")
    shutil.copytree(next(later.iterdir()), photos / "nikah")
    assert "has the class 'nikah', which the model does not know" in thawline.refused("retrain", run, "out=Model")
    shutil.rmtree(photos / "nikah")
    photos.rename(tmp_path / "moved")
    assert f"thawline retrain {run} data.path=NEW" in thawline.refused("retrain", run, "out=Model")
    assert thawline.runs() == [run]
    thawline("retrain", run, tmp_path / "moved", "out=Model")
    shutil.rmtree(thawline.runs()[-1])
    refused = thawline.refused("retrain", run, tmp_path / "moved", "out=Model")
    assert "is of the run retrain_" in refused
