"""A trial that is watched, fold by fold."""

import time

from thawline.commands.app import settings_of
from thawline.commands.line.composing import begin, compose, of_run
from thawline.commands.sweeps.scoring import score_read
from thawline.encoders.device import find_device
from thawline.runs.directory import RunDirectory
from thawline.tasks.capabilities import task_reader
from thawline.tasks.planning import plan_run


class Heard:
    def __init__(self):
        self.said = []

    def epoch(self, fold, epoch, loss):
        self.said.append((fold, epoch))

    def fold(self, fold, score):
        self.said.append((fold, "ended"))


def test_who_watches_hears_of_each_fold_before_the_next_one_is_fitted(sample, shared_store, tmp_path):
    words = [f"data.path='{sample}'", "encoder=tiny_clip", "method=linear", "method.epochs=2", "cv=2", "trainer=cpu"]
    words += ["logger=none", f"paths.run='{tmp_path / 'sweep' / '0'}'"]
    settings = settings_of("train", words)
    problem = task_reader("events")(settings, find_device("cpu"))
    heard = Heard()
    with RunDirectory(tmp_path / "sweep" / "0", "train", of_run(begin(compose("train", words)))) as run:
        score_read(problem, plan_run(problem, settings), run, None, time.perf_counter(), watch=heard)
    assert heard.said == [(fold, what) for fold in ("fold0", "fold1") for what in (0, 1, "ended")]
