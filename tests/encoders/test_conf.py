"""The conf files of the encoders."""

import re
from pathlib import Path

import pytest
import timm
import torchvision
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from thawline.encoders.load import load
from thawline.encoders.settings import AUDIO, EncoderSettings
from thawline.encoders.vision.timm import load_timm
from thawline.encoders.weights import look_up

CONF = Path(__file__).resolve().parents[2] / "conf"
FILES = sorted((CONF / "encoder").glob("*.yaml"))


def read(name: str) -> EncoderSettings:
    ConfigStore.instance().store(group="encoder", name="encoder_schema", node=EncoderSettings)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        settings = OmegaConf.to_object(compose(overrides=[f"+encoder={name}"]).encoder)
    assert isinstance(settings, EncoderSettings)
    return settings


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_makes_settings(path):
    settings = read(path.stem)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    units = {"scratch": "", "sentences": "tokens", **dict.fromkeys(AUDIO, "Hz")}
    assert units.get(settings.family, "px") in text
    assert settings.revision is None or re.fullmatch(r"[0-9a-f]{40}", settings.revision)
    if settings.family == "timm":
        config = timm.get_pretrained_cfg(settings.model)
        assert config is not None
        assert "/" not in settings.name or settings.name == config.hf_hub_id
    if settings.family == "torchvision":
        assert settings.model in torchvision.models.list_models()


def test_the_encoders_that_there_are():
    assert [path.stem for path in FILES] == [
        "ast",
        "ast_stems",
        "audio",
        "bge_small",
        "clip",
        "convnext_tiny",
        "descriptors",
        "dinov2",
        "dinov3",
        "efficientnet_b0",
        "efficientnet_lite0",
        "hubert_base",
        "hubert_genre",
        "mel_cnn",
        "mfcc",
        "minilm",
        "minilm_multilingual",
        "mobilenetv2",
        "mobilenetv2_035",
        "mobilenetv4",
        "mpnet",
        "open_clip",
        "resnet50",
        "scratch",
        "siglip",
        "siglip2",
        "squeezenet",
        "timm",
        "tiny_clip",
        "vit_base_patch16_224",
        "vit_base_patch16_224_in21k",
        "wav2vec2_base",
        "wav2vec2_genre",
    ]


def test_the_converted_mobilenet(shared_data):
    settings = read("mobilenetv2_035")
    settings.weights = str(shared_data / "weights" / "mobilenetv2_035_backbone_timm.safetensors")
    encoder = load_timm(settings)
    assert encoder.preprocessing.size == 224
    assert encoder.preprocessing.mean == encoder.preprocessing.std == (0.5, 0.5, 0.5)
    assert encoder.model.bn2.eps == 1e-3
    assert encoder.dim == 1280


def test_a_folder_of_weights_serves_several_encoders(shared_data):
    for name, width in (("mobilenetv2_035", 1280), ("squeezenet", 512)):
        settings = read(name)
        settings.weights = str(shared_data / "weights")
        encoder = load(settings)
        assert encoder.dim == width
        assert encoder.preprocessing.size == 224
        assert look_up(settings).where == shared_data / "weights"
