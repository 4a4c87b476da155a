"""One thread that judges what several requests brought."""

import threading

import pytest

from thawline.serving.batching import Batcher, BusyError
from thawline.tasks.bundle.serving import Answer


class Model:
    """Answers with what it was given, and notes what it was asked together."""

    def __init__(self):
        self.asked = []
        self.go = threading.Event()

    def ask(self, samples):
        self.asked.append(list(samples))
        self.go.wait(10)
        for sample in samples:
            if sample == "bad":
                raise ValueError("a bad one")
            yield Answer(label=sample)


@pytest.fixture
def batcher():
    made = Batcher(0.0, 8, lambda *_: None)
    yield made
    made.close()


def labels(future):
    return [one.label for one in future.result(10)]


def begin(batcher, model):
    """A first job, with which the thread is busy."""
    first = batcher.submit(model.ask, ["first"])
    while not model.asked:
        threading.Event().wait(0.001)
    return first


def test_what_waits_is_judged_together(batcher):
    model = Model()
    first = begin(batcher, model)
    others = [batcher.submit(model.ask, [str(i), str(10 + i)]) for i in range(3)]
    model.go.set()
    assert labels(first) == ["first"]
    assert [labels(one) for one in others] == [["0", "10"], ["1", "11"], ["2", "12"]]
    assert model.asked == [["first"], ["0", "10", "1", "11", "2", "12"]]
    assert batcher.waiting == 0


def test_requests_of_two_models_are_asked_of_each_its_own(batcher):
    model, other = Model(), Model()
    begin(batcher, model)
    other.go.set()
    one, two = batcher.submit(model.ask, ["a"]), batcher.submit(other.ask, ["b"])
    model.go.set()
    assert (labels(one), labels(two)) == (["a"], ["b"])
    assert other.asked == [["b"]]


def test_one_that_fails_spoils_no_other(batcher):
    model = Model()
    begin(batcher, model)
    good, bad, late = (batcher.submit(model.ask, [name]) for name in ("good", "bad", "late"))
    model.go.set()
    assert (labels(good), labels(late)) == (["good"], ["late"])
    with pytest.raises(ValueError, match="a bad one"):
        bad.result(10)


def test_more_than_may_wait_is_refused_and_a_cancelled_one_is_not_judged(batcher):
    model = Model()
    begin(batcher, model)
    given_up = batcher.submit(model.ask, ["gone"] * 6)
    with pytest.raises(BusyError):
        batcher.submit(model.ask, ["a", "b"])
    assert given_up.cancel()
    model.go.set()
    assert labels(batcher.submit(model.ask, ["c"])) == ["c"]
    assert model.asked == [["first"], ["c"]]


def test_what_was_given_before_the_end_is_answered():
    batcher, model = Batcher(0.0, 8, lambda *_: None), Model()
    first = begin(batcher, model)
    second = batcher.submit(model.ask, ["second"])
    model.go.set()
    batcher.close()
    assert (labels(first), labels(second)) == (["first"], ["second"])
    with pytest.raises(BusyError):
        batcher.submit(model.ask, ["late"])
