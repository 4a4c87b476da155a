"""`thawline preference watch`: trainings come by themselves, and nothing but a signal ends it."""

import os
import signal
import sqlite3
import threading
import time

import pytest
from rich.console import Console
from tests.e2e.test_preference_loop import ANSWERS, jobs, registry, write_answers  # noqa: F401  # a fixture

from thawline.commands.line.composing import begin, compose
from thawline.commands.line.settings import register_settings
from thawline.tasks.preference.loop.importing import import_answers
from thawline.tasks.preference.loop.watch import _Watcher
from thawline.tasks.typed import to_settings
from thawline.versions import database as databases
from thawline.versions.feedback import answered, retract
from thawline.versions.registry import Registry
from thawline.versions.schema import COMPLETED, FAILED, Feedback

WATCH = ("preference", "watch", "encoder=tiny_clip", "trainer=cpu", "poll=0.02")
pytestmark = pytest.mark.usefixtures("shared_store")


@pytest.fixture
def answer(thawline, sample, registry):  # noqa: F811
    """Answers the photos from one number to another of each class: four, where the numbers are neighbours."""

    def add(first, last, answers=ANSWERS):
        table = write_answers(thawline.directory / "in.csv", sample, first, last, **answers)
        return import_answers(table, registry.database).added

    return add


def until(registry, *statuses):  # noqa: F811
    """Wait until the trainings are these."""
    end = time.monotonic() + 60
    while [job.status for job in jobs(registry)] != list(statuses):
        assert time.monotonic() < end, [(job.status, job.reason) for job in jobs(registry)]
        time.sleep(0.02)


def forget_one(registry):  # noqa: F811
    """Delete an answer that the newest version was trained on."""
    with registry.database.session() as session:
        retract(session, session.get(Feedback, answered(session)[0].feedback_id))


def test_it_trains_when_answers_have_come_and_when_one_was_deleted(thawline, answer, registry, monkeypatch):  # noqa: F811
    answer(0, 3)
    wrong = []

    def live():
        try:
            answer(3, 5)
            until(registry, COMPLETED)
            # The next one is asked to end when it is nearly done.
            monkeypatch.setattr(Registry, "add", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
            forget_one(registry)
        except BaseException as error:
            wrong.append(error)
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=live)
    thread.start()
    said = " ".join(thawline(*WATCH, "every=16", status=143).split())
    thread.join()
    assert not wrong
    for sentence in (
        "it trains after every 16 answers; SIGTERM or Ctrl-C ends it",
        "of 16 answers: training training 1: ",
        "v2 is active; v1 was",
        "1 deleted answer that a version was trained on: training without training 2: ",
        "thawline: interrupted by SIGTERM",
    ):
        assert sentence in said
    assert len(thawline.runs("preference")) == 2
    assert [(job.status, job.reason) for job in jobs(registry)] == [(COMPLETED, None), (FAILED, "interrupted")]
    assert registry.active().number == 2
    assert [wrong for _, wrong in registry.verify()] == [None, None]


def refused(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.fixture
def watcher(registry, thawline, monkeypatch):  # noqa: F811
    """One that looks when it is told to, and waits for a locked database hardly at all; and what it said since."""
    monkeypatch.setattr(databases, "WAIT", 0.1)
    register_settings()
    config = begin(compose("preference_watch", [*WATCH[2:], "every=4"]))
    console = Console(record=True, width=80)
    with databases.open_database(registry.database.url) as database:
        one = _Watcher(Registry(registry.root, database, registry._golden), to_settings(config), config, console)

        def look():
            one._patiently(one._look)
            lines = console.export_text().splitlines()
            assert all(len(line) <= 80 or line.startswith("bundle ") for line in lines)
            return " ".join(" ".join(lines).split())

        yield look


def test_a_failed_training_waits_for_answers_and_a_locked_database_is_borne(watcher, answer, registry, monkeypatch):  # noqa: F811
    answer(0, 4)
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "add", refused)
        said = watcher()
        assert "the disk is full; free some space" in said
        assert "It is tried again with further answers." in said
    assert "0 of 4 answers" in watcher()
    answer(4, 6)
    other = sqlite3.connect(registry.root / "versions.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    said = watcher()
    assert "another process keeps it locked" in said
    assert "It goes on trying for 10 minutes." in said
    assert "locked" not in watcher()
    other.execute("ROLLBACK")
    assert "the database can be read and written again" in watcher()
    assert [job.status for job in jobs(registry)] == [FAILED, COMPLETED]


def test_answers_of_one_kind_are_no_training(watcher, answer, registry):  # noqa: F811
    answer(0, 4, {"wedding": "like"})
    assert "a taste is learnt from both" in watcher()
    assert watcher() == ""
    answer(4, 5, {"wedding": "like"})
    assert "all 5 answers" in watcher()
    assert jobs(registry) == []
