"""CLIPs in open_clip's format at every cut, against the library itself."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tests.encoders.open_clips import CONFIGS, save_open_clip
from tests.encoders.test_cuts import check_cuts

open_clip = pytest.importorskip("open_clip")

from thawline.data.photos.photo import read_pixels  # noqa: E402
from thawline.encoders.load import load  # noqa: E402
from thawline.encoders.settings import EncoderSettings, Gift  # noqa: E402
from thawline.errors import UserError  # noqa: E402

BORDERS = {
    "own": ["block0", "block1", "block2", "pooled"],
    "mean": ["block0", "block1", "pooled"],
    "timm": [*(f"blocks.{i}" for i in range(5)), "pooled"],
    "classifier": [*(f"blocks.{i}" for i in range(6)), "pooled"],
    "siglip": [f"blocks.{i}" for i in range(6)],
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory):
    root = tmp_path_factory.mktemp("open_clip")
    return {kind: save_open_clip(root / kind, kind) for kind in CONFIGS}


def settings_of(directory, **given):
    return EncoderSettings(family="open_clip", name=str(directory), **given)


def theirs(directory, **given):
    return open_clip.create_model(f"local-dir:{directory}", **given).eval()


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_cut_of_the_image_tower(directories, kind, pixels, normalised):
    image = load(settings_of(directories[kind])).image
    entering = pixels(image.preprocessing.size)
    with torch.no_grad():
        whole = theirs(directories[kind]).encode_image(normalised(entering, image.preprocessing))
    check_cuts(image, {"pixels": entering}, whole)
    middle = ["embedding", *BORDERS[kind]] if kind in BORDERS else []
    assert list(image.borders) == ["pixels", *middle, "features"]


@pytest.mark.parametrize("kind", ["own", "mean", "siglip"])
def test_every_cut_of_the_text_tower(directories, kind, texts):
    towers = load(settings_of(directories[kind]))
    asked = [text.title() + "!" for text in texts]
    tokens = towers.tokenize(asked)
    assert torch.equal(tokens["input_ids"], open_clip.get_tokenizer(f"local-dir:{directories[kind]}")(asked))
    model = theirs(directories[kind])
    with torch.no_grad():
        whole = model.encode_text(tokens["input_ids"])
    check_cuts(towers.text, tokens, whole)
    assert towers.text.dim == towers.image.dim
    assert towers.logit_scale == pytest.approx(float(model.logit_scale.detach().exp()))
    assert settings_of("x").gifts == {Gift.WEIGHTS, Gift.TEXT}


def test_the_key_of_the_features_tells_the_tokenizers_settings(directories, tmp_path):
    texts = [load(settings_of(directories["siglip"])).text]
    copy = shutil.copytree(directories["siglip"], tmp_path / "copy")
    change(copy, {"model_cfg.text_cfg.tokenizer_kwargs": {"clean": "whitespace"}})
    texts.append(load(settings_of(copy)).text)
    assert texts[0].key(0) != texts[1].key(0)


@pytest.mark.parametrize(
    ("kind", "given"),
    [("own", {}), ("own", {"interpolation": "bilinear"}), ("siglip", {}), ("own", {"mean": [0.1] * 3})],
)
def test_photos_are_prepared_as_open_clip_does(tmp_path, kind, given, normalised):
    directory = save_open_clip(tmp_path / "clip", kind, **given)
    preprocessing = load(settings_of(directory)).image.preprocessing
    size = preprocessing.size
    photo = np.random.default_rng(0).integers(0, 256, (size + 18, size + 9, 3), dtype=np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    ours = normalised(read_pixels(tmp_path / "photo.png", preprocessing)[None], preprocessing)
    _, prepare = open_clip.create_model_from_pretrained(f"local-dir:{directory}")
    # One step of 255 apart: Pillow rounds between both directions, and PyTorch likewise, but not alike.
    assert (ours[0] - prepare(Image.fromarray(photo))).abs().max() <= 1.01 / 255 / min(preprocessing.std)


def test_another_size_interpolates_the_positions(directories, pixels, normalised):
    image = load(settings_of(directories["own"], size=48)).image
    assert image.preprocessing.size == 48
    with torch.no_grad():
        entering = normalised(pixels(48), image.preprocessing)
        whole = theirs(directories["own"], force_image_size=48).encode_image(entering)
    assert (image.prefix(image.end)({"pixels": pixels(48)})["features"] - whole).abs().max() <= 1e-5


def change(directory, values):
    """Change what the config says, by dotted names."""
    path = directory / "open_clip_config.json"
    config = json.loads(path.read_text())
    for name, value in values.items():
        *outer, last = name.split(".")
        inner = config
        for key in outer:
            inner = inner[key]
        inner[last] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"preprocess_cfg.resize_mode": "longest"}, "wants resize_mode=longest, borders around the photo"),
        ({"model_cfg.text_cfg.hf_model_name": "roberta-base"}, "a text tower of transformers' is not read"),
        ({"model_cfg.multimodal_cfg": {}}, r"the text tower for one \(CoCa\) is not read"),
        ({"model_cfg.vision_cfg.timm_model_name": "hf-hub:a/b"}, "timm_model_name=hf-hub:a/b is no name of timm's"),
        (
            {"model_cfg.text_cfg.tokenizer_kwargs": {"reduction_mask": "syntax"}},
            "with reduction_mask is not used",
        ),
        ({"model_cfg.text_cfg.embed_cls": True}, r"the text tower for one \(CoCa\) is not read"),
        ({"model_cfg.text_cfg.hf_tokenizer_name": "a/b"}, r"has no tokenizer\.json; copy the tokenizer's files there"),
        ({"model_cfg.vision_cfg.width": 36}, "holds no model that open_clip can load: .*size mismatch"),
        ({"model_cfg.vision_cfg.image_size": [32, 40]}, "takes photos of 32 x 40 px"),
        ({"model_cfg": None}, "names no model_cfg with vision_cfg and text_cfg"),
    ],
)
def test_what_is_not_read_is_one_sentence(directories, tmp_path, values, says):
    copy = shutil.copytree(directories["own"], tmp_path / "copy")
    change(copy, values)
    (copy / "tokenizer.json").unlink()  # which open_clip reads only where the config names a tokenizer
    with pytest.raises(UserError, match=says):
        load(settings_of(copy))


def test_directories_of_other_formats_are_refused(directories, clip_directory, tmp_path):
    with pytest.raises(UserError, match=r"has no open_clip_config\.json, so it holds no CLIP in open_clip's format"):
        load(settings_of(clip_directory))
    with pytest.raises(UserError, match="is neither a directory nor a Hub id"):
        load(settings_of(tmp_path / "absent" / "there"))
    copy = shutil.copytree(directories["own"], tmp_path / "copy")
    (copy / "open_clip_model.safetensors").rename(copy / "open_clip_pytorch_model.bin")
    with pytest.raises(UserError, match="the one file of weights that is read of open_clip's; save the model as safe"):
        load(settings_of(copy))
    (copy / "open_clip_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(UserError, match="holds no model that open_clip can load"):
        load(settings_of(copy))


def test_without_the_extra_it_is_one_sentence(directories, monkeypatch):
    monkeypatch.setattr("thawline.encoders.load.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"needs open_clip, not installed; run: pip install 'thawline\[open_clip\]'"):
        load(settings_of(directories["own"]), fresh=True)
