"""What each kind of command may import: whatever else it imports, everyone who starts it waits for."""

import json
import subprocess
import sys

import pytest
import timm
import torchvision
from safetensors.torch import save_file

from thawline.cli import main

# Which of `LIBRARIES` are imported by the end of a command, which looks through them for garbage at no time.
ENDING = """
import gc, json, sys
from thawline.cli import main
from thawline.process import keep_imports
libraries, *commands = sys.argv[1:]
whole = []
gc.callbacks.append(lambda phase, found: whole.append(phase) if found["generation"] == 2 else None)
keep_imports()
for command in commands:
    main(json.loads(command))
    assert not whole
    print("imported", *sorted({name for name in libraries.split() if name in sys.modules}))
"""
ANSWERING = """
import sys
import thawline
libraries, bundle, sample = sys.argv[1:]
[said] = thawline.load(bundle, device="cpu").predict([sample])
assert (said["primary_genre"] if isinstance(said, dict) else said.label), said
print("imported", *sorted({name for name in libraries.split() if name in sys.modules}))
"""
# A network, and what it computes.
COMPUTING = """
import sys, torch
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
libraries, family, model, weights = sys.argv[1:]
encoder = load(EncoderSettings(family=family, name="any", model=model, weights=weights))
encoder.prefix(encoder.end)({"pixels": torch.zeros(2, 3, 224, 224, dtype=torch.uint8)})
print("imported", *sorted({name for name in libraries.split() if name in sys.modules}))
"""
# Of SciPy's statistics and PyTorch's compiler a module of theirs: they themselves may be a stand-in.
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
    *("transformers", "transformers.modeling_utils", "torchvision", "torch._dynamo.variables"),
    *("optuna", "ray", "submitit", "alembic", "fastapi"),
)
TINY = ("encoder=tiny_clip", "trainer=cpu")
TRAIN = (*TINY, "method.epochs=2")
SCIKIT = {"sklearn", "scipy.optimize", "scipy.sparse.csgraph"}
# librosa's mel filters bring SciPy along.
SOUND = {"librosa", "scipy.optimize", "scipy.signal", "scipy.sparse.csgraph", "scipy.stats._stats_py"}


def imported(code, *words, directory):
    """What of `LIBRARIES` a process of its own has imported, each time that it says so."""
    command = [sys.executable, "-c", code, " ".join(LIBRARIES), *map(str, words)]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [set(line.split()[1:]) for line in done.stdout.splitlines() if line.startswith("imported")]


def line(*words):
    return json.dumps(list(map(str, words)))


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
        ((*TRAIN, "method=linear"), {"lightning", "torchmetrics"}),
        ((*TINY, "method=logistic"), SCIKIT),
    ],
)
def test_what_a_training_imports(words, may, sample, tmp_path):
    # In one process: the second may import what draws besides, and nothing else that the first did not.
    lines = [line("train", sample, *words, f"logger={logger}") for logger in ("none", "csv")]
    one, other = imported(ENDING, *lines, directory=tmp_path)
    assert one == {"hydra", "torch", *may}
    assert other == {*one, "matplotlib"}
    first, second = sorted((tmp_path / "outputs/train").iterdir())
    assert not list(first.rglob("*.png"))
    assert list(second.rglob("*.png"))


@pytest.mark.long
def test_what_a_training_imports_that_computes_a_clips_features(sample, tmp_path, monkeypatch):
    monkeypatch.setenv("THAWLINE_STORE", str(tmp_path / "store"))
    words = line("train", sample, *TRAIN, "method=linear", "logger=none")
    # Of transformers its tokenizer alone, for the prompts of the zero-shot reference.
    may = {"hydra", "torch", "lightning", "torchmetrics", "transformers"}
    assert imported(ENDING, words, directory=tmp_path) == [may]


@pytest.mark.long
def test_what_an_answer_imports(crossed, sample, tmp_path):
    run, _ = crossed
    main(["export", str(run), f"out={tmp_path / 'bundle'}"])
    photo = next(sample.rglob("*.jpg"))
    assert imported(ANSWERING, tmp_path / "bundle", photo, directory=tmp_path) == [{"torch"}]


@pytest.mark.long
def test_what_timms_and_torchvisions_networks_import(tmp_path):
    networks = {"timm": timm.create_model("mobilenetv2_035"), "torchvision": torchvision.models.squeezenet1_0()}
    models = {"timm": "mobilenetv2_035", "torchvision": "squeezenet1_0"}
    for family, network in networks.items():
        save_file(network.state_dict(), tmp_path / f"{family}.safetensors")
        found = imported(COMPUTING, family, models[family], tmp_path / f"{family}.safetensors", directory=tmp_path)
        # Neither Weights & Biases, which timm would import, nor PyTorch's compiler, which both would.
        assert found == [{"torch", "torchvision", *({"timm"} & {family})}]


@pytest.mark.long
def test_what_an_answer_of_a_mel_cnn_imports(tmp_path, shared_store):
    main(["sample", "genre", str(tmp_path / "Songs"), "artists=3", "tracks_per_artist=1", "seconds=2"])
    words = ("task=genre", "encoder=mel_cnn", "method.epochs=2", "data.reference=null", "trainer=cpu", "logger=none")
    main(["train", str(tmp_path / "Songs/tracks.csv"), *words, f"paths.outputs={tmp_path / 'outputs'}"])
    [run] = (tmp_path / "outputs/train").iterdir()
    main(["export", str(run), f"out={tmp_path / 'bundle'}"])
    track = next((tmp_path / "Songs/audio").rglob("*.flac"))
    assert imported(ANSWERING, tmp_path / "bundle", track, directory=tmp_path) == [{"torch", *SOUND}]


def test_a_check_imports_no_pytorch(sample, tmp_path):
    tracks = ("artists=2", "tracks_per_artist=1", "seconds=2")
    small = {"pairs": ("products=40",), "genre": tracks, "preference": ("items=40",), "library": ("items=40",)}
    for name, sizes in small.items():
        main(["sample", name, str(tmp_path / name), *sizes])
    words = (
        (sample,),
        (sample, "data.labels=several"),
        (tmp_path / "pairs/pairs.csv", "task=match"),
        (tmp_path / "genre/tracks.csv", "task=genre"),
        (tmp_path / "preference/feedback.csv", "task=preference"),
        (tmp_path / "library/images_metadata.json", "task=library", "data.min_groups=2"),
    )
    found = imported(ENDING, *(line("data", "check", *each) for each in words), directory=tmp_path)
    assert len(found) == len(words)
    assert found[1] == {"hydra"}
    assert not set.union(*found) & {"torch", "lightning", "transformers", "timm"}


def test_what_a_comparison_and_a_verbs_help_import(crossed, tmp_path):
    run, _ = crossed
    assert imported(ENDING, line("train", "--help"), line("compare", run), directory=tmp_path) == [set(), {"hydra"}]
