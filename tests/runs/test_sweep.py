import dataclasses
import errno
import json
import sqlite3
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from thawline.errors import RunError, UserError
from thawline.files import write_json
from thawline.runs.directory import SWEEP_FILE, RunDirectory, mark_failed, read_status
from thawline.runs.ends import lacked_resources, reason_of
from thawline.runs.predictions import Predictions, join_predictions, write_predictions
from thawline.runs.signals import Stopped
from thawline.runs.sweep import INNER_FILE, is_sweep_directory, read_trial, read_trials, write_overrides

CONFIG = OmegaConf.create({"seed": 0})


def predictions(paths, folds, shift=0):
    """Rows that can be told apart in every column."""
    numbers = np.arange(len(paths)) + shift
    return Predictions(
        paths=tuple(paths),
        groups=numbers,
        labels=numbers % 2,
        folds=tuple(folds),
        probabilities=np.stack([numbers / 1000, 1 - numbers / 1000], axis=1).astype(np.float32),
        baseline=(numbers + 1) % 2,
        classes=("a", "b"),
    )


def finish(trial, facts, overrides=()):
    with RunDirectory(trial, "train", CONFIG, keep=True) as run:
        write_overrides(trial, overrides)
        write_json(run.file("metrics.json"), facts)


def fail(trial, error, *, keep=True, leaving=()):
    def run():
        with RunDirectory(trial, "train", CONFIG, keep=keep) as directory:
            for name in leaving:
                directory.file(name).write_text("")
            raise error

    with pytest.raises(type(error)):
        run()


def test_a_finished_trial_tells_what_it_was_given_and_what_it_found(tmp_path):
    finish(tmp_path / "3", {"accuracy": 0.9}, ["method.lr=0.1", "seed=1"])
    inner = predictions(["x", "y"], ["fold0", "fold1"])
    write_predictions(tmp_path / "3" / INNER_FILE, inner)
    trial = read_trial(tmp_path, 3)
    assert (trial.number, trial.path, trial.overrides) == (3, tmp_path / "3", ("method.lr=0.1", "seed=1"))
    assert (trial.status, trial.reason, trial.facts, trial.ended) == ("finished", None, {"accuracy": 0.9}, True)
    assert trial.inner().paths == ("x", "y")
    assert trial.inner().folds == ("fold0", "fold1")


@pytest.mark.parametrize(
    ("error", "status", "reason", "ended"),
    [
        (UserError("thaw=9: use 1 to 4"), "failed", "thaw=9: use 1 to 4", True),
        (RunError("the loss became nan"), "failed", "the loss became nan", True),
        (MemoryError(), "failed", "MemoryError", False),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "failed",
            "OSError: [Errno 28] No space left on device",
            False,
        ),
        (OSError(errno.EACCES, "Permission denied"), "failed", "PermissionError: [Errno 13] Permission denied", True),
        (ZeroDivisionError("by zero"), "failed", "ZeroDivisionError: by zero", True),
        (KeyboardInterrupt(), "interrupted", "Ctrl-C", False),
    ],
)
def test_why_a_trial_is_not_finished(tmp_path, error, status, reason, ended):
    fail(tmp_path / "0", error)
    trial = read_trial(tmp_path, 0)
    assert (trial.status, trial.reason, trial.ended, trial.facts) == (status, reason, ended, {})


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "lacked"),
    [
        (caused(UserError("the store's disk is full"), OSError(errno.ENOSPC, "No space left on device")), True),
        (caused(RunError("the memory is too small"), MemoryError()), True),
        (RuntimeError("[enforce fail at inline_container.cc] . PytorchStreamWriter: No space left on device"), True),
        (sqlite3.OperationalError("database or disk is full"), True),
        (caused(UserError("thaw=9"), ValueError("9")), False),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), False),
    ],
)
def test_what_lacked_disk_or_memory(error, lacked):
    assert lacked_resources(error) is lacked
    error.__cause__ = error.__cause__ or error  # a circle ends
    assert lacked_resources(error) is lacked


def test_on_a_full_disk_the_end_is_written_where_the_beginning_stood(small_disk):
    def fill(error):
        with RunDirectory(small_disk / "run", "train", CONFIG, keep=True):
            with suppress(OSError), (small_disk / "filling").open("wb") as file:
                while True:
                    file.write(b"\0" * 4096)
                    file.flush()
            if error is not None:
                raise error

    full = OSError(errno.ENOSPC, "No space left on device" + "!" * 5000)
    with pytest.raises(OSError, match="No space left"):
        fill(full)
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "more").write_bytes(b"\0" * 8192)
    status = read_status(small_disk / "run")
    assert (status["status"], status["again"], len(status["reason"])) == ("failed", True, 500)
    assert not list((small_disk / "run").glob(".*"))
    mark_failed(small_disk / "run", "its process was killed")
    assert read_status(small_disk / "run")["reason"] == "its process was killed"
    assert "again" not in read_status(small_disk / "run")
    mark_failed(small_disk / "run", "killed again", again=True)
    (small_disk / "filling").unlink()
    fill(None)
    assert read_status(small_disk / "run")["status"] == "finished"


