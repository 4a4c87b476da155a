"""benchmarks/methods.py in small: the methods beside the authors' code. The command is what other tests run."""

import importlib
import sys
from pathlib import Path

import pytest


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    before = set(sys.modules)
    yield importlib.import_module("methods")
    for name in {"methods", "common"} - before:
        sys.modules.pop(name, None)


def test_each_method_beside_the_code_of_its_paper(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark, "DIM", 32)
    found = benchmark.beside_the_authors(8)
    assert found.keys() == {"zero_shot", *benchmark.METHODS}
    assert all(found[name].keys() >= {"authors_accuracy", "alike"} for name in benchmark.AUTHORS)
    # The same computation, but for float32; GDA is shrunk in another way.
    assert all(found[name]["alike"] > 0.99 for name in ("clap", "ss_text", "tip_adapter"))
    assert found["gda_zero_shot"]["alike"] > 0.8
