"""ONNX graphs say what the bundle says, in batches of any size."""

import json

import numpy as np
import pytest
import torch
from tests.bundles.conftest import PROMPTS, Kind
from transformers import CLIPProcessor

import thawline
from thawline.data.photos.photo import read_photo
from thawline.encoders.encoder import Normalise

pytest.importorskip("onnxruntime")
CLIP, TIMM = Kind("clip", "prompts and text", "projection"), Kind("timm:test_resnet", "linear", "all")


def run(path, **inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return dict(zip((each.name for each in session.get_outputs()), session.run(None, inputs), strict=True))


@pytest.mark.parametrize("kind", [pytest.param(CLIP, marks=pytest.mark.long), TIMM], ids=lambda kind: kind.name)
def test_graphs_say_what_the_bundle_says(write, photos, kind):
    folder, fitted = write(kind, onnx=True)
    pixels = torch.stack([read_photo(path, fitted.preprocessing)[1] for path in photos])
    values = Normalise(fitted.preprocessing)(pixels).numpy()
    for part in (slice(0, 1), slice(0, 3), slice(None)):
        logits = run(folder / "vision.onnx", pixel_values=values[part])["logits"]
        said = torch.from_numpy(logits).softmax(-1).numpy()
        assert np.abs(said - fitted.say(pixels[part])).max() <= 1e-3
    manifest = thawline.load(folder).manifest
    graphs = {"vision.onnx"} | ({"text.onnx"} if kind is CLIP else set())
    assert {name for name in manifest["files"] if name.endswith(".onnx")} == graphs
    assert all(manifest["largest_difference"][name] <= 1e-3 for name in graphs)
    assert manifest["versions"]["onnxruntime"]


@pytest.mark.long
def test_the_text_graph_gives_the_classes_of_the_vision_graph(write, photos):
    folder, fitted = write(CLIP, onnx=True)
    processor = CLIPProcessor.from_pretrained(folder)
    classes = []
    for prompts in PROMPTS.values():  # other lengths and batches than the graph was made with
        tokens = processor(text=prompts, return_tensors="np", padding=True)
        units = run(folder / "text.onnx", **{name: tokens[name] for name in ("input_ids", "attention_mask")})[
            "text_embeds"
        ]
        assert np.abs(np.linalg.norm(units, axis=1) - 1).max() < 1e-5
        classes.append(units.sum(axis=0) / np.linalg.norm(units.sum(axis=0)))
    pixels = torch.stack([read_photo(path, fitted.preprocessing)[1] for path in photos])
    seen = run(folder / "vision.onnx", pixel_values=Normalise(fitted.preprocessing)(pixels).numpy())
    scale = np.exp(json.loads((folder / "config.json").read_text())["logit_scale_init_value"])
    logits = scale * seen["image_embeds"] @ np.stack(classes).T
    assert np.ptp(logits - seen["logits"] * (logits[0, 0] / seen["logits"][0, 0])) < 2e-3
