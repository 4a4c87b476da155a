"""benchmarks/sweep.py in small: the trainings alone, both ways. Its whole commands are what other tests run."""

import importlib
import json
import sys
from pathlib import Path

import pytest


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    before = set(sys.modules)
    yield importlib.import_module("sweep")
    for name in {"sweep", "common"} - before:
        sys.modules.pop(name, None)


def test_trainings_alone_and_together(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "EPOCHS", 2)
    benchmark.fit(60, 4, 1)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found.keys() == {"alone", "alone_cpu", "packed", "packed_cpu"}
    assert 0 < found["packed_cpu"] < found["alone_cpu"]
