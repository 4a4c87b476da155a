"""What a run sends to W&B is what its `metrics.json` says, for each kind of classes."""

from dataclasses import replace

import numpy as np
from omegaconf import OmegaConf
from rich.console import Console
from tests.reports.made import FACTS, predictions
from tests.runs.readback import read_offline_runs

from thawline.commands.results import save_results, save_trial
from thawline.files import read_json
from thawline.runs.directory import RunDirectory
from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.predictions import Tags
from thawline.runs.settings import LoggerSettings
from thawline.tasks.running import show_results

INTERVAL = {"value": "", "low": "/low", "high": "/high"}


def interval(read, figure):
    """A figure with its interval as W&B's summary has it."""
    return {key: read.summary[f"{figure}{end}"] for key, end in INTERVAL.items()}


def mirror(tmp_path, said, *, task="events", trial=False, **facts):
    """The W&B run of a run that said `said`, and its `metrics.json`."""
    settings = LoggerSettings("wandb")
    about = {"name": "run", "verb": "train", "config": {}, "group": None, "tags": []}
    with (
        RunDirectory(tmp_path / "run", "train", OmegaConf.create({})) as run,
        mirrored(settings, run.path, **about) as wandb,
    ):
        if trial:
            save_trial(run, said, {**FACTS, **facts})
        else:
            save_results(run, said, {**FACTS, **facts}, Console(quiet=True), task)
        show_results(wandb, run, said, settings, None)
    [read] = read_offline_runs(run.path)
    return read, read_json(run.path / "metrics.json")


def test_numbers_have_their_intervals_and_stand_beside_the_baselines_and_the_test(tmp_path):
    read, metrics = mirror(tmp_path, predictions(30, classes=("a", "b", "c")))
    for part, prefix in (("judged", ""), ("judged_baseline", "baseline/")):
        for figure in ("accuracy", "macro_f1"):
            assert interval(read, f"{prefix}{figure}") == metrics[part][figure]
    assert interval(read, "recall/b") == metrics["judged"]["per_class"]["b"]["recall"]
    assert interval(read, "test/difference") == metrics["test"]["difference"]
    assert read.summary["test/p_value"] == metrics["test"]["p_value"]
    assert read.summary["confusion_table.nrows"] == 9


def test_of_two_classes_there_are_auc_and_average_precision_and_the_runs_own_decision(tmp_path):
    said = predictions(30)
    decided = np.where(np.arange(40) < 4, 0, said.probabilities.argmax(axis=1))
    examined = {"majority": {"answer": "beach"}, "by_difficulty": {"hard": {"pairs": 9, "accuracy": None}}}
    pairs = {"zero_shot": None, "groups": "images", "set_aside": {}, "thresholds": {}}
    pairs |= {"retrieval": None, "learnt": None}
    read, metrics = mirror(tmp_path, replace(said, decided=decided), task="match", examined={**examined, **pairs})
    assert read.summary["accuracy"] == metrics["judged"]["accuracy"]["value"] == (decided == said.labels).mean()
    for figure in ("roc_auc", "average_precision"):
        assert interval(read, figure) == metrics["judged"][figure]
    assert read.summary["by_difficulty/hard/pairs"] == 9


def test_several_labels_have_their_own_figures_and_no_confusion_matrix(tmp_path):
    said = predictions(30, classes=("a", "b", "c"))
    true = np.eye(3, dtype=bool)[said.labels]
    tags = Tags(true, true | (np.arange(3) == 0), np.zeros_like(true) | (np.arange(3) == 1))
    read, metrics = mirror(tmp_path, replace(said, tags=tags))
    for figure in ("overlap", "micro_f1", "mean_average_precision"):
        assert interval(read, figure) == metrics["judged"][figure]
    assert not read.charts
    assert not any(key.startswith("confusion") for key in read.summary)


def test_what_a_trial_says_is_of_its_inner_samples(tmp_path):
    read, metrics = mirror(tmp_path, predictions(30), trial=True)
    assert read.summary["inner/accuracy"] == metrics["inner"]["accuracy"]["value"] == 0.75
    assert read.summary["inner/baseline/accuracy"] == metrics["inner_baseline"]["accuracy"]["value"]
    assert read.summary["inner/test/p_value"] == metrics["inner_test"]["p_value"]
    assert "accuracy" not in read.summary
