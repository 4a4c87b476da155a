"""Every experiment composes, says how it is run, and runs; so does every debug profile."""

import json
import re
from pathlib import Path

import hydra
import pytest
import timm
import torch
import yaml
from safetensors.torch import save_file
from tests.e2e.conftest import (  # noqa: F401  # fixtures
    SMALL,
    drawn,
    filled_store,
    pictures_drawn_once,
    sample,
    shared_store,
    thawline,
    weights,
)
from tests.encoders.hearers import save
from tests.encoders.text.readers import PLAIN, save_sentences
from transformers import ViTConfig, ViTImageProcessor, ViTModel

from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import register_settings
from thawline.samples.genre import make_genre
from thawline.samples.library import make_library
from thawline.samples.pairs import make_pairs
from thawline.tasks.typed import to_settings

CONF = Path(__file__).resolve().parents[1] / "conf"
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
# For small data: no second method to compare with, tags on a few photos, and a few trees.
FEWER = {
    "genre": ("data.reference=null",),
    "library": ("data.min_groups=4",),
    "genre_trees": ("method.rounds=5", "method.folds=2"),
}
PROFILES = sorted(path.stem for path in (CONF / "debug").glob("*.yaml"))


@pytest.fixture(scope="session")
def small(tmp_path_factory, weights):  # noqa: F811
    """For each encoder of an experiment, settings that put a small network of the same class in its place."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for model in ("resnet18", "efficientnet_lite0"):
        save_file(timm.create_model(model, num_classes=0).state_dict(), folder / f"{model}.safetensors")
    config = ViTConfig(hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64, image_size=64)
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder / "vit")
    ViTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder / "vit")
    save_sentences(folder / "minilm", modules=PLAIN)

    def timm_network(model):
        return (f"encoder.model={model}", f"encoder.weights={folder}", "encoder.size=64")

    def heard(variant):
        return (f"encoder.name={save(folder / variant, variant)}", "encoder.seconds=0.6")

    return {
        "clip": ("encoder.name=package:tiny_clip",),
        "mobilenetv2_035": (f"encoder.weights={weights}", "encoder.size=64"),
        "resnet50": timm_network("resnet18"),
        "efficientnet_b0": timm_network("efficientnet_lite0"),
        "efficientnet_lite0": (*timm_network("efficientnet_lite0"), f"text.name={folder / 'minilm'}"),
        "vit_base_patch16_224_in21k": (f"encoder.name={folder / 'vit'}",),
        "ast": heard("ast"),
        "wav2vec2_base": heard("wav2vec2"),
        "hubert_base": heard("hubert"),
        "mel_cnn": (*SMALL, "encoder.seconds=1"),
        "descriptors": (),
    }


@pytest.fixture(scope="session")
def products(tmp_path_factory):
    """The sample of pairs, small."""
    return make_pairs(tmp_path_factory.mktemp("pairs"), pictures=40, seed=0).file


@pytest.fixture(scope="session")
def answers(tmp_path_factory, sample):  # noqa: F811
    """Answers to the sample of photos."""
    path = tmp_path_factory.mktemp("answers") / "feedback.csv"
    said = {"wedding": "super_like", "beach_day": "like", "campfire_night": "dislike", "football_match": "dislike"}
    rows = [
        f'"{photo}",{answer}' for name, answer in said.items() for photo in sorted((sample / name).glob("*.jpg"))[:8]
    ]
    path.write_text("\n".join(["path,feedback", *rows]), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tracks(tmp_path_factory):
    """The sample of tracks, small."""
    return make_genre(tmp_path_factory.mktemp("tracks"), artists=4, tracks_per_artist=1, seconds=2, seed=0).file


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The sample of a library, small."""
    return make_library(tmp_path_factory.mktemp("library"), items=40).root / "images_metadata.json"


@pytest.fixture(scope="session")
def data(sample, products, answers, tracks, library):  # noqa: F811
    """Small data of each task."""
    return {"events": sample, "match": products, "preference": answers, "genre": tracks, "library": library}


def task_of(name):
    return name.partition("_")[0]


