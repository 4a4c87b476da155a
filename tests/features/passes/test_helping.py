"""Processes that help: what they answer comes back, and where one is killed nobody waits for it."""

import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path

import pytest

from thawline.errors import UserError
from thawline.features.passes.helping import HelpingProcesses

ENDED = "a process was ended by the system; try again"
LARGE = 2**24  # bytes, far more than a pipe holds


@pytest.fixture
def start():
    started = []

    def make(count, *begin):
        started.append(HelpingProcesses(count, multiprocessing.get_context("forkserver"), ENDED, *begin))
        return started[-1]

    yield make
    for helping in started:
        helping.shutdown(cancel_futures=True)
    assert not multiprocessing.active_children()


def remember_word(word):
    os.environ["TOLD"] = word


def told():
    return os.environ["TOLD"], os.getpid()


def test_each_begins_and_answers_come_in_order(start):
    helping = start(2, partial(remember_word, "so"))
    assert list(helping.map(divmod, range(50), [7] * 50)) == [divmod(n, 7) for n in range(50)]
    assert helping.submit(int, "1f", base=16).result() == 31
    word, pid = helping.submit(told).result()
    assert word == "so"
    assert pid in {child.pid for child in multiprocessing.active_children()}


def test_an_error_is_that_of_its_answer_alone(start):
    helping = start(1)
    with pytest.raises(ZeroDivisionError, match="by zero"):
        helping.submit(divmod, 1, 0).result()
    assert helping.submit(divmod, 7, 2).result() == (3, 1)


class Large:
    """An answer after whose first bytes its process is killed."""

    def __reduce__(self):
        threading.Thread(target=self.kill, args=[written()]).start()
        return bytes, (bytes(LARGE),)

    def kill(self, before):
        while written() == before:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGKILL)


def written():
    """How many bytes this process has written."""
    return re.search(r"wchar: (\d+)", Path("/proc/self/io").read_text())[1]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_is_killed_while_it_answers_is_told(start):
    helping = start(2)
    with pytest.raises(UserError, match=f"^{ENDED}$"):
        helping.submit(Large).result()
    with pytest.raises(UserError, match=f"^{ENDED}$"):
        helping.submit(divmod, 7, 2).result()


def keep_lock(lock):
    kill_within.lock = lock


def kill_within(first):
    with kill_within.lock:
        if first:
            os.kill(os.getpid(), signal.SIGKILL)


def test_nobody_waits_for_what_a_killed_process_held(start):
    helping = start(2, partial(keep_lock, multiprocessing.get_context("forkserver").Lock()))
    answers = [helping.submit(kill_within, first) for first in (True, False, False)]
    with pytest.raises(UserError, match=f"^{ENDED}$"):
        [answer.result() for answer in answers]


def test_an_end_waits_for_what_was_asked_or_for_nothing(start):
    patient, hasty = start(1), start(1)
    answers = [patient.submit(divmod, n, 2) for n in range(9)]
    patient.shutdown()
    assert [answer.result() for answer in answers] == [divmod(n, 2) for n in range(9)]
    running, waiting = hasty.submit(time.sleep, 600), hasty.submit(divmod, 7, 2)
    while not running.running():
        time.sleep(0.01)
    hasty.shutdown(cancel_futures=True)
    assert isinstance(running.exception(), UserError)
    with pytest.raises(CancelledError):
        waiting.result()
