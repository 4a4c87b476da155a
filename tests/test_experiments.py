"""Every experiment composes, says how it is run, and runs; so does every debug profile."""

import functools
import json
from pathlib import Path

import hydra
import pytest
import timm
import torch
from safetensors.torch import save_file
from tests.e2e.conftest import (  # noqa: F401  # fixtures
    drawn,
    filled_store,
    pictures_drawn_once,
    sample,
    shared_store,
    thawline,
    weights,
)
from tests.encoders.text.readers import PLAIN, save_sentences
from transformers import ViTConfig, ViTImageProcessor, ViTModel

from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import register_settings
from thawline.samples.pairs import make_pairs
from thawline.tasks.typed import to_settings

CONF = Path(__file__).resolve().parents[1] / "conf"
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
FILES = {"events": "PHOTOS", "match": "PAIRS", "preference": "FILE"}
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

    return {
        "clip": ("encoder.name=package:tiny_clip",),
        "mobilenetv2_035": (f"encoder.weights={weights}", "encoder.size=64"),
        "resnet50": timm_network("resnet18"),
        "efficientnet_b0": timm_network("efficientnet_lite0"),
        "efficientnet_lite0": (*timm_network("efficientnet_lite0"), f"text.name={folder / 'minilm'}"),
        "vit_base_patch16_224_in21k": (f"encoder.name={folder / 'vit'}",),
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


def task_of(name):
    return name.partition("_")[0]


@functools.cache
def compose(name):
    register_settings()
    with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
        words = [f"experiment={name}", "data.path=Photos", "paths.run=run"]
        return hydra.compose("train", overrides=words, return_hydra_config=True)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_composes(name):
    config = compose(name).copy()
    del config.hydra
    assert to_settings(config).task == task_of(name)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_header_states_command_result_and_time(name):
    header = [line for line in (CONF / "experiment" / f"{name}.yaml").read_text().splitlines() if line.startswith("#")]
    text = " ".join(header)
    assert f"thawline train {FILES[task_of(name)]} experiment={name}" in text
    assert "Expected" in text
    assert " s " in text


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_runs(name, thawline, sample, products, answers, small):  # noqa: F811
    encoder = compose(name).hydra.runtime.choices.encoder
    data = {"events": sample, "match": products, "preference": answers}[task_of(name)]
    thawline("train", data, f"experiment={name}", *small[encoder], "debug=fast", "trainer=cpu", "logger=none")
    metrics = thawline.metrics()
    assert 0 <= metrics["judged"]["accuracy"]["value"] <= 1
    assert metrics["features"]["computed"] > 0


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
    assert {f"preference_{name}" for name in ("zero_shot", "logistic", "gda", "blocks")} <= set(EXPERIMENTS)
    assert set(PROFILES) == {"none", "fast", "overfit", "profiler", "anomaly", "limit"}
