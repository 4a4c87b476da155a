"""A task of one's own is a folder and a conf file: a copy of that of photos does all it does, under its own name."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

import thawline as package
from thawline import tasks

NAME = "outings"
FAST = (f"task={NAME}", "encoder=tiny_clip", "trainer=cpu", "logger=none")
ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime", "onnxscript"))


@pytest.fixture
def own(thawline, shared_store, tmp_path, monkeypatch):
    """The command where there is a task of the user's own."""
    (folder,) = (Path(place) / "events" for place in tasks.__path__)
    mine = tmp_path / "mine" / NAME
    shutil.copytree(folder, mine, ignore=shutil.ignore_patterns("__pycache__"))
    for path in mine.glob("*.py"):
        path.write_text(path.read_text(encoding="utf-8").replace("tasks.events", f"tasks.{NAME}"), encoding="utf-8")
    conf = thawline.directory / "conf" / "task" / f"{NAME}.yaml"
    conf.parent.mkdir(parents=True)
    conf.write_text(f"# @package _global_\ndefaults:\n  - /prompts: events\ntask: {NAME}\n", encoding="utf-8")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(mine.parent)])
    yield thawline
    for name in [name for name in sys.modules if name.startswith(f"{tasks.__name__}.{NAME}")]:
        del sys.modules[name]
    if hasattr(tasks, NAME):
        delattr(tasks, NAME)


@pytest.mark.long
def test_a_copy_of_a_task_trains_evaluates_exports_and_predicts_under_its_own_name(own, sample):
    assert "wedding" in own("data", "check", sample, f"task={NAME}")
    own("train", sample, *FAST, "method.epochs=2")
    (run,) = own.runs()
    assert own.metrics()["kind"] == "photos"
    own("evaluate", run, sample)
    own("export", run, "out=Bundle", *(["format=onnx"] if ONNX else []))
    decision = json.loads((own.directory / "Bundle" / "decision.json").read_text(encoding="utf-8"))
    assert (decision["task"], decision["head"]) == (NAME, "prompts")
    assert (own.directory / "Bundle" / "vision.onnx").exists() == ONNX
    bundle = package.load(own.directory / "Bundle")
    assert bundle.task == NAME
    photo = next((sample / "wedding").rglob("*.jpg"))
    own("predict", "Bundle", photo, "out=said.jsonl")
    (said,) = map(json.loads, (own.directory / "said.jsonl").read_text(encoding="utf-8").splitlines())
    assert said["label"] == next(iter(bundle.predict([photo]))).label
    assert NAME in own("compare", run, "out=page.html") + (run / "config.yaml").read_text(encoding="utf-8")


def test_other_methods_and_sweeps_take_it_too(own, sample):
    own("train", sample, *FAST, "method=zero_shot")
    own("train", sample, *FAST, "method=logistic", "method.c=[1]", "cv=2")
    own("train", sample, *FAST, "method=logistic", "method.c=[1]", "-m", "seed=0,1")
    assert own.metrics()["method"] == "logistic"
    (sweep,) = own.runs("sweep")
    assert (sweep / "sweep.json").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("method=trees",), f"method=trees is not for task={NAME}; add task=genre"),
        (("method=pairs",), "method=pairs is for pairs of images and texts; add task=match"),
        (("encoder=mel_cnn", "method=linear"), "encoder 'mel_cnn' hears sound; add task=genre, or use an encoder"),
        (("encoder=mobilenetv2",), "has none; use encoder=clip, or method=linear or logistic"),
        (("trainer.save_models=true",), "trainer.save_models=true writes a CLIP while it is trained, with task=match"),
    ],
)
def test_what_its_method_or_encoder_lacks_is_one_sentence(own, sample, words, sentence):
    assert sentence in own.refused("train", sample, *FAST, *words)


def test_a_capability_that_it_lacks_is_one_sentence(own, sample, monkeypatch):
    record = Path(tasks.__path__[-1]) / NAME / "task.py"
    lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
    record.write_text("".join(line for line in lines if not line.startswith(("    export=", "    check="))))
    assert own.refused("data", "check", sample, f"task={NAME}").startswith(f"task={NAME} has no check")
    own("train", sample, *FAST, "method=zero_shot")
    assert own.refused("export", own.runs()[-1]).startswith(f"task={NAME} has no export")