def encoder_of(name):
    chosen = yaml.safe_load((CONF / "experiment" / f"{name}.yaml").read_text(encoding="utf-8"))["defaults"]
    return next((each["override /encoder"] for each in chosen if "override /encoder" in each), "clip")


def header_of(name):
    """What an experiment's header says: the commands before the training, that of the training, and all of it."""
    lines = (CONF / "experiment" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    header = [line.removeprefix("#") for line in lines if line.startswith("#")]
    commands = [line.split() for line in header if line.startswith("   thawline ")]
    at = next(i for i, words in enumerate(commands) if words[1] == "train")
    return commands[:at], commands[at], " ".join(" ".join(header).split())


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_command_of_its_header_composes(name):
    _, trained, _ = header_of(name)
    assert (trained[:2], trained[3]) == (["thawline", "train"], f"experiment={name}")
    register_settings()
    with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
        config = hydra.compose("train", overrides=[*trained[3:], f"data.path={trained[2]}", "paths.run=run"])
    assert to_settings(config).task == task_of(name)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_header_states_how_its_result_comes_about(name):
    before, trained, said = header_of(name)
    sampled = ["thawline", "sample", task_of(name).replace("match", "pairs"), trained[2].partition("/")[0]]
    if "Expected accuracy: not measured, since" in said:
        assert before[0] in (sampled, ["thawline", "weights", "fetch", encoder_of(name)])
        return
    assert re.search(r"Expected: [a-z ]+ 0\.\d{3}, 0\.\d\d to 0\.\d\d", said)
    assert re.search(r"; (about )?\d+ s (of one core|on two cores)\.", said)
    assert before == [sampled]


@pytest.mark.usefixtures("shared_store")
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_runs(name, thawline, data, small):  # noqa: F811
    words = (f"experiment={name}", *small[encoder_of(name)], "debug=fast", "trainer=cpu", "logger=none")
    thawline("train", data[task_of(name)], *words, *FEWER.get(task_of(name), ()), *FEWER.get(name, ()))
    metrics = thawline.metrics()
    judged = metrics["judged"]
    assert 0 <= judged["overlap" if task_of(name) == "library" else "accuracy"]["value"] <= 1
    assert metrics["features"]["computed"] + metrics["features"]["read"] > 0


@pytest.mark.usefixtures("shared_store")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_debug_profile_runs(profile, thawline, sample):  # noqa: F811
    epochs, batch = (30, 8) if profile == "overfit" else (2, 24)
    words = (
        "encoder=tiny_clip",
        "method=linear",
        f"method.epochs={epochs}",
        f"method.batch_size={batch}",
        "trainer=cpu",
    )
    thawline("train", sample, *words, "method.lr=0.1", "logger=csv", f"debug={profile}")
    folds = thawline.runs()[-1] / "folds" / "holdout"
    rows = (folds / "history.csv").read_text().splitlines()[1:]
    assert json.loads((thawline.runs()[-1] / "metrics.json").read_text())["debug"] == profile
    assert (len(rows) == 1) == (profile == "fast")
    assert bool(list(folds.glob("*profile*.txt"))) == (profile == "profiler")
    if profile == "overfit":
        assert float(rows[-1].split(",")[1]) < 0.05


def test_what_there_is():
    recipes = {"zero_shot", "contrastive", "projection", "linear", "resnet50", "efficientnet_b0"}
    assert {f"events_{name}" for name in recipes | {"vit_head", "vit_blocks"}} <= set(EXPERIMENTS)
    assert {f"match_{name}" for name in ("zero_shot", "projections", "towers", "scratch", "minilm")} <= set(EXPERIMENTS)
    recipes = {"mel_cnn", "ast", "wav2vec2", "hubert", "trees", "rules"}
    assert {f"genre_{name}" for name in recipes} <= set(EXPERIMENTS)
    assert {f"preference_{name}" for name in ("zero_shot", "logistic", "gda", "blocks")} <= set(EXPERIMENTS)
    assert set(PROFILES) == {"none", "fast", "overfit", "profiler", "anomaly", "limit"}