def test_a_trial_that_runs_or_left_nothing_has_not_ended(tmp_path):
    with RunDirectory(tmp_path / "0", "train", CONFIG, keep=True):
        running = read_trial(tmp_path, 0)
    assert (running.status, running.ended) == ("running", False)
    absent = read_trial(tmp_path, 7)
    assert (absent.status, absent.reason, absent.overrides, absent.ended) == ("absent", None, (), False)
    (tmp_path / "8").mkdir()
    write_overrides(tmp_path / "8", ["seed=1"])  # it got no further
    assert (read_trial(tmp_path, 8).status, read_trial(tmp_path, 8).overrides) == ("absent", ("seed=1",))


def test_trials_come_by_number_and_other_folders_are_left_out(tmp_path):
    for name in ("10", "9", "0"):
        finish(tmp_path / name, {})
    for name in ("folds", "1.5", "-1"):
        (tmp_path / name).mkdir()
    (tmp_path / "5").write_text("a file")
    assert [trial.number for trial in read_trials(tmp_path)] == [0, 9, 10]
    (tmp_path / "empty").mkdir()
    assert read_trials(tmp_path / "empty") == []


def test_inner_predictions_that_are_not_there_are_one_sentence(tmp_path):
    finish(tmp_path / "0", {})
    with pytest.raises(UserError, match=r"0 holds no inner.parquet; the run did not finish"):
        read_trial(tmp_path, 0).inner()


def test_a_sweep_is_known_by_its_file(tmp_path):
    assert not is_sweep_directory(tmp_path)
    assert not is_sweep_directory(tmp_path / "missing")
    (tmp_path / SWEEP_FILE).write_text("{}")
    assert is_sweep_directory(tmp_path)


def test_a_refused_run_leaves_nothing_and_a_refused_trial_its_reason(tmp_path):
    fail(tmp_path / "run", UserError("no photos"), keep=False)
    assert not (tmp_path / "run").exists()
    fail(tmp_path / "trial", UserError("no photos"), keep=True)
    assert read_status(tmp_path / "trial")["reason"] == "no photos"


def test_a_run_that_had_left_something_stays_when_it_is_refused(tmp_path):
    fail(tmp_path, UserError("no more photos"), keep=False, leaving=["folds/all/tail"])
    assert read_status(tmp_path)["status"] == "failed"


def test_a_run_that_was_killed_is_marked_and_keeps_what_is_known_of_it(tmp_path):
    with RunDirectory(tmp_path, "sweep", CONFIG):
        before = json.loads((tmp_path / "status.json").read_text())
        mark_failed(tmp_path, "its process was killed by SIGKILL")
        after = json.loads((tmp_path / "status.json").read_text())
    assert after["ended"] >= after["started"]
    changed = {"status": "failed", "reason": "its process was killed by SIGKILL", "ended": after["ended"]}
    assert after == {**before, **changed}


def test_a_trial_that_died_before_it_began_is_marked_too(tmp_path):
    mark_failed(tmp_path / "sweep" / "4", "it never began")
    trial = read_trial(tmp_path / "sweep", 4)
    assert (trial.status, trial.reason, trial.ended) == ("failed", "it never began", True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UserError("one sentence"), "one sentence"),
        (RunError("one sentence"), "one sentence"),
        (ValueError("x"), "ValueError: x"),
        (KeyError("x"), "KeyError: 'x'"),
        (KeyboardInterrupt(), "Ctrl-C"),
        (Stopped("SIGTERM"), "SIGTERM"),
    ],
)
def test_the_reason_is_the_sentence_for_the_user_or_what_kind_of_error_it_was(error, reason):
    assert reason_of(error) == reason


ROWS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), min_size=1, max_size=12, unique=True)


def as_rows(joined):
    columns = [dataclasses.asdict(joined)[name] for name in ("paths", "folds", "groups", "labels", "baseline")]
    return [tuple(map(str, row)) for row in zip(*columns, joined.probabilities.tolist(), strict=True)]


@given(ROWS, st.integers(0, 12), st.randoms())
def test_joined_predictions_are_ordered_by_path_then_fold_however_they_were_parted(rows, cut, random):
    whole = predictions(*zip(*rows, strict=True))
    mixed = whole.subset(np.array(random.sample(range(len(rows)), len(rows))))
    places = np.arange(len(rows))
    joined = join_predictions([mixed.subset(places[cut:]), mixed.subset(places[:cut])])
    assert list(zip(joined.paths, joined.folds, strict=True)) == sorted(rows)
    assert sorted(as_rows(joined)) == sorted(as_rows(whole))  # every row kept its own figures


def test_a_subset_has_its_rows_in_the_order_that_was_asked_for():
    part = predictions("abcd", ["f"] * 4).subset(np.array([2, 0]))
    assert part.paths == ("c", "a")
    assert (list(part.groups), list(part.labels), list(part.baseline)) == ([2, 0], [0, 0], [1, 1])
    assert part.probabilities[:, 0].tolist() == pytest.approx([0.002, 0.0])
    empty = predictions("ab", ["f"] * 2).subset(np.array([], dtype=np.int64))
    assert (empty.paths, empty.folds, empty.probabilities.shape, empty.classes) == ((), (), (0, 2), ("a", "b"))
