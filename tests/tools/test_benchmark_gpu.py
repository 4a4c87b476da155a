"""benchmarks/gpu.py on the CPU, in small: each of its parts runs, though none of its figures says anything."""

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    before = set(sys.modules)
    yield lambda *words: (monkeypatch.setattr(sys, "argv", ["gpu.py", *words]), importlib.import_module("gpu").main())
    for name in {"gpu", "common"} - before:
        sys.modules.pop(name, None)


def test_in_small_on_the_cpu(benchmark, tmp_path):
    benchmark("--device", "cpu", "--small", "--json", str(tmp_path / "found.json"))
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["ratios"]["difference"]["float32"] == 0
    assert 1e-5 < found["ratios"]["difference"]["bfloat16"] < 1e-2
    assert list(found["ratios"]["forward_over_peak"]) == ["as it is"]
    assert found["ratios"]["pass_over_decoding"] == pytest.approx(
        found["pass_photos_a_second"] / found["decoded_photos_a_second"]
    )
    assert {name: rate > 0 for name, rate in found["steps_a_second"].items()} == {"float32": True, "bfloat16": True}
    assert (found["card"], found["photos"], found["small"]) == ("cpu", 4, True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_says_so(benchmark):
    with pytest.raises(SystemExit, match="trainer=gpu: PyTorch finds no such device on this machine"):
        benchmark()
