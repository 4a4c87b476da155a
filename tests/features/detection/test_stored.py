"""What detectors of transformers say of photos, kept once for each content."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.features.detection.tiny import save_classifier, save_yolos
from transformers import YolosForObjectDetection, YolosImageProcessor

from thawline.data.listing import Listed
from thawline.errors import UserError
from thawline.features.detection.of_transformers import TransformersDetector
from thawline.features.detection.settings import PeopleFilterSettings
from thawline.features.detection.stored import look_for_people
from thawline.features.rehearsing.going_on import rehearsing

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def yolos(tmp_path_factory):
    return save_yolos(tmp_path_factory.mktemp("yolos"))


@pytest.fixture
def photos(tmp_path):
    """Five photos of four contents, and a file that is none."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, side in enumerate((40, 64, 90, 120)):
        pixels = generator.integers(0, 60 * i + 40, (side, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    shutil.copy(folder / "1.png", folder / "copy.png")
    (folder / "broken.jpg").write_bytes(b"no photo")
    return [Listed(path, path.name, "class", "", None) for path in sorted(folder.iterdir())]


def look(photos, root, detector, **given):
    return look_for_people(photos, root, PeopleFilterSettings("tag", str(detector), **given), 110.0, CPU)


def test_a_photos_confidence_is_the_librarys_own_and_looked_for_once(yolos, photos, tmp_path, monkeypatch):
    found = look(photos, tmp_path / "store", yolos)
    model = YolosForObjectDetection.from_pretrained(yolos).eval()
    processor = YolosImageProcessor.from_pretrained(yolos)
    expected = {}
    for photo in photos:
        if photo.name != "broken.jpg":
            with torch.inference_mode():
                said = model(**processor(images=Image.open(photo.path).convert("RGB"), return_tensors="pt"))
            shares = said.logits[0].softmax(-1)[:, :-1]  # the last is that of nothing
            persons = [float(row[1]) for row in shares if int(row.argmax()) == 1]
            expected[photo.name] = max(persons, default=0.0)
    assert found.confidences == pytest.approx(expected, abs=1e-6)
    assert len(set(found.confidences.values())) == 4
    assert (found.computed, found.problems) == (4, {})
    monkeypatch.setattr(TransformersDetector, "look", None)
    again = look(photos, tmp_path / "store", yolos, min_confidence=0.9)
    assert (again.confidences, again.computed) == (found.confidences, 0)


def test_a_rehearsal_asks_for_what_was_not_looked_at(yolos, photos, tmp_path):
    class Nothing:
        def survey(self, *given):
            pass

    with rehearsing(Nothing()), pytest.raises(UserError, match="'thawline data check' with the same people=…"):
        look(photos, tmp_path / "store", yolos)


def test_what_is_no_detector_of_people_says_so_in_one_sentence(photos, tmp_path):
    def refusal(detector):
        with pytest.raises(UserError) as refused:
            look(photos, tmp_path / "store", detector)
        assert "\n" not in str(refused.value)
        return str(refused.value)

    cats = save_yolos(tmp_path / "cats", ("cat", "dog"))
    assert refusal(cats) == (
        f"people.detector={cats} has no class 'person', but cat, dog; use one that was trained on COCO"
    )
    vit = save_classifier(tmp_path / "vit")
    assert refusal(vit) == (
        f"people.detector={vit} holds a model of the kind 'vit', which detects no objects; use a DETR, YOLOS or RT-DETR"
    )
    assert refusal("somebody/detector").startswith("somebody/detector is not on this machine; fetch it with 'thawline")
    assert refusal("yolo") == (
        "people.detector=yolo is no directory, no Hub id and no .onnx or .pt file; name one of these"
    )
    assert refusal("yolov8n.pt") == (
        "there is no file yolov8n.pt, and none is fetched; put it there or mend people.detector"
    )
    (Path(cats) / "model.safetensors").unlink()
    assert "holds no model.safetensors" in refusal(cats)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mode": "all", "detector": "x"}, "people.mode=all is not known; use tag or require, or null"),
        ({"mode": "tag"}, "people=tag needs people.detector"),
        ({"detector": "x"}, "people.detector=x is not asked without people=tag or people=require"),
        ({"min_confidence": 0.01}, "people.min_confidence=0.01 must be from 0.05 to below 1"),
    ],
)
def test_settings_that_go_nowhere_are_refused(given, message):
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        PeopleFilterSettings(**given)
