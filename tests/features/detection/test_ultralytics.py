"""Files that ultralytics runs: what they say, and what importing it may not touch here."""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image
from tests.extras import require
from tests.features.detection.yolo import save_yolo

from thawline.data.listing import Listed
from thawline.errors import UserError
from thawline.features.detection import of_ultralytics
from thawline.features.detection.detector import DetectorInput
from thawline.features.detection.settings import PeopleFilterSettings
from thawline.features.detection.stored import look_for_people
from thawline.files import digest_of

pytestmark = pytest.mark.extra
CPU = torch.device("cpu")
# Two that show people and one of nothing but a tree, as anyone sees.
PHOTOS = {"family/img049.jpg": True, "family/img082.jpg": True, "christmas/img018.jpg": False}


@pytest.fixture(scope="module", autouse=True)
def installed():
    require("people", "ultralytics")


def look(photos, root, detector):
    return look_for_people(photos, root, PeopleFilterSettings("tag", str(detector)), 110.0, CPU)


def test_people_are_found_and_nothing_of_this_process_is_changed(shared_data, tmp_path):
    photos = [Listed(shared_data / "events" / name, name, "class", "", None) for name in PHOTOS]
    weights = shared_data / "weights" / "yolov8n_int8.onnx"
    before, save = dict(os.environ), torch.save
    found = look(photos, tmp_path / "store", weights)
    assert {name: confidence >= 0.25 for name, confidence in found.confidences.items()} == PHOTOS
    assert found.computed == len(PHOTOS)
    assert (dict(os.environ), torch.save) == (before, save)
    assert "ultralytics" not in sys.modules
    again = look(photos, tmp_path / "store", weights)
    assert (again.confidences, again.computed) == (found.confidences, 0)


def write_onnx(path, **metadata):
    """A network that gives back what it is given, with what ultralytics writes of its own."""
    shape = [1, 3, 32, 32]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["images"], ["output0"])],
        "graph",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"stride": "32", "imgsz": "[32, 32]", "batch": "1", **metadata})
    onnx.save(model, path)
    return path


def test_weights_are_told_apart_by_what_they_are(tmp_path):
    with ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), of_ultralytics._switch_off, (str(tmp_path),)
    ) as pool:
        done = []

        def pt(name, architecture, **given):
            done.append(pool.submit(save_yolo, tmp_path / name, architecture, **given))
            done[-1].result()
            return tmp_path / name

        def refusal(path):
            error = pool.submit(of_ultralytics._loaded, str(path), path).exception()
            assert isinstance(error, UserError)
            assert "\n" not in str(error)
            return str(error)

        for classifier in (
            write_onnx(tmp_path / "c.onnx", task="classify", names="{0: 'person'}"),
            pt("c.pt", "yolov8n-cls.yaml", person=True),
        ):
            assert refusal(classifier) == (
                f"people.detector={classifier} is a model of the task 'classify'; use one that detects objects"
            )
        for other in (
            write_onnx(tmp_path / "o.onnx", task="detect", names="{0: 'thing', 1: 'cat'}"),
            pt("o.pt", "yolov8n.yaml", person=False),
        ):
            assert refusal(other) == (
                f"people.detector={other} has no class 'person', but thing, cat; use one that was trained on COCO"
            )
        for name in ("broken.onnx", "broken.pt"):
            (tmp_path / name).write_bytes(b"no weights")
            assert refusal(tmp_path / name).startswith(f"people.detector={tmp_path / name} can't be loaded: ")

        Image.new("RGB", (60, 40)).save(tmp_path / "black.png")
        photo = DetectorInput(tmp_path / "black.png", digest_of(tmp_path / "black.png"), 110.0)
        detector = pt("d.pt", "yolov8n.yaml", person=True)
        assert pool.submit(of_ultralytics._look, photo, (str(detector), detector)).result() == 0.0


def test_the_extra_is_named_where_it_is_not_installed(tmp_path, monkeypatch):
    (tmp_path / "some.pt").touch()
    monkeypatch.setattr(of_ultralytics, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"needs ultralytics \(AGPL-3.0\), not installed; run: pip install 'thawline\["):
        of_ultralytics.UltralyticsDetector(str(tmp_path / "some.pt")).key()
    monkeypatch.setattr(of_ultralytics, "find_spec", lambda name: None if name == "onnxruntime" else name)
    (tmp_path / "some.onnx").touch()
    with pytest.raises(UserError, match="needs onnxruntime, not installed"):
        of_ultralytics.UltralyticsDetector(str(tmp_path / "some.onnx")).key()
