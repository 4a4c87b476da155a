"""What each kind of command may import: whatever else it imports, everyone who starts it waits for."""

import subprocess
import sys

import pytest

# Which of `LIBRARIES` are imported by the end of a command.
ENDING = """
import sys
from thawline.cli import main
libraries, *words = sys.argv[1:]
main(words)
print("imported", *sorted({name for name in libraries.split() if name in sys.modules}))
"""
ANSWERING = """
import sys
import thawline
libraries, bundle, photo = sys.argv[1:]
[said] = thawline.load(bundle, device="cpu").predict([photo])
assert said.label, said
print("imported", *sorted({name for name in libraries.split() if name in sys.modules}))
"""
# Of SciPy's statistics a module of theirs: they themselves may be a stand-in.
LIBRARIES = (
    *(
        "hydra",
        "torch",
        "lightning",
        "torchmetrics",
        "sklearn",
        "scipy.optimize",
        "scipy.signal",
        "scipy.stats._stats_py",
    ),
    *("pandas", "matplotlib", "matplotlib.pyplot", "onnxruntime", "librosa", "timm", "wandb", "tensorboard"),
    *("optuna", "ray", "submitit", "alembic", "fastapi"),
)
TRAIN = ("encoder=tiny_clip", "trainer=cpu", "method.epochs=2")
# With its network loaded, transformers brings pandas and SciPy's optimisers along.
NETWORK = {"pandas", "scipy.optimize"}


def imported(code, *words, directory):
    """What of `LIBRARIES` a process of its own has imported in the end."""
    command = [sys.executable, "-c", code, " ".join(LIBRARIES), *map(str, words)]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("imported")]
    return set(line.split()[1:])


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
@pytest.mark.parametrize(
    ("words", "may"),
    [
        ((*TRAIN, "method=linear", "logger=csv"), {"lightning", "torchmetrics", "matplotlib"}),
        ((*TRAIN, "method=linear", "logger=none"), {"lightning", "torchmetrics"}),
        (("encoder=tiny_clip", "trainer=cpu", "method=logistic", "logger=csv"), {"sklearn", "matplotlib"}),
        (("encoder=tiny_clip", "trainer=cpu", "method=logistic", "logger=none"), {"sklearn"}),
    ],
)
def test_what_a_training_imports(words, may, sample, tmp_path):
    assert imported(ENDING, "train", sample, *words, directory=tmp_path) - NETWORK <= {"hydra", "torch", *may}
    pictures = {path.name for path in tmp_path.rglob("*.png")}
    assert bool(pictures) is ("matplotlib" in may), pictures


@pytest.mark.long
def test_what_an_answer_imports(crossed, sample, tmp_path):
    from thawline.cli import main

    run, _ = crossed
    main(["export", str(run), f"out={tmp_path / 'bundle'}"])
    photo = next(sample.rglob("*.jpg"))
    assert imported(ANSWERING, tmp_path / "bundle", photo, directory=tmp_path) - NETWORK <= {"torch"}


def test_what_a_comparison_and_a_verbs_help_import(crossed, tmp_path):
    run, _ = crossed
    assert imported(ENDING, "compare", run, directory=tmp_path) == {"hydra"}
    assert imported(ENDING, "train", "--help", directory=tmp_path) == set()
