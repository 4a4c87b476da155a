"""Loading CLIP: what a directory may hold, and what is refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPModel, CLIPProcessor

from thawline.data.photos.photo import read_pixels
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.clip import load_clip
from thawline.errors import UserError


@pytest.fixture
def directory(clip_directory, tmp_path):
    """A CLIP that a test may spoil."""
    return shutil.copytree(clip_directory, tmp_path / "my CLIP, été")


def load(directory, **given):
    return load_clip(EncoderSettings(family="clip", name=str(directory), **given))


def spoil(directory, change):
    state = load_file(directory / "model.safetensors")
    change(state)
    save_file(state, directory / "model.safetensors", metadata={"format": "pt"})


def test_pixels_are_scaled_as_the_processor_does(directory, pixels, normalised):
    batch = pixels(32, 1)
    theirs = CLIPProcessor.from_pretrained(directory)(images=list(batch), return_tensors="pt")["pixel_values"]
    assert (normalised(batch, load(directory).image.preprocessing) - theirs).abs().max() <= 1e-5


def test_photos_of_odd_sizes_are_cropped_as_the_processor_does(directory, tmp_path, normalised):
    """Where half a pixel is to be cut off, transformers rounds down; rounding to even moves every other size."""
    preprocessing = replace(load(directory).image.preprocessing, decode="full")
    processor = CLIPProcessor.from_pretrained(directory)
    side, rng = preprocessing.size, np.random.default_rng(0)
    for extra in range(8):  # px beyond the square, on either side
        for width, height in ((side + extra, side), (side, side + extra)):
            photo = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
            photo.save(tmp_path / "photo.png")
            ours = normalised(read_pixels(tmp_path / "photo.png", preprocessing)[None], preprocessing)
            theirs = processor(images=[photo], return_tensors="pt")["pixel_values"]
            assert (ours - theirs).abs().max() <= 1e-5, (width, height)


def test_tokens_are_the_processors(directory, texts):
    theirs = CLIPProcessor.from_pretrained(directory)(text=texts, padding=True, return_tensors="pt")
    ours = load(directory).tokenize(texts)
    assert {name: tensor.tolist() for name, tensor in ours.items()} == {k: v.tolist() for k, v in theirs.items()}


def test_preprocessing_of_an_older_directory(directory):
    # Before transformers 5 the values stood at the top of a file of their own, a size was one number.
    values = json.loads((directory / "processor_config.json").read_text(encoding="utf-8"))["image_processor"]
    (directory / "processor_config.json").unlink()
    older = {**values, "size": 36, "crop_size": 32, "resample": 2}
    (directory / "preprocessor_config.json").write_text(json.dumps(older), encoding="utf-8")
    preprocessing = load(directory).image.preprocessing
    assert (preprocessing.size, preprocessing.resize, preprocessing.crop) == (32, 36, "center")
    assert preprocessing.interpolation == "bilinear"
    assert preprocessing.mean == (0.48145466, 0.4578275, 0.40821073)


def test_preprocessing_without_a_crop_squashes(directory):
    path = directory / "processor_config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values["image_processor"].update(do_center_crop=False, size={"height": 32, "width": 32})
    path.write_text(json.dumps(values), encoding="utf-8")
    assert load(directory).image.preprocessing.crop == "squash"


def test_settings_override_the_preprocessing(directory):
    preprocessing = load(directory, crop_pct=0.8, interpolation="bilinear", mean=[0.1, 0.2, 0.3]).image.preprocessing
    assert (preprocessing.size, preprocessing.resize, preprocessing.interpolation) == (32, 40, "bilinear")
    assert preprocessing.mean == (0.1, 0.2, 0.3)
    assert preprocessing.std == (0.26862954, 0.26130258, 0.27577711)


def test_another_size_interpolates_the_positions_as_the_library_does(directory, pixels, normalised):
    image = load(directory, size=48).image
    with torch.no_grad():
        whole = CLIPModel.from_pretrained(directory).get_image_features(
            normalised(pixels(48), image.preprocessing), interpolate_pos_encoding=True
        )
    ours = image.prefix(len(image.stages))({"pixels": pixels(48)})["features"]
    assert (ours - whole.pooler_output).abs().max() <= 1e-5


def test_half_precision_on_disk_is_single_in_memory(directory):
    CLIPModel.from_pretrained(directory).half().save_pretrained(directory)
    assert {parameter.dtype for parameter in load(directory).image.model.parameters()} == {torch.float32}


def test_loading_prints_nothing(directory, capfd):
    load(directory)
    assert capfd.readouterr() == ("", "")


def test_weights_that_lack_a_tensor_are_refused(directory):
    # transformers fills it with random numbers and warns.
    spoil(directory, lambda state: state.pop("visual_projection.weight"))
    with pytest.raises(UserError, match=r"of another network than its config.json: they lack visual_projection.weight"):
        load(directory)


def test_weights_of_another_size_are_refused(directory):
    spoil(directory, lambda state: state.update({"visual_projection.weight": torch.zeros(5, 24)}))
    with pytest.raises(UserError, match=r"visual_projection.weight is \[5, 24\] there, and should be \[12, 24\]"):
        load(directory)


def test_a_damaged_file_is_refused(directory):
    (directory / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(UserError, match="holds no CLIP model that can be loaded"):
        load(directory)


def test_another_kind_of_model_is_refused(directory):
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    (directory / "config.json").write_text(json.dumps({**config, "model_type": "siglip"}), encoding="utf-8")
    with pytest.raises(UserError, match=r"holds another model than CLIP, says its config.json"):
        load(directory)


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "holds neither model.safetensors nor pytorch_model.bin"),
        ("processor_config.json", "has no preprocessor_config.json"),
        # transformers gives a tokenizer that knows three tokens, and says nothing.
        ("tokenizer.json", "has no tokenizer.json or vocab.json"),
    ],
)
def test_a_directory_that_lacks_a_file_is_refused(directory, missing, says):
    (directory / missing).unlink()
    with pytest.raises(UserError, match=says):
        load(directory)


def test_the_tokenizer_of_another_model_is_refused(directory):
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    config["text_config"]["vocab_size"] = 50
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    spoil(
        directory,
        lambda state: state.update(
            {
                "text_model.embeddings.token_embedding.weight": state["text_model.embeddings.token_embedding.weight"][
                    :50
                ].clone()
            }
        ),
    )
    with pytest.raises(UserError, match=r"knows 61 tokens, and the network 50; they don't belong together"):
        load(directory)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda values: values.pop("model"), "the tokenizer in .* can't be loaded: "),
        (lambda values: values["model"].pop("vocab"), "the tokenizer in .* can't be loaded: "),
        (lambda values: values["model"].update(merges=[["no", "such"]]), "the tokenizer in .* can't be loaded: "),
    ],
)
def test_a_damaged_tokenizer_is_refused(directory, change, says):
    values = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    change(values)
    (directory / "tokenizer.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UserError, match=says):
        load(directory)


def test_a_token_that_the_library_adds_is_counted_once_a_text_is_read(directory, texts):
    path = directory / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "pad_token": "<pad>"}))
    towers = load(directory)
    with pytest.raises(UserError, match="knows 62 tokens, and the network 61; they don't belong together"):
        towers.tokenize(texts)


def test_a_tokenizer_of_two_files_reads_the_same(directory, texts):
    towers = load(directory)
    model = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    (directory / "tokenizer.json").unlink()
    (directory / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (directory / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    other = load(directory)
    assert torch.equal(other.tokenize(texts)["input_ids"], towers.tokenize(texts)["input_ids"])
    assert other.text.key(0) != towers.text.key(0)
    (directory / "vocab.json").write_text(json.dumps({**model["vocab"], "more": 61}), encoding="utf-8")
    with pytest.raises(UserError, match="knows 62 tokens, and the network 61"):
        load(directory)


def test_settings_that_clip_does_not_read_are_refused():
    with pytest.raises(
        UserError,
        match=r"encoder.weights, model, model_args and bn_eps are for timm's and torchvision's networks; choose",
    ):
        EncoderSettings(family="clip", name="x", weights="file.safetensors")


def test_the_tiny_clip_of_the_package(texts):
    try:
        towers = load("package:tiny_clip")
    except UserError as error:
        pytest.skip(str(error))
    size = towers.image.preprocessing.size
    pixels = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    assert towers.image.prefix(len(towers.image.stages))({"pixels": pixels})["features"].shape == (1, towers.image.dim)
    assert towers.text.prefix(len(towers.text.stages))(towers.tokenize(texts))["features"].shape == (4, towers.text.dim)
