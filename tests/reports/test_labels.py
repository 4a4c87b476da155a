from pathlib import Path

import pytest
from tests.reports.made import predictions

from thawline.reports.comparison import Entry
from thawline.reports.labels import labels_of

STAMP = "2026-11-28_19-55-03-0"


def entry(path, method="linear", encoder="package:tiny_clip", **config):
    flat = {"method.name": method, "encoder.name": encoder, "seed": 0, "data.path": "/photos", **config}
    return Entry(path, path, method, encoder, "zero-shot", (Path(path),), flat, predictions(30, samples=40))


def labels(*entries):
    return list(labels_of(entries).values())


def test_what_is_only_a_time_is_said_by_method_and_encoder():
    entries = entry(f"{STAMP}1"), entry(f"train/{STAMP}2", "logistic", "resnet50")
    assert labels(*entries) == ["linear on tiny_clip", "logistic on resnet50"]


def test_among_those_that_share_both_by_the_settings_that_differ():
    one, two = (
        entry(f"{STAMP}1", **{"method.lr": 0.1, "thaw": "head"}),
        entry(f"{STAMP}2", **{"method.lr": 0.2, "thaw": 1}),
    )
    assert labels(one, two, entry(f"{STAMP}3", "logistic")) == [
        "linear on tiny_clip (lr=0.1, thaw=head)",
        "linear on tiny_clip (lr=0.2, thaw=1)",
        "logistic on tiny_clip",
    ]
    assert labels(entry(f"{STAMP}1"), entry(f"{STAMP}2", seed=1)) == [
        "linear on tiny_clip (seed=0)",
        "linear on tiny_clip (seed=1)",
    ]


def test_what_nothing_tells_apart_keeps_its_directory():
    assert labels(entry(f"{STAMP}1"), entry(f"{STAMP}2")) == [
        f"linear on tiny_clip ({STAMP}1)",
        f"linear on tiny_clip ({STAMP}2)",
    ]


@pytest.mark.parametrize("given", ["my best", "2026"])
def test_a_name_that_was_given_is_kept(given):
    assert labels(entry(f"{STAMP}1", name=given), entry("a run"), entry(f"{STAMP}2")) == [
        given,
        "a run",
        "linear on tiny_clip",
    ]
    # Twice given, it is told apart.
    assert labels(entry(f"{STAMP}1", name="x"), entry(f"{STAMP}2", name="x"))[1] == f"x ({STAMP}2)"
