"""What each kind of command may import: whatever else it imports, everyone who starts it waits for."""

import subprocess
import sys

import pytest

from thawline.cli import main

# Which of `LIBRARIES` are imported by the end of a command, which looks through them for garbage at no time.
ENDING = """
import gc, sys
from thawline.cli import main
from thawline.process import keep_imports
libraries, *words = sys.argv[1:]
whole = []
gc.callbacks.append(lambda phase, found: whole.append(phase) if found["generation"] == 2 else None)
keep_imports()
main(words)
assert not whole
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
        "scipy.sparse.csgraph",
        "scipy.stats._stats_py",
    ),
    *("pandas", "matplotlib", "matplotlib.pyplot", "onnxruntime", "librosa", "timm", "wandb", "tensorboard"),
    *("transformers", "torchvision"),
    *("optuna", "ray", "submitit", "alembic", "fastapi"),
)
TINY = ("encoder=tiny_clip", "trainer=cpu")
TRAIN = (*TINY, "method.epochs=2")
SCIKIT = {"sklearn", "scipy.optimize", "scipy.sparse.csgraph"}
# With its network loaded, transformers brings SciPy's optimisers along.
NETWORK = {"transformers", "torchvision", "scipy.optimize"}


def imported(code, *words, directory):
    """What of `LIBRARIES` a process of its own has imported in the end."""
    command = [sys.executable, "-c", code, " ".join(LIBRARIES), *map(str, words)]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("imported")]
    return set(line.split()[1:])


@pytest.fixture(scope="module")
def known(crossed, sample, filled_store):
    """Photos that were drawn a while ago: of new ones, which may still be written, the store remembers nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAWLINE_STORE", str(filled_store))
        main(["data", "check", str(sample)])


@pytest.mark.long
@pytest.mark.usefixtures("known", "shared_store")
@pytest.mark.parametrize(
    ("words", "may"),
    [
        ((*TRAIN, "method=linear", "logger=csv"), {"lightning", "torchmetrics", "matplotlib"}),
        ((*TRAIN, "method=linear", "logger=none"), {"lightning", "torchmetrics"}),
        ((*TINY, "method=logistic", "logger=csv"), {*SCIKIT, "matplotlib"}),
        ((*TINY, "method=logistic", "logger=none"), SCIKIT),
    ],
)
def test_what_a_training_imports(words, may, sample, tmp_path):
    assert imported(ENDING, "train", sample, *words, directory=tmp_path) == {"hydra", "torch", *may}
    pictures = {path.name for path in tmp_path.rglob("*.png")}
    assert bool(pictures) is ("matplotlib" in may), pictures


@pytest.mark.long
def test_what_an_answer_imports(crossed, sample, tmp_path):
    run, _ = crossed
    main(["export", str(run), f"out={tmp_path / 'bundle'}"])
    photo = next(sample.rglob("*.jpg"))
    assert imported(ANSWERING, tmp_path / "bundle", photo, directory=tmp_path) == {"torch", *NETWORK}


def test_what_a_comparison_and_a_verbs_help_import(crossed, tmp_path):
    run, _ = crossed
    assert imported(ENDING, "compare", run, directory=tmp_path) == {"hydra"}
    assert imported(ENDING, "train", "--help", directory=tmp_path) == set()
