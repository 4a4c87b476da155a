"""What a run leaves behind: its own figures and its baseline's, and the samples that it called wrong."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from rich.console import Console
from tests.reports.made import FACTS, predictions

from thawline.commands.results import save_results
from thawline.files import read_json
from thawline.runs.directory import RunDirectory
from thawline.runs.predictions import Tags
from thawline.runs.settings import LoggerSettings
from thawline.targets.predicted import judge_baseline, judge_said
from thawline.tasks.running import show_results

THREE = ("beach", "party", "wedding")


class Kept:
    """A mirror that keeps what it is given."""

    def __init__(self):
        self.numbers, self.counts, self.pictures = {}, None, []

    def summary(self, values):
        self.numbers |= values

    def confusion(self, counts, classes):
        self.counts = counts

    def mistakes(self, pictures):
        self.pictures = pictures


@pytest.fixture
def leave(tmp_path):
    """Leave a run behind that said these predictions: its directory, and what its mirror was given."""

    def run(said, thumbnails=3, task="events", **facts):
        mirror = Kept()
        with RunDirectory(tmp_path / "run", "train", OmegaConf.create({})) as run:
            save_results(run, said, FACTS | facts, Console(quiet=True), task)
            show_results(mirror, run, said, LoggerSettings("wandb", thumbnails=thumbnails), "photos")
        return run.path, mirror

    return run


def decided(said):
    """The same with a decision of its own, for the second class from 0.2 on."""
    return replace(said, decided=(said.probabilities[:, 1] >= 0.2).astype(np.int64))


def test_the_csv_has_the_figures_of_the_run_and_those_of_its_baseline(leave):
    said = decided(predictions(30))
    path, _ = leave(said)
    rows = {row["name"]: row for row in csv.DictReader((path / "metrics.csv").open(newline=""))}
    assert judge_said(said).accuracy.value == 0.5 != judge_said(replace(said, decided=None)).accuracy.value
    for prefix, judgement in (("", judge_said(said)), ("baseline/", judge_baseline(said))):
        for name, *numbers in judgement.rows():
            found = [rows[prefix + name][key] for key in ("value", "low", "high")]
            assert found == ["" if number is None else str(number) for number in numbers]
    assert rows["recall/wedding"]["value"] == "1.0"
    assert rows["baseline/recall/wedding"]["value"] == "0.0"


def test_the_worst_mistakes_are_those_of_the_runs_own_decision(leave):
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.1, 0.9], [0.8, 0.2], [0.95, 0.05]])
    said = predictions(6, samples=6, paths=[f"{i}.jpg" for i in range(6)])
    said = decided(replace(said, labels=np.array([0, 0, 1, 0, 0, 1]), probabilities=probabilities.astype(np.float32)))
    _, mirror = leave(said)
    assert said.said.tolist() == [0, 1, 1, 1, 1, 0]
    assert mirror.pictures == [
        (Path("photos/5.jpg"), "wedding, called beach with 95 %"),
        (Path("photos/3.jpg"), "beach, called wedding with 90 %"),
        (Path("photos/1.jpg"), "beach, called wedding with 30 %"),
    ]
    assert mirror.counts.tolist() == [[1, 3], [1, 1]]
    assert mirror.numbers["accuracy"] == judge_said(said).accuracy.value == 2 / 6


def test_of_several_labels_the_worst_overlap_least(leave):
    true = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, 1]], dtype=bool)
    marked = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]], dtype=bool)
    probabilities = np.array([[0.9, 0.9, 0.1], [0.9, 0.9, 0.1], [0.4, 0.4, 0.4], [0.1, 0.9, 0.1]], np.float32)
    said = predictions(4, samples=4, classes=THREE, paths=["a", "b", "c", "d"])
    said = replace(said, probabilities=probabilities, tags=Tags(true, marked, np.ones_like(true)))
    path, mirror = leave(said)
    assert [caption for _, caption in mirror.pictures] == [
        "beach, wedding, called party",  # further off than the next, and as little overlap
        "party, wedding, called nothing",
        "beach, called beach, party",
    ]
    assert mirror.counts is None
    assert not (path / "confusion.png").exists()
    assert mirror.numbers["overlap"] == judge_said(said).score.value == (1 + 0.5 + 0 + 0) / 4


def test_what_a_task_examines_and_shows_nobody_is_written_all_the_same(leave):
    path, _ = leave(predictions(30), task="genre", examined={"oldest": 3})
    assert read_json(path / "metrics.json")["examined"] == {"oldest": 3}
