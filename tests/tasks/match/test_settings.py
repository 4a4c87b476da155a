import pytest
from omegaconf import OmegaConf
from tests.tasks.match.conftest import gradient

from thawline.data.photos.augmentation import AugmentationSettings
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.fitting.settings import LogisticSettings, TrainerSettings, ZeroShotSettings
from thawline.runs.settings import LoggerSettings, PathsSettings
from thawline.tasks.match.settings import PairsSettings
from thawline.tasks.settings import RunSettings, saved_settings

CLIP = EncoderSettings(family="clip", name="package:tiny_clip")
RESNET = EncoderSettings(family="timm", name="timm/resnet50", model="resnet50")
SCRATCH = EncoderSettings(family="scratch", name="scratch")
ZERO_SHOT = ZeroShotSettings(name="zero_shot", head="prompts")


def run_of(**changes):
    values = {"task": "match", "data": PairsSettings(path="pairs.csv"), "encoder": CLIP, "method": gradient()}
    return RunSettings(**{**values, "logger": LoggerSettings(name="csv"), **changes})


@pytest.mark.parametrize(
    ("changes", "cut"),
    [
        ({}, "projection"),
        ({"thaw": 2}, 2),
        ({"text": SCRATCH}, "head"),
        ({"encoder": RESNET, "text": SCRATCH}, "head"),
        ({"method": ZERO_SHOT}, "head"),
        ({"text": CLIP}, "projection"),  # the text tower of the same CLIP
    ],
)
def test_the_thaw_line_follows_from_the_encoders(changes, cut):
    assert run_of(**changes).cut == cut


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"method": LogisticSettings(name="logistic", head="linear", c=[1.0])}, "task=match takes method=pairs"),
        ({"task": "events"}, "method=pairs is for pairs of images and texts; add task=match"),
        ({"task": "events", "method": ZERO_SHOT, "text": SCRATCH}, "encoder@text is for pairs"),
        ({"method": ZERO_SHOT, "text": SCRATCH}, "method=zero_shot compares images and texts of one CLIP"),
        ({"method": ZERO_SHOT, "encoder": RESNET}, "method=zero_shot compares images and texts of one CLIP"),
        ({"method": gradient(penalty="per_class")}, "method.penalty=per_class counts photos of a class"),
        ({"augmentation": AugmentationSettings(name="x", mixup=0.2)}, "augmentation.mixup mixes classes"),
        ({"logger": LoggerSettings(name="csv", thumbnails=2)}, "logger.thumbnails=2 shows photos, not pairs"),
    ],
)
def test_what_has_no_sense_for_pairs(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        run_of(**changes)


@pytest.mark.parametrize("loss", ["siglip", "infonce", "triplet"])
def test_a_loss_over_the_batch_computes_on_one_device(loss):
    two = TrainerSettings(accelerator="cpu", devices=2)
    with pytest.raises(UserError, match=f"trainer.devices=2: method.loss={loss} computes on one device; set it to 1"):
        run_of(method=gradient(loss=loss), trainer=two)
    assert run_of(trainer=two).trainer.devices == 2


def test_a_saved_config_gives_pairs_and_their_text_encoder_back():
    settings = run_of(
        text=SCRATCH, encoder=RESNET, store=StoreSettings(dir="store"), paths=PathsSettings(outputs="o", run="r")
    )
    saved = OmegaConf.create(OmegaConf.to_yaml(OmegaConf.structured(settings)))
    assert saved_settings(saved) == settings


def test_other_data_bring_their_own_sides_and_folder():
    given = PairsSettings(train_csv="a.csv", test_csv="b.csv", image_base="photos", decode="full")
    assert given.at("c.csv") == PairsSettings(path="c.csv", decode="full")
