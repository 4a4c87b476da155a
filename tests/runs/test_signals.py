"""SIGTERM and SIGUSR1: the first ends the run, once, and where it may; another does not break that off."""

import os
import signal

import pytest

from thawline.runs.signals import Stopped, asked_to_stop, deferred_signals, passed_on, signals_end_the_run

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="only where there are such signals")


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


def test_the_handlers_of_whoever_called_are_back_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with signals_end_the_run():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
