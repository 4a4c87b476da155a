import pytest
from omegaconf import OmegaConf

from thawline.data.photos.augmentation import AugmentationSettings
from thawline.data.settings import DataSettings
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.fitting.settings import (
    GradientSettings,
    LogisticSettings,
    MethodSettings,
    TrainerSettings,
    ZeroShotSettings,
)
from thawline.runs.settings import LoggerSettings
from thawline.tasks.settings import RunSettings, saved_settings

EVENTS = {"task": "events", "data": DataSettings(path="Photos"), "logger": LoggerSettings(name="csv")}
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
    assert RunSettings(**EVENTS, encoder=CLIP, method=method, thaw=thaw).cut == cut


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
        RunSettings(**EVENTS, encoder=encoder, method=method, thaw=thaw)


@pytest.mark.parametrize(
    "method",
    [gradient("linear"), LogisticSettings(name="x", head="linear", c=[0.1, 1.0]), ZeroShotSettings("x", "prompts")],
)
def test_a_saved_config_gives_the_settings_back(method: MethodSettings):
    settings = RunSettings(**EVENTS, encoder=CLIP, method=method, seed=3)
    saved = OmegaConf.create(OmegaConf.to_container(OmegaConf.structured(settings)))
    for group in ("data", "trainer", "logger", "store", "paths"):
        saved[group] = {}
    saved.data.path, saved.trainer.accelerator, saved.logger.name = "Photos", "cpu", "csv"
    saved.paths = {"outputs": "o", "run": "r"}
    again = saved_settings(saved)
    assert (again.method, again.encoder, again.seed) == (method, CLIP, 3)


def test_a_config_of_another_version_is_refused():
    with pytest.raises(UserError, match="of no method of this version of thawline or of an installed package"):
        saved_settings(OmegaConf.create({"method": {"fit": "by magic"}}))
    with pytest.raises(UserError, match="does not fit this version"):
        saved_settings(OmegaConf.create({"method": {"fit": "nothing"}, "surplus": 1}))


LOGISTIC = LogisticSettings(name="logistic", head="linear", c=[1.0])
ZERO_SHOT = ZeroShotSettings(name="zero_shot", head="prompts")


def run_of(method, thaw=None, *, augmentation=None, encoder=CLIP, **trainer):
    return RunSettings(
        **EVENTS,
        encoder=encoder,
        method=method,
        thaw=thaw,
        augmentation=AugmentationSettings(**{"name": "mine", **(augmentation or {})}),
        trainer=TrainerSettings(accelerator="cpu", **trainer),
    )


@pytest.mark.parametrize(
    ("method", "augmentation", "sentence"),
    [
        (LOGISTIC, {"views": 4, "flip": 0.5}, "method=logistic is fitted in closed form .* augmentation.views=4;"),
        (ZERO_SHOT, {"views": 2, "flip": 0.5}, "method=zero_shot fits nothing .* augmentation.views=2;"),
        (LOGISTIC, {"mixup": 0.2}, "method=logistic is fitted in closed form .* augmentation.mixup=0.2;"),
        (ZERO_SHOT, {"mixup": 0.2}, "method=zero_shot fits nothing .* augmentation.mixup=0.2;"),
        (LOGISTIC, {"flip": 0.5}, "method=logistic is fitted in closed form .* augmentation=mine;"),
        (LOGISTIC, {"randaugment": [2, 9], "mixup": 0.2}, "method=logistic .* augmentation=mine;"),
    ],
)
def test_methods_without_training_steps_take_no_augmentation(method, augmentation, sentence):
    with pytest.raises(UserError, match=sentence):
        run_of(method, augmentation=augmentation)


def test_mixup_does_not_go_with_the_contrastive_loss():
    contrastive = GradientSettings(**PROJECTION, loss="contrastive")
    with pytest.raises(UserError, match=r"mixup mixes classes, which method.loss=contrastive can't use"):
        run_of(contrastive, augmentation={"mixup": 0.2})
    run_of(contrastive, augmentation={"views": 2, "flip": 0.5})
    run_of(gradient("prompts"), augmentation={"mixup": 0.2})


@pytest.mark.parametrize("varies", [{"flip": 0.5}, {"crop": [0.5, 1.0]}, {"jitter": [0.1, 0, 0, 0]}], ids=str)
@pytest.mark.parametrize("thaw", [None, "head", 2])
def test_pixels_below_the_thaw_line_vary_only_in_stored_views(varies, thaw):
    with pytest.raises(UserError, match=r"varies pixels, which lie below the thaw line; set augmentation.views"):
        run_of(gradient("linear"), thaw, augmentation=varies)
    run_of(gradient("linear"), thaw, augmentation={**varies, "views": 2})


def test_with_everything_thawed_pixels_vary_with_and_without_views():
    assert run_of(gradient("linear"), "all", augmentation={"flip": 0.5}).cut == "all"
    assert run_of(gradient("prompts"), "all", augmentation={"flip": 0.5, "views": 2}).cut == "all"


@pytest.mark.parametrize("method", [gradient("linear"), LOGISTIC, ZERO_SHOT])
def test_without_augmentation_every_method_runs(method):
    run_of(method)
    run_of(method, augmentation={"flip": 0.0, "jitter": [0, 0, 0, 0]})


@pytest.mark.parametrize(("method", "thaw"), [(gradient("linear"), None), (gradient("linear"), 2), (LOGISTIC, None)])
def test_loader_processes_are_for_stored_pixels_alone(method, thaw):
    with pytest.raises(UserError, match=r"trainer.workers=2: .* they are for thaw=all"):
        run_of(method, thaw, workers=2)


def test_loader_processes_are_taken_with_everything_thawed():
    assert run_of(gradient("linear"), "all", workers=2).trainer.workers == 2


@pytest.mark.parametrize("method", [LOGISTIC, ZERO_SHOT])
def test_only_gradient_descent_computes_on_several_devices(method):
    with pytest.raises(UserError, match=f"trainer.devices=2: method={method.name} computes on one device"):
        run_of(method, devices=2)
    assert run_of(gradient("linear"), devices=2).trainer.devices == 2


@pytest.mark.parametrize(
    ("changes", "sentence"), [({"cv": 1}, "cv=1 must be at least 2"), ({"seed": -1}, "seed=-1 must be 0 to 4294967295")]
)
def test_numbers_out_of_range_are_one_sentence(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        RunSettings(encoder=CLIP, method=gradient("linear"), **changes)
