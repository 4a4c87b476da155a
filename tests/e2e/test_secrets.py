"""Fifty secrets planted under telling keys: none in any file or on screen. What is none is kept as it is."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.conftest import FAST, enter
from tests.runs.readback import read_offline_runs

from thawline.runs.directory import mark_ended, read_config, read_status

NAMES = ("token", "api_key", "password", "client_secret", "key")
GROUPS = ("logger", "data", "trainer", "method", "encoder", "store", "paths")


@pytest.fixture
def planted():
    """Makes random values, and keeps them."""
    values = []

    def plant():
        values.append(secrets.token_hex(12))
        return values[-1]

    plant.values = values
    return plant


def found(text, values):
    return [value for value in values if value in text]


def test_refusals_do_not_repeat_a_secret(thawline, tmp_path, planted):
    said = [
        thawline.refused("train", tmp_path, f"+{group}.{NAMES[i % 5]}={planted()}") for i, group in enumerate(GROUPS)
    ]
    said += [thawline.refused("train", tmp_path, f"{group}={{token: {planted()}}}") for group in ("seed", "thaw")]
    said += [
        thawline.refused("train", tmp_path, f"+encoder.model_args={{token: {planted()}, _target_: x}}"),
        thawline.refused("train", tmp_path, f"api_key={planted()}", "-m", "seed=0,1"),
        thawline.refused("train", tmp_path, f"api_key=[{planted()}"),
        thawline.refused(
            "train", tmp_path, f"+hydra.help.password={planted()}", "hydra.run.dir='${hydra.help.password}'"
        ),
        thawline.refused("train", tmp_path, f"+hydra.help.password={planted()}", "data.path=x"),
    ]
    own = thawline.directory / "conf" / "experiment"
    own.mkdir(parents=True)
    for i, text in enumerate(("logger: {%s: %s}", "prompts: {templates: [{%s: %s}]}", "seed: {%s: %s}")):
        (own / f"e{i}.yaml").write_text("# @package _global_\n" + text % (NAMES[i], planted()))
        said.append(thawline.refused("train", tmp_path, f"experiment=e{i}"))
    bearer = planted()
    said.append(thawline.refused("train", tmp_path, f"+logger.auth_header='Bearer {bearer}'"))
    said.append(thawline.refused("train", tmp_path, f"+logger.note='Bearer {bearer}'"))
    said.append(thawline.refused("train", tmp_path, f"logger.group={{a: 'https://me:{planted()}@host'}}"))
    shown = thawline("train", tmp_path, f"+hydra.help.api_key={planted()}", "--cfg", "all")
    assert "***" in shown
    told = thawline("train", tmp_path, f"+hydra.help.api_key={planted()}", "--cfg", "all", "--json")
    assert json.loads(told)["shown"]["hydra"]["help"]["api_key"] == "***"
    assert not found("\n".join([*said, shown, told]), planted.values)
    assert not list((thawline.directory / "outputs").rglob("*.*"))


# A run and a sweep in one process, which imports the libraries once.
BOTH = """
import sys
from thawline.cli import main
for more in ([], ["-m", "method.lr=1e-3,1e-2"]):
    main([*sys.argv[1:], *more])
