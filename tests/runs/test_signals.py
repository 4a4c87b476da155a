"""SIGTERM and SIGUSR1: the first ends the run, once, and where it may; another does not break that off."""

import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest

from thawline.runs.signals import (
    Stopped,
    asked_to_stop,
    ctrl_c_alone,
    deferred_signals,
    passed_on,
    signals_end_the_run,
)

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="only where there are such signals")


PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def send(number):
    os.kill(os.getpid(), number)


def stopped_by(run):
    """The name of the signal that ended `run`."""
    with pytest.raises(Stopped) as end:
        run()
    return end.value.name


def test_a_second_signal_does_not_break_off_the_end_that_the_first_began():
    done = []

    def run():
        try:
            send(signal.SIGTERM)
        finally:  # an orderly end: what a run writes last
            send(signal.SIGTERM)
            send(signal.SIGUSR1)
            done.append("wrote the status")

    with signals_end_the_run():
        assert stopped_by(run) == "SIGTERM"
        assert done == ["wrote the status"]
        assert asked_to_stop() == "SIGTERM"
    assert asked_to_stop() is None


def test_a_signal_within_a_deferred_block_is_raised_where_that_ends():
    reached = []

    def run():
        with deferred_signals():
            send(signal.SIGUSR1)
            reached.append(asked_to_stop())
        reached.append("behind it")

    with signals_end_the_run():
        assert stopped_by(run) == "SIGUSR1"
    assert reached == ["SIGUSR1"]


def test_a_signal_is_passed_on_to_whoever_does_the_work_each_time():
    told = []

    def both():
        with deferred_signals(told.append):
            send(signal.SIGTERM)
            send(signal.SIGUSR1)

    def at_once():
        with passed_on(told.append):
            send(signal.SIGTERM)

    for run in (both, at_once):
        with signals_end_the_run():
            assert stopped_by(run) == "SIGTERM"
    assert told == [signal.SIGTERM, signal.SIGUSR1, signal.SIGTERM]


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGTERM, Stopped), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_whose_exception_python_drops_in_a_callback_is_raised_right_afterwards(number, kind, capfd):
    passed = []

    class Watched:
        """What the callback of a weak reference tells the end of, as importlib's of its locks."""

    def run():
        watched = Watched()
        _ = weakref.ref(watched, lambda _: send(number))
        del watched
        time.sleep(10)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell it is ignored
    try:
        with signals_end_the_run(), passed_on(passed.append), pytest.raises(kind):
            run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert passed == [number] * (number == signal.SIGTERM), "passed on once, though it was sent twice"
    assert capfd.readouterr().err == ""


def test_the_handlers_of_whoever_called_are_back_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with signals_end_the_run():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_process_ends_with_its_parent_that_is_killed():
    """The parent starts a worker, which sleeps, and is killed."""
    worker = "import os, time; from thawline.runs.signals import work_for; work_for(os.getppid()); "
    worker += "print(os.getpid(), flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    number = int(process.stdout.readline())
    assert is_there(number)
    process.kill()
    process.wait()
    until = time.monotonic() + 5
    while is_there(number) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_there(number)


def is_there(process):
    """Whether a process runs; one that ended, and nobody asked after, does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_ctrl_c_reaches_no_process_that_is_started_within():
    told = []
    # Who starts the tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def run():
        with ctrl_c_alone(lambda: told.append("before")):
            code = "import time; print(1, flush=True); time.sleep(60)"
            inner = subprocess.Popen([sys.executable, "-c", code], **PIPES)
            inner.stdout.readline()
            inner.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                inner.wait(0.3)
            inner.kill()
            told.append(inner.communicate()[1])
            send(signal.SIGINT)
            for _ in range(1000):
                time.sleep(0.01)

    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            run()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < 8
    assert told == ["", "before"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_where_ctrl_c_is_ignored_it_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ctrl_c_alone(lambda: None):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
