"""benchmarks/sweep.py and search.py in small, but for their whole commands, which are what other tests run."""

import importlib
import json
import sys
from pathlib import Path

import pytest


@pytest.fixture
def benchmark(monkeypatch):
    """Imports a benchmark by its name."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    before = set(sys.modules)
    yield importlib.import_module
    for name in {"sweep", "search", "common"} - before:
        sys.modules.pop(name, None)


def test_trainings_alone_and_together(benchmark, monkeypatch, capsys):
    sweep = benchmark("sweep")
    monkeypatch.setattr(sweep, "EPOCHS", 2)
    sweep.fit(60, 4, 1)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found.keys() == {"alone", "alone_cpu", "packed", "packed_cpu"}
    assert 0 < found["packed_cpu"] < found["alone_cpu"]


def test_a_study_of_trials_that_nobody_runs(benchmark, tmp_path):
    search = benchmark("search")
    asking, telling = search.search(tmp_path, 12)
    assert (len(asking), len(telling)) == (12, 12)
    assert all(seconds > 0 for seconds in (*asking, *telling))
    told = [json.loads((tmp_path / str(number) / "metrics.json").read_text()) for number in range(12)]
    assert len({one["inner"]["accuracy"]["value"] for one in told}) > 6