"""


@pytest.mark.long
def test_no_secret_is_in_any_file_of_a_run_and_of_a_sweep(thawline, sample, planted):
    environment = {f"SERVICE{i}_{name.upper()}": planted() for i in range(3) for name in NAMES}
    environment |= {"WANDB_API_KEY": secrets.token_hex(20), "HF_TOKEN": planted()}
    planted.values.append(environment["WANDB_API_KEY"])
    words = (
        *("encoder=tiny_clip", "method=linear", "method.epochs=2", "trainer=cpu"),
        f"+hydra.help.api_key={planted()}",
        "prompts.templates=['a {label} ${oc.env:SERVICE0_TOKEN}']",
        "logger.tags=['${oc.env:SERVICE1_TOKEN}']",
        f"logger.project=p-{environment['SERVICE2_TOKEN']}",
    )
    command = [sys.executable, "-c", BOTH, "train", str(sample), *words]
    done = subprocess.run(
        command, cwd=thawline.directory, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not found(done.stdout + done.stderr, planted.values)
    files = [path for path in thawline.directory.rglob("*") if path.is_file()]
    files += [path for path in Path(os.environ["THAWLINE_STORE"]).rglob("*") if path.is_file()]
    for verb, runs in (("train", 1), ("sweep", 3)):  # the sweep itself is a run of W&B too
        logs = [path for path in files if path.suffix == ".wandb" and verb in path.parts]
        assert len(logs) == runs
    (run,) = thawline.runs()
    assert "project: p-${oc.env:SERVICE2_TOKEN}\n" in (run / "config.yaml").read_text()
    assert read_offline_runs(run)[0].about["project"] == "p-***"
    held = {str(path): found(path.read_bytes().decode("latin-1"), planted.values) for path in files}
    assert not {path: values for path, values in held.items() if values}


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_the_working_directory_is_no_secret(thawline, sample, monkeypatch, tmp_path):
    """`PWD` holds the folder that the photos lie in; what a run keeps is used from another folder."""
    photos = shutil.copytree(sample, thawline.directory / "Photos")
    words = ("Photos", "encoder=tiny_clip", "method=logistic", *FAST)
    missing = thawline.refused("train", "Photo", *words[1:])
    assert str(thawline.directory / "Photo") in missing
    thawline("train", *words)
    thawline("train", "-m", *words, "seed=0,1")
    (run,), (sweep,) = thawline.runs(), thawline.runs("sweep")
    for config in (read_config(run), read_config(sweep), read_config(sweep / "1")):
        assert config.data.path == str(photos)
    whole = (sweep / "predictions.parquet").read_bytes()
    shutil.rmtree(sweep / "1")

    enter(monkeypatch, tmp_path / "another folder with quite a long name")
    thawline("evaluate", run, *FAST[1:])
    assert "inner photos: log-loss" in thawline("export", run)
    mark_ended(run, "interrupted", "SIGTERM")
    thawline("train", run)
    thawline("train", sweep)
    assert [read_status(each)["status"] for each in (run, sweep, sweep / "1")] == ["finished"] * 3
    assert (sweep / "predictions.parquet").read_bytes() == whole


@pytest.mark.usefixtures("shared_store")
def test_a_secret_of_the_mirror_is_asked_for_by_what_mirrors_alone(thawline, sample, monkeypatch, planted):
    """`***` and an unset variable in the run's config: it is judged, exported, compared and refitted all the same."""
    monkeypatch.setenv("TRACKER_TOKEN", planted())
    words = ("encoder=tiny_clip", "method=logistic", "cv=2", "refit=false", *FAST)
    mirror = (f"logger.project=p-{planted.values[0]}", "logger.tags=['${oc.env:TRACKER_TOKEN}']")
    thawline("train", sample, *words, *mirror, f"logger.group='Bearer {planted()}'")
    (run,) = thawline.runs()
    monkeypatch.delenv("TRACKER_TOKEN")
    logger = read_config(run)._get_node("logger")
    assert logger._get_node("project")._value() == "p-${oc.env:TRACKER_TOKEN}"
    assert logger.group == "***"
    thawline("train", run, "refit=true")
    thawline("evaluate", run, *FAST[1:])
    thawline("export", run)
    thawline("compare", run)
    mark_ended(run, "interrupted", "SIGTERM")
    assert "the setting 'logger.group' is a secret, which was not saved" in thawline.refused("train", run)
    assert thawline.refused("train", run, "logger.group=mine") == (
        "the run's setting 'logger.project' takes TRACKER_TOKEN from the environment, which is not set; set it again"
    )
    monkeypatch.setenv("TRACKER_TOKEN", planted.values[0])
    thawline("train", run, "logger.group=mine")
