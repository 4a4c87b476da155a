import contextlib
import io
import json
import math
import shutil
from pathlib import Path

import pytest
import timm
import torch
from filelock import FileLock
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from safetensors.torch import load_file, save_file
from tests.encoders.hearers import save

from thawline.cli import main
from thawline.samples.events import make_events
from thawline.samples.genre import make_genre
from thawline.tasks.genre.tables.instruments import audioset_labels

FAST = ("trainer=cpu", "logger=none")
# Long enough to be a password, if a variable of the environment that holds it were taken for one.
WORK = "a working directory whose name has more than forty letters"

# What an ensemble on tracks is joined of.
GENRE = ("task=genre", "trainer=cpu", "logger=none", "data.reference=null")
SMALL = ("encoder.model_args={channels: 4, blocks: 2, seed: 0, rate: 22050, mels: 32, fft: 1024, hop: 512}",)
CNN = (*SMALL, "encoder.seconds=1", "method.epochs=2")
TREES = ("encoder=descriptors", "method=trees", "method.depth=[2]", "method.rounds=5", "method.folds=2")


def enter(patch, directory):
    """Make `directory` if need be and work there; the environment says so too, as it does in a shell."""
    directory.mkdir(parents=True, exist_ok=True)
    patch.setenv("OLDPWD", str(Path.cwd()))
    patch.setenv("PWD", str(directory))
    patch.chdir(directory)


@pytest.fixture(scope="session")
def sample(everyones):
    """The sample collection, small: 24 photos a class, with its broken files and bursts."""
    directory = everyones / "photos" / "Sample (2024), été #1"
    with FileLock(everyones / "photos.lock"):
        make_events(directory, photos_per_class=24, seed=0)  # which finds it there
    return directory


@pytest.fixture
def photos(sample, tmp_path):
    """A copy of the sample that a test may change."""
    return shutil.copytree(sample, tmp_path / "photos")


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A MobileNetV2 with random weights: its features tell the synthetic scenes apart well enough."""
    torch.manual_seed(0)
    model = timm.create_model("mobilenetv2_035", num_classes=0, pad_type="same")
    path = tmp_path_factory.mktemp("weights") / "mobilenetv2 (random).safetensors"
    save_file(model.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def drawn():
    """The bytes of a picture."""
    content = io.BytesIO()
    FigureCanvasAgg(Figure(figsize=(1, 1))).print_png(content)
    return content.getvalue()


@pytest.fixture(autouse=True)
def pictures_drawn_once(drawn, monkeypatch):
    """Runs compose their pictures, but what is rendered is always the same one: it took a quarter of a run's time.

    How they look is tested in `tests/reports`. What a session's fixture or a process of its own draws is rendered.
    """

    def write(_canvas, path, **_how):
        path.write_bytes(drawn)

    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda *_: None)
    monkeypatch.setattr(FigureCanvasAgg, "print_png", write)


class Command:
    """Runs `thawline` in this process, as the console script does."""

    def __init__(self, directory, capsys):
        self.directory = directory
        self._capsys = capsys

    def __call__(self, *words, status=0):
        """Run, check the exit status, and give what was printed on stdout and stderr."""
        self._capsys.readouterr()
        try:
            main([str(word) for word in words])
            code = 0
        except SystemExit as end:
            code = end.code
        out, err = self._capsys.readouterr()
        assert code == status, f"exit status {code}\n{out}\n{err}"
        return out + err

    def refused(self, *words):
        """Run what must be refused: exit status 2 and one sentence, which is given back."""
        said = self(*words, status=2)
        lines = [line for line in said.splitlines() if line.startswith("thawline: ")]
        assert len(lines) == 1, said
        assert "Traceback" not in said
        return lines[0].removeprefix("thawline: ")

    def runs(self, verb="train"):
        """The run directories of a verb, the oldest first."""
        return sorted((self.directory / "outputs" / verb).iterdir())

    def metrics(self, verb="train"):
        """What `metrics.json` of the newest run says."""
        return json.loads((self.runs(verb)[-1] / "metrics.json").read_text())


@pytest.fixture
def thawline(tmp_path, monkeypatch, capsys):
    """The command, in a working directory of its own."""
    directory = tmp_path / WORK
    enter(monkeypatch, directory)
    monkeypatch.setenv("COLUMNS", "200")
    return Command(directory, capsys)


@pytest.fixture(scope="session")
def tuned(sample, tmp_path_factory):
    """A run that fitted a linear head on the tiny CLIP's features, and the bundle of it: (run, bundle)."""
    root = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        enter(patch, root)
        patch.setenv("THAWLINE_STORE", str(root / "store"))
        main(["train", str(sample), "method=linear", "thaw=head", "encoder=tiny_clip", "trainer=cpu", "logger=none"])
        (run,) = (root / "outputs" / "train").iterdir()
        shutil.copytree(root / "store", root / "store as it was filled")  # other tests add to the store
        main(["export", str(run), f"out={root / 'bundle'}"])
    return run, root / "bundle"


@pytest.fixture(scope="session")
def filled_store(tmp_path_factory):
    """A store in which the features stay that a test computed."""
    return tmp_path_factory.mktemp("filled") / "store"


@pytest.fixture
def shared_store(filled_store, own_store, monkeypatch):
    """For tests that count no features: what another test computed is read."""
    monkeypatch.setenv("THAWLINE_STORE", str(filled_store))


@pytest.fixture(scope="session")
def crossed(sample, filled_store, tmp_path_factory):
    """A run over three folds, and what it printed. Nobody changes it."""
    root = tmp_path_factory.mktemp("crossed")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        enter(patch, root)
        patch.setenv("THAWLINE_STORE", str(filled_store))
        patch.setenv("COLUMNS", "200")
        words = ("experiment=events_linear", "encoder=tiny_clip", "method.c=[1]", "trainer=cpu", "logger=csv", "cv=3")
        main(["train", str(sample), *words])
    (run,) = (root / "outputs" / "train").iterdir()
    return run, printed.getvalue()


@pytest.fixture(scope="session")
def joined(tmp_path_factory):
    """Tracks, a network that hears no instrument, and an ensemble with the bundle of it: (tracks, run, bundle)."""
    root = tmp_path_factory.mktemp("ensembles")
    made = make_genre(root / "Songs (2024)", artists=4, tracks_per_artist=1, seconds=2, seed=0)
    names = dict(enumerate(audioset_labels()))
    network = save(root / "network", "ast", num_labels=527, id2label=names, label2id={n: i for i, n in names.items()})
    hear_nothing(network)
    hints = ("encoder=ast", f"encoder.name={network}", "encoder.revision=null", "encoder.seconds=0.6", "method=hints")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("THAWLINE_STORE", str(root / "store"))
        for method in (CNN, TREES, hints):
            main(["train", str(made.file), *GENRE, *method, "data.classes=[country,electronic,metal]"])
        runs = sorted((root / "outputs" / "train").iterdir())
        main(["ensemble", *map(str, runs), "weights=60/20/20"])
        (run,) = (root / "outputs" / "ensemble").iterdir()
        main(["export", str(run), f"out={root / 'bundle'}"])
    return made.root, run, root / "bundle"


def hear_nothing(network):
    """Every label of the AudioSet network at a score of 0.1, whatever it is given."""
    state = load_file(network / "model.safetensors")
    state["classifier.dense.weight"].zero_()
    state["classifier.dense.bias"].fill_(math.log(0.1 / 0.9))
    save_file(state, network / "model.safetensors", metadata={"format": "pt"})
