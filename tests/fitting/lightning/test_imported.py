"""Lightning without the libraries that torchmetrics tries, and what is left of torchmetrics."""

import subprocess
import sys

import pytest

PROBES = """
import sys
from lightning_utilities.core import imports
before = imports.RequirementCache.__bool__, imports.package_available

from thawline.fitting.lightning.imported import L, torchmetrics
heavy = {"librosa", "matplotlib", "onnxruntime", "pandas", "scipy", "torchvision", "transformers"}
print("imported:", sorted(heavy & set(sys.modules)))
print("as before:", (imports.RequirementCache.__bool__, imports.package_available) == before)
print("asked afresh:", bool(imports.RequirementCache("scipy")), L.utilities.imports.package_available("scipy"))

import torch
accuracy = torchmetrics.classification.MulticlassAccuracy(3, average="micro")
print("accuracy:", float(accuracy(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 1, 2]))))
print("F1:", round(float(torchmetrics.functional.f1_score(
    torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0]), task="multiclass", num_classes=2)), 4))
for code in (
    "from torchmetrics.functional.text import bert_score",
    "accuracy.plot()",
    "from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity as P; P()",
):
    try:
        exec(code)
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0][:40])
    else:
        print("nothing said of", code)
import torchmetrics.functional.text
print("edit distance:", float(torchmetrics.functional.text.edit_distance(["rain"], ["shine"])))
"""


@pytest.fixture(scope="module")
def said():
    """What a process says that has imported Lightning from here first."""
    done = subprocess.run([sys.executable, "-c", PROBES], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_nothing_is_imported_for_metrics_that_are_not_computed(said):
    assert said[:3] == ["imported: []", "as before: True", "asked afresh: True True"]


def test_what_needs_nothing_more_computes(said):
    assert said[3:5] + said[-1:] == ["accuracy: 0.75", "F1: 0.6667", "edit distance: 3.0"]


def test_what_needs_a_library_that_was_held_back_says_so(said):
    assert said[5:-1] == [
        "ImportError cannot import name 'bert_score' from 'to",
        "ModuleNotFoundError Plot function expects `matplotlib` to be",
        "ModuleNotFoundError LPIPS metric requires that torchvision i",
    ]
