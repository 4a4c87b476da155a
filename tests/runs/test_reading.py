"""Each file of a run directory, damaged: one sentence that names the file."""

import json

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from thawline.errors import UserError
from thawline.fitting.fit import read_fit
from thawline.fitting.lightning.checkpoints import load_checkpoint
from thawline.fitting.lightning.history import read_history
from thawline.runs.directory import RunDirectory, mark_failed, read_config, read_status
from thawline.runs.finished import finished_run
from thawline.runs.predictions import Predictions, read_predictions, write_predictions
from thawline.runs.reading import read_record, reading
from thawline.runs.split import SplitRow, covering_split, read_split_rows, write_split
from thawline.runs.sweep import read_sweep, read_trial

READERS = {
    "config.yaml": lambda path: read_config(path.parent),
    "status.json": lambda path: read_status(path.parent),
    "metrics.json": lambda path: finished_run(path.parent)[1]["judged"],
    "predictions.parquet": read_predictions,
    "split.csv": read_split_rows,
    "sweep.json": lambda path: read_sweep(path.parent, "winner"),
    "0/status.json": lambda path: read_trial(path.parents[1], 0),
    "0/metrics.json": lambda path: read_trial(path.parents[1], 0).facts["inner"]["accuracy"],
    "0/trial.json": lambda path: read_trial(path.parents[1], 0),
    "chosen.json": lambda path: read_fit(path.parent),
    "tail.safetensors": lambda path: read_fit(path.parent),
    "history.csv": read_history,
    "last.ckpt": load_checkpoint,
}
DAMAGES = {"empty": b"", "bytes": b"\xff\xfe\x00\x01 no text", "list": b"[1]", "text": b"said\n", "nul": b"\0" * 40}
# A method may have chosen nothing; any text is YAML, half of a config one, and half a table of epochs one.
HARMLESS = {
    ("chosen.json", "record"),
    ("config.yaml", "half"),
    ("config.yaml", "text"),
    ("history.csv", "half"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The content of each file, sound."""
    root = tmp_path_factory.mktemp("run")
    with RunDirectory(root, "train", OmegaConf.create({"seed": 0, "method": {"fit": "logistic"}})):
        pass
    one = np.array([0])
    write_predictions(
        root / "predictions.parquet",
        Predictions(("a",), one, one, ("holdout",), np.array([[0.5, 0.5]], np.float32), one, ("x", "y")),
    )
    write_split(root / "split.csv", [SplitRow(name, "", "", "x", 0, "holdout") for name in "abcdef"])
    (root / "metrics.json").write_text(json.dumps({"judged": {}}))
    (root / "sweep.json").write_text(json.dumps({"words": [], "winner": 0}))
    (root / "chosen.json").write_text("{}")
    torch.save({"state_dict": {}}, root / "last.ckpt")
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, root / "tail.safetensors")
    (root / "history.csv").write_text("epoch,train_loss\n0,1.5\n1,1.0\n")
    trial = root / "0"
    with RunDirectory(trial, "train", OmegaConf.create({"seed": 0})):
        pass
    (trial / "metrics.json").write_text(json.dumps({"inner": {"accuracy": {"value": 1.0}}}))
    (trial / "trial.json").write_text(json.dumps({"overrides": []}))
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def run(whole, tmp_path):
    """A sound run directory of one's own."""
    for name, content in whole.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_named_in_one_sentence(run, whole, name):
    path = run / name
    READERS[name](path)  # it is sound
    for damage, content in [*DAMAGES.items(), ("half", whole[name][: len(whole[name]) // 2]), ("record", b"{}")]:
        path.write_bytes(content)
        if (name, damage) in HARMLESS:
            READERS[name](path)
            continue
        with pytest.raises(UserError) as caught:
            READERS[name](path)
        said = str(caught.value)
        assert said.startswith(f"{path} is "), damage
        assert "\n" not in said
        assert "; restore it from a copy" in said or "; delete " in said
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        READERS[name](path)
    assert caught.value.filename == str(path)


def test_a_split_that_lost_its_end_at_a_line_is_noticed(run):
    with pytest.raises(UserError, match=r"split.csv is damaged \(it lacks g, which the run judged\)"):
        covering_split(run / "split.csv", ["a", "g"])
    assert [row.path for row in covering_split(run / "split.csv", ["a"])] == list("abcdef")


def test_a_key_that_is_looked_up_in_vain_at_any_depth_is_the_file_s_damage(tmp_path):
    (tmp_path / "x.json").write_text('{"a": {"b": [{"c": 1}]}}')
    found = read_record(tmp_path / "x.json", "a")
    assert found == {"a": {"b": [{"c": 1}]}}
    with pytest.raises(UserError, match=r"x.json is damaged \(it lacks 'd'\)"):
        found["a"]["b"][0]["d"]
    assert found["a"].get("d") is None


def test_a_run_whose_status_is_damaged_can_still_be_marked(run):
    (run / "status.json").write_text('{"status": "runn')
    mark_failed(run, "it was killed")
    assert (read_status(run)["status"], read_status(run)["reason"]) == ("failed", "it was killed")


def test_what_the_system_refuses_stays_its_own(tmp_path):
    with pytest.raises(FileNotFoundError), reading(tmp_path / "x"):
        (tmp_path / "x").read_text()
