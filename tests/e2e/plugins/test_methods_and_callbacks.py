"""A package that adds an encoder, a method and a callback: each is used by name, as what is built in is."""

import importlib
import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file
from tests.e2e.plugins.conftest import forget, imported

import thawline as package

FAST = ("trainer=cpu", "logger=none")
CENTROIDS = ("method=centroids", "encoder=tiny_clip", *FAST)
LINEAR = ("encoder=tiny_clip", "method=linear", "thaw=head", "method.epochs=4", *FAST)
pytestmark = pytest.mark.usefixtures("shared_store")


def test_what_it_adds_is_listed_with_its_settings_and_not_imported(thawline, lens, sample):
    assert thawline("--version", "-v").splitlines()[1:4] == [
        "  encoders: quarters, of lens 1.2",
        "  methods: centroids, of lens 1.2",
        "  callbacks: autoclip, of lens 1.2",
    ]
    assert "    centroids: The class whose mean is nearest\n" in thawline("settings", "method")
    assert "autoclip: Clips the gradient of each step" in thawline("settings", "callbacks")
    assert "did you mean method=centroids?" in thawline.refused("train", sample, "method=centroid")
    assert "autoclip, early_stopping" in thawline.refused("train", sample, "callbacks=[autoclop]")
    thawline("train", sample, *LINEAR, "callbacks=[lr_monitor]")
    assert imported("lens") == []
    assert "method.temperature=1.0\n    What squared distances are divided by." in thawline(
        "settings", "method", "method=centroids"
    )
    assert imported("lens") == ["lens", "lens.named"]


def test_a_method_is_judged_chosen_swept_over_exported_and_asked(thawline, lens, sample):
    thawline("train", sample, *CENTROIDS, "cv=2")
    (run,) = thawline.runs()
    assert json.loads((run / "folds" / "all" / "chosen.json").read_text())["temperature"] == 1
    assert sorted(imported("lens")) == ["lens", "lens.centroids", "lens.named"]
    # Nearest means, by hand: the state is what the formula says, of the features that the head standardises.
    state = load_file(run / "folds" / "all" / "tail.safetensors")
    weight, bias = state["head.layers.weight"].double(), state["head.layers.bias"].double()
    np.testing.assert_allclose(-(weight**2).sum(dim=1) / 4, bias, rtol=1e-5)
    assert thawline.metrics()["method"] == "centroids"
    thawline("evaluate", run)
    assert thawline.metrics("evaluate")["method"] == "centroids"
    thawline("export", run, "out=Bundle")
    shutil.rmtree(lens.parent)  # a service that answers by it has no such package
    forget()
    importlib.invalidate_caches()
    bundle = package.load(thawline.directory / "Bundle", device="cpu")
    assert bundle.manifest["run"]["method"] == "centroids"
    photo = next((sample / "wedding").rglob("*.jpg"))
    thawline("predict", "Bundle", photo, "out=said.jsonl")
    assert "wedding" in (thawline.directory / "said.jsonl").read_text(encoding="utf-8")
    said = thawline.refused("evaluate", run, sample)
    assert said == (
        "method.fit=centroids is of no method of this version of thawline or of an installed package; install the "
        "package that adds it"
    )


@pytest.mark.long
def test_a_sweep_and_a_choice_among_methods_take_it(thawline, lens, sample):
    thawline("train", sample, *CENTROIDS, "-m", "method.temperature=1,100")
    board = (thawline.runs("sweep")[-1] / "leaderboard.csv").read_text(encoding="utf-8")
    assert "method.temperature=100" in board
    words = ("method=auto", "method.folds=2", "method.methods=[centroids,gda,trees]", "method.thaw=[]")
    thawline("train", sample, "encoder=tiny_clip", *FAST, *words)
    chosen = json.loads((thawline.runs("sweep")[-1] / "chosen.json").read_text(encoding="utf-8"))
    assert {one["setting"] for one in chosen["candidates"]} == {"method=centroids", "method=gda"}
    assert list(chosen["left_out"]) == ["method=trees"]


