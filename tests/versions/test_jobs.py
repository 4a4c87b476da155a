"""Trainings: how each ends, and that there is one at a time."""

import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from thawline.errors import UserError
from thawline.versions.jobs import (
    KILLED,
    NOT_BEGUN,
    clean_jobs,
    fail_job,
    find_job,
    finish_job,
    list_jobs,
    scratch,
    start_job,
    sweep_scratch,
    training_lock,
    training_runs,
    update_job,
)
from thawline.versions.schema import now

# What `training_lock` does, without the seconds that its imports take.
TRAINS = """
import sys, time, filelock
with filelock.FileLock(sys.argv[1]):
    print("trains", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def trains(tmp_path):
    """A process that trains."""
    words = [sys.executable, "-c", TRAINS, str(tmp_path / ".training.lock")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "trains\n"
        yield process
        process.kill()


def cleaned(database, folder):
    """What is cleaned in a session of its own."""
    with database.session() as session:
        return [(job.id, job.reason) for job in clean_jobs(session, folder)]


def test_a_training_from_when_it_is_asked_for_to_its_end(database):
    with database.session() as session:
        job = start_job(session, {"lr": 1e-4}).id
        assert find_job(session, job).status == "pending"
        update_job(session, job, running=True)
        update_job(session, job, epoch=2, loss=0.5, accuracy=0.0)
    with database.session() as session:
        row = find_job(session, job)
        assert (row.status, row.hyperparameters, row.epoch, row.loss, row.accuracy) == (
            "running",
            {"answers_to": 0, "lr": 1e-4},
            2,
            0.5,
            0,
        )
        assert row.started_at <= now()
        finish_job(session, job, None)
        other = start_job(session, {}).id
        fail_job(session, other, "one kind of answer only")
    with database.reading() as session:
        assert [(row.status, row.reason) for row in list_jobs(session)] == [
            ("failed", "one kind of answer only"),
            ("completed", None),
        ]
        assert all(row.finished_at is not None for row in list_jobs(session))
        with pytest.raises(UserError, match="there is no training 99"):
            find_job(session, 99)


def test_a_job_whose_process_was_killed_has_failed_at_the_next_start(database, tmp_path, trains):
    with database.session() as session:
        running = start_job(session, {}, pid=trains.pid).id
        update_job(session, running, running=True, pid=trains.pid)
        waiting = start_job(session, {}, pid=trains.pid).id
        fresh = start_job(session, {}).id
        old = start_job(session, {})
        old.created_at = now() - timedelta(hours=1)
        old = old.id
    assert cleaned(database, tmp_path) == [(old, NOT_BEGUN)]
    trains.kill()
    trains.wait()
    assert cleaned(database, tmp_path) == [(running, KILLED), (waiting, KILLED)]
    assert cleaned(database, tmp_path) == []
    with database.reading() as session:
        assert find_job(session, fresh).status == "pending"


def test_a_process_that_took_a_killed_ones_number_is_not_taken_for_it(database, tmp_path):
    """The lock tells: nobody trains, whoever has that number now."""
    with database.session() as session:
        job = start_job(session, {}).id
        update_job(session, job, running=True, pid=1)  # which there always is
    assert cleaned(database, tmp_path) == [(job, KILLED)]


def test_a_second_training_waits_and_says_so(tmp_path, trains):
    said, ended = [], threading.Event()

    def second():
        with training_lock(tmp_path, said.append):
            ended.set()

    assert training_runs(tmp_path)
    thread = threading.Thread(target=second)
    thread.start()
    assert not ended.wait(0.3)
    assert said == ["another training runs for these versions; this one begins when that ends"]
    trains.kill()
    assert ended.wait(10)
    thread.join()
    assert not training_runs(tmp_path)


def test_what_a_killed_training_was_making_goes_and_what_a_living_one_makes_stays(tmp_path, trains):
    left = tmp_path / ".scratch-left"
    left.mkdir()
    (left / "bundle").mkdir()
    sweep_scratch(tmp_path)
    assert left.exists()  # another process trains
    trains.kill()
    trains.wait()
    sweep_scratch(tmp_path)
    assert not left.exists()
    left.mkdir()
    with training_lock(tmp_path):
        assert not left.exists()
        with scratch(tmp_path) as mine:
            sweep_scratch(tmp_path)
            assert mine.is_dir()
    assert list(tmp_path.glob(".scratch-*")) == []
