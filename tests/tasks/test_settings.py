import pytest
from omegaconf import OmegaConf

from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.fitting.settings import GradientSettings, LogisticSettings, MethodSettings, ZeroShotSettings
from thawline.tasks.settings import RunSettings, saved_settings

CLIP = EncoderSettings(family="clip", name="package:tiny_clip")
RESNET = EncoderSettings(family="timm", name="timm/resnet50", model="resnet50")
PROJECTION = {"name": "projection", "head": "prompts", "epochs": 1, "batch_size": 2, "lr": 0.1, "patience": 1}


def gradient(head):
    return GradientSettings(**{**PROJECTION, "head": head})


@pytest.mark.parametrize(
    ("method", "thaw", "cut"),
    [
        (gradient("prompts"), None, "projection"),
        (gradient("linear"), None, "head"),
        (gradient("mlp"), 2, 2),
        (gradient("prompts"), "all", "all"),
        (LogisticSettings(name="x", head="linear", c=[1.0]), None, "head"),
        (ZeroShotSettings(name="x", head="prompts"), "head", "head"),
    ],
)
def test_the_thaw_line_follows_from_what_trains(method, thaw, cut):
    assert RunSettings(encoder=CLIP, method=method, thaw=thaw).cut == cut


@pytest.mark.parametrize(
    ("method", "encoder", "thaw", "sentence"),
    [
        (gradient("prompts"), RESNET, None, "compares photos with text"),
        (gradient("prompts"), CLIP, "head", "leaves nothing to train"),
        (LogisticSettings(name="x", head="linear", c=[1.0]), CLIP, 1, "thaw=1 can't be used"),
        (gradient("linear"), CLIP, 0, "thaw=0 must be at least 1"),
        (gradient("linear"), CLIP, "top", "thaw=top is not known"),
    ],
)
def test_mismatches_are_one_sentence(method, encoder, thaw, sentence):
    with pytest.raises(UserError, match=sentence):
        RunSettings(encoder=encoder, method=method, thaw=thaw)


@pytest.mark.parametrize(
    "method",
    [gradient("linear"), LogisticSettings(name="x", head="linear", c=[0.1, 1.0]), ZeroShotSettings("x", "prompts")],
)
def test_a_saved_config_gives_the_settings_back(method: MethodSettings):
    settings = RunSettings(task="events", encoder=CLIP, method=method, seed=3)
    saved = OmegaConf.create(OmegaConf.to_container(OmegaConf.structured(settings)))
    for group in ("data", "trainer", "logger", "store", "paths"):
        saved[group] = {}
    saved.data.path, saved.trainer.accelerator, saved.logger.name = "Photos", "cpu", "csv"
    saved.paths = {"outputs": "o", "run": "r"}
    again = saved_settings(saved)
    assert (again.method, again.encoder, again.seed) == (method, CLIP, 3)


def test_a_config_of_another_version_is_refused():
    with pytest.raises(UserError, match="does not fit this version"):
        saved_settings(OmegaConf.create({"method": {"fit": "by magic"}}))
    with pytest.raises(UserError, match="does not fit this version"):
        saved_settings(OmegaConf.create({"method": {"fit": "nothing"}, "surplus": 1}))