REFUSED = {
    "method.temperatur=2": "there is no setting 'method.temperatur'; did you mean 'method.temperature'?",
    "method.temperature=0": "method.temperature=0.0 must be above 0",
    "method.head=mlp": "method.head=mlp is not known; use one of linear, probe",
    "callbacks=[autoclip]": "callbacks autoclip: method=centroids is not fitted by gradient descent; leave",
    "method=linear callbacks=[autoclip] callbacks.autoclip.percentil=5": (
        "callbacks.autoclip has no setting 'percentil'; it takes percentile"
    ),
    "method=linear callbacks=[autoclip] callbacks.autoclip.percentile=0": (
        "callbacks.autoclip.percentile=0.0 must be above 0 and at most 100"
    ),
}


def test_what_it_does_not_take_is_refused_in_a_sentence(thawline, lens, sample):
    for words, sentence in REFUSED.items():
        assert thawline.refused("train", sample, *CENTROIDS, *words.split()).startswith(sentence), words


CUT = """
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == int(os.environ.get("LENS_CUT", "-1")):
            os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.long
@pytest.mark.parametrize("claims", [True, False])
def test_a_training_that_was_cut_off_comes_to_the_same_bits(thawline, lens, sample, monkeypatch, claims):
    """By its state where the callback claims that, anew where it does not."""
    code = lens / "autoclip.py"
    text = f"import os\nimport signal\n\n{code.read_text(encoding='utf-8')}{CUT}"
    code.write_text(text if claims else text.replace("state_dict", "forgotten"), encoding="utf-8")
    if not claims:
        named = lens / "named.py"
        named.write_text(named.read_text(encoding="utf-8").replace("resumes=True", "resumes=False"), encoding="utf-8")
    words = (*LINEAR, "logger=csv", "callbacks=[autoclip]", "method.batch_size=16")
    thawline("train", sample, *words)
    monkeypatch.setenv("LENS_CUT", "7")
    thawline("train", sample, *words, status=143)
    monkeypatch.delenv("LENS_CUT")
    whole, cut = (run / "folds" / "holdout" for run in thawline.runs())
    assert len((cut / "history.csv").read_text().splitlines()) == 2
    said = thawline("train", thawline.runs()[-1])
    anew = "with callbacks=[autoclip], which can't go on in the middle, a training that was cut off begins anew"
    assert (anew in said) is not claims
    for name in ("tail.safetensors", "chosen.json", "history.csv"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name


BAD = {
    "nothing": ("", "the method 'x' of the package broken can't be imported: module 'broken.named' has no attribute"),
    "other": ("X = 3", "broken.named:X of the package broken must be a NamedMethod, with a dataclass of settings"),
    "gradient": (
        "from thawline.fitting.known import NamedMethod\nfrom thawline.fitting.settings import GradientSettings\n"
        "X = NamedMethod(GradientSettings, 'broken.fit:fit')",
        "the settings of broken.named:X of the package broken must come from MethodSettings, and not from Gradient",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_record_that_is_none_is_one_sentence(thawline, install, sample, kind):
    text, sentence = BAD[kind]
    conf = "defaults: [x_schema, _self_]\nname: x\nhead: linear\n"
    install("broken", {"named.py": text, "conf/method/x.yaml": conf}, [("methods", "x", "broken.named:X")])
    assert thawline.refused("train", sample, "method=x", "encoder=tiny_clip", *FAST).startswith(sentence)


@pytest.mark.parametrize(("kind", "name"), [("methods", "logistic"), ("methods", "closed_form"), ("callbacks", "ema")])
def test_a_name_that_is_taken_is_refused(thawline, install, sample, kind, name):
    install("broken", {}, [(kind, name, "broken.named:X")])
    assert thawline.refused("train", sample) == (
        f"the package broken adds '{name}' to the {kind}, which Thawline has already; uninstall it, or have it take "
        "another name"
    )


def test_a_name_that_two_packages_have_is_refused(thawline, lens, install, sample):
    install("broken", {}, [("callbacks", "autoclip", "broken.named:X")])
    assert thawline.refused("train", sample) == (
        "the packages broken and lens both add 'autoclip' to the callbacks; uninstall one"
    )
