"""`thawline curve`: by real runs on the sample, whose features are in the store."""

import json
import shutil

import pytest

from thawline.cli import main
from thawline.samples.events import make_events

QUICK = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "cv=3")


@pytest.fixture(scope="module")
def learner(tmp_path_factory, filled_store):
    """Photos of three classes and a run that fitted a head to them in closed form; nobody changes them."""
    root = tmp_path_factory.mktemp("learner")
    made = make_events(root / "all", photos_per_class=40, seed=1)
    (root / "photos").mkdir()
    for label in made.classes[:3]:
        shutil.move(made.root / label, root / "photos" / label)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("THAWLINE_STORE", str(filled_store))
        main(["train", str(root / "photos"), "method=gda", "method.folds=2", *QUICK])
    (run,) = (root / "outputs" / "train").iterdir()
    return root / "photos", run


@pytest.mark.usefixtures("shared_store")
def test_it_says_what_more_photos_would_do_and_computes_no_feature(thawline, learner, tmp_path):
    photos, run = learner
    names = sorted(path.name for path in photos.iterdir())
    (thawline.directory / "gates.yaml").write_text(f"accuracy: 0.9999\nrecall: {{{names[0]}: 0.05, {names[1]}: 0.9}}\n")
    words = ("draws=2", "gates=gates.yaml", f"out={tmp_path / 'curve'}")
    before = sorted(path for path in run.rglob("*"))
    printed = thawline("curve", run, *words)
    assert "features 0 computed" in printed
    said = json.loads((tmp_path / "curve" / "learning_curve.json").read_text())
    judged = json.loads((run / "metrics.json").read_text())["judged"]
    figures = {(one["figure"], one["class"]): one for one in said["figures"]}
    assert figures["accuracy", None]["whole"] == judged["accuracy"]
    assert figures["recall", names[0]]["values"][-1] == pytest.approx(judged["per_class"][names[0]]["recall"]["value"])
    assert said["samples"] == judged["samples"]
    first, second, third = said["gates"]
    assert second["verdict"] == "met"
    assert first["verdict"] == "far"  # the lower bound of so few photos lies below, and of ten times as many
    assert "accuracy: not with 10 times as many photos" in printed
    assert third["verdict"] == "more"
    assert third["samples"] == said["by_class"][names[1]]
    assert f"recall of {names[1]}: about {third['more']} more photos of {names[1]} [" in printed
    assert (tmp_path / "curve" / "learning_curve.png").exists()
    assert sorted(path for path in run.rglob("*")) == before
    again = (tmp_path / "curve" / "learning_curve.json").read_bytes()
    thawline("curve", run, *words)
    assert (tmp_path / "curve" / "learning_curve.json").read_bytes() == again


def test_what_is_not_stored_is_not_computed(thawline, learner):
    _, run = learner
    said = thawline.refused("curve", run)
    assert "has no features of " in said
    assert "train once more" in said


@pytest.mark.usefixtures("shared_store")
def test_wrong_use_is_one_sentence(thawline, learner, tmp_path):
    photos, run = learner
    gates = thawline.directory / "gates.yaml"
    gates.write_text("recall: {nowhere: 0.9}\n")
    assert "there is no class nowhere" in thawline.refused("curve", run, "gates=gates.yaml")
    assert "draws=1 must be 2 to 100" in thawline.refused("curve", run, "draws=1")
    gates.write_text("by: value\nroc_auc: 0.9\n")
    assert "roc_auc can't be forecast; what can be is accuracy" in thawline.refused("curve", run, "gates=gates.yaml")
    main(["train", str(photos), *QUICK, "method=zero_shot", f"paths.outputs={tmp_path / 'zero'}"])
    (nothing,) = (tmp_path / "zero" / "train").iterdir()
    assert "method=zero_shot learns nothing" in thawline.refused("curve", nothing)
    shutil.copytree(photos, few := tmp_path / "few")
    for folder in few.iterdir():
        for photo in sorted(path for path in folder.rglob("*") if path.is_file())[14:]:
            photo.unlink()
    main(["train", str(few), *QUICK, "method=gda", "method.folds=2", "cv=2", f"paths.outputs={tmp_path / 'small'}"])
    (small,) = (tmp_path / "small" / "train").iterdir()
    assert "a curve needs 12 groups of each class" in thawline.refused("curve", small)
    assert "its samples are not what they were" in thawline.refused("curve", run, f"data.path={few}")
