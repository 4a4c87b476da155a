"""The tiny CLIP loads as any CLIP does, reads any prompt, and is decent but not perfect on the sample."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image, ImageOps
from torch.nn import functional as F
from transformers import AutoModel, AutoProcessor, CLIPModel, CLIPProcessor

from thawline.samples.weights import tiny_clip_directory

REPOSITORY = Path(__file__).resolve().parents[2]
TOOL = REPOSITORY / "tools" / "train_tiny_clip.py"
PROMPTS = yaml.safe_load((REPOSITORY / "conf" / "prompts" / "events.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model():
    return CLIPModel.from_pretrained(tiny_clip_directory()).eval()


@pytest.fixture(scope="module")
def processor():
    return CLIPProcessor.from_pretrained(tiny_clip_directory())


def test_it_loads_as_any_clip_does(model, processor):
    assert type(AutoModel.from_pretrained(tiny_clip_directory())) is CLIPModel
    assert type(AutoProcessor.from_pretrained(tiny_clip_directory())) is CLIPProcessor
    assert model.dtype == torch.float32
    assert model.config.vision_config.image_size == 64
    assert 1 < model.logit_scale.exp().item() <= 100
    assert processor.tokenizer.model_max_length == 32
    assert processor.tokenizer.eos_token_id == model.config.text_config.eos_token_id
    assert len(processor.tokenizer) == model.config.text_config.vocab_size


def test_it_is_small_and_readable_by_all():
    files = {path.name: path.stat() for path in tiny_clip_directory().iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"} <= set(files)
    assert files["model.safetensors"].st_size < 4.1e6
    assert all(stat.st_mode & 0o444 == 0o444 for stat in files.values())


@pytest.mark.parametrize("name", PROMPTS["classes"])
def test_the_shipped_prompts_fit(name, processor):
    templates = [template.format(label=name) for template in PROMPTS["templates"]]
    for text in [*PROMPTS["classes"][name], *templates]:
        tokens = processor.tokenizer(text).input_ids
        assert len(tokens) <= 32
        assert tokens[-1] == processor.tokenizer.eos_token_id not in tokens[:-1]


@pytest.mark.parametrize(
    "text", ["a photo of a Mehndi, a kind of event", "naïve café", "日本の祭り", "🎉 2024!", "x" * 20]
)
def test_any_text_is_tokenized_without_loss(text, processor):
    tokens = processor.tokenizer(text).input_ids[1:-1]
    assert processor.tokenizer.unk_token_id not in tokens
    kept = processor.tokenizer.decode(tokens, skip_special_tokens=True).replace(" ", "")
    assert kept == text.lower().replace(" ", "")


def test_padding_pads_and_does_not_change_the_features(model, processor):
    texts = ["a wedding", "a photo of a campfire, a tent and logs in a forest at night"]
    padded = processor.tokenizer(texts, padding="max_length", return_tensors="pt")
    assert padded.input_ids.shape == (2, 32)
    with torch.no_grad():
        together = model.get_text_features(**padded).pooler_output
        alone = [
            model.get_text_features(**processor.tokenizer([text], return_tensors="pt")).pooler_output for text in texts
        ]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)


def zero_shot(model, processor, sample, sample_files, prompts):
    names = [name for name in sample_files if name not in sample.left_out]
    labels = np.array([sample.classes.index(name.partition("/")[0]) for name in names])
    images = [ImageOps.exif_transpose(Image.open(sample_files[name])).convert("RGB") for name in names]
    with torch.no_grad():
        pixels = processor.image_processor(images, return_tensors="pt").pixel_values
        features = F.normalize(model.get_image_features(pixels).pooler_output, dim=-1)
        classes = []
        for texts in prompts:
            tokens = processor.tokenizer(texts, padding=True, return_tensors="pt")
            classes.append(F.normalize(model.get_text_features(**tokens).pooler_output, dim=-1).mean(0))
        chosen = (features @ F.normalize(torch.stack(classes), dim=-1).T).argmax(1).numpy()
    return (chosen == labels).mean()


def test_zero_shot_is_decent_but_leaves_something_to_gain(model, processor, sample, sample_files):
    names = [name.replace("_", " ") for name in sample.classes]
    plain = zero_shot(model, processor, sample, sample_files, [[f"a photo of a {name}"] for name in names])
    shipped = zero_shot(model, processor, sample, sample_files, [PROMPTS["classes"][name] for name in names])
    assert 0.5 < plain < 0.9
    assert 0.5 < shipped < 0.9


@pytest.mark.long
def test_the_tool_runs_and_its_files_load(tmp_path, monkeypatch, capsys):
    """In this process, which has imported the libraries."""
    monkeypatch.setattr(sys, "argv", [str(TOOL), "--fast", "--threads", "1", "--out", str(tmp_path)])
    monkeypatch.syspath_prepend(TOOL.parent)
    runpy.run_path(str(TOOL), run_name="__main__")
    assert "visual projection tuned" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in tiny_clip_directory().iterdir()}
    made, packaged = (CLIPModel.from_pretrained(path) for path in (tmp_path, tiny_clip_directory()))
    # A small corpus gives a smaller vocabulary; everything else has the packaged model's shape.
    shapes = [{name: tuple(value.shape) for name, value in each.state_dict().items()} for each in (made, packaged)]
    differing = {name for name in shapes[1] if shapes[0][name] != shapes[1][name]}
    assert differing <= {"text_model.embeddings.token_embedding.weight"}
    assert "license: apache-2.0" in (tmp_path / "README.md").read_text(encoding="utf-8")
