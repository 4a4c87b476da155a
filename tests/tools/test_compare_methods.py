"""tools/compare_methods.py: who is trained on and judged of few photos a class."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    return importlib.import_module("compare_methods")


def test_few_photos_are_of_groups_of_their_own_and_the_judged_of_none_of_these(tool):
    labels = np.repeat([0, 1], 30)
    problem = SimpleNamespace(classes=("a", "b"), labels=labels, groups=np.arange(60) // 2)
    for shots in (4, 8, 20):
        fold = tool.few(problem, shots, seed=1)
        assert np.bincount(labels[fold.train]).tolist() == [shots, shots]
        assert not set(problem.groups[fold.train]) & set(problem.groups[fold.test])
        apart = len(np.unique(problem.groups[fold.train]))
        assert apart == 2 * min(shots, 15)
    assert not np.array_equal(tool.few(problem, 4, 1).train, tool.few(problem, 4, 2).train)
