"""CLIPs in open_clip's format at every cut, against the library itself."""

import json
import logging
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tests.bundles.conftest import FACTS
from tests.bundles.conftest import photos as pictures  # noqa: F401  # a fixture
from tests.encoders.open_clips import CONFIGS, save_open_clip
from tests.encoders.test_cuts import check_cuts

open_clip = pytest.importorskip("open_clip")

import thawline  # noqa: E402
from thawline.bundles.write import Extras, write_bundle  # noqa: E402
from thawline.data.photos.photo import read_pixels  # noqa: E402
from thawline.decisions.temperature import Temperature  # noqa: E402
from thawline.decisions.threshold import Threshold  # noqa: E402
from thawline.encoders.load import load  # noqa: E402
from thawline.encoders.settings import EncoderSettings, Gift  # noqa: E402
from thawline.errors import UserError  # noqa: E402
from thawline.tasks.match.bundle.write import TunedPairs  # noqa: E402

BORDERS = {
    "own": ["block0", "block1", "block2", "pooled"],
    "mean": ["block0", "block1", "pooled"],
    "timm": [*(f"blocks.{i}" for i in range(5)), "pooled"],
    "classifier": [*(f"blocks.{i}" for i in range(6)), "pooled"],
    "siglip": [*(f"blocks.{i}" for i in range(6)), "pooled"],
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
    own, length = open_clip.get_tokenizer(f"local-dir:{directories[kind]}")(asked), tokens["input_ids"].shape[1]
    assert torch.equal(tokens["input_ids"], own[:, :length])
    assert (length == own.shape[1]) == (kind == "siglip")  # it reads the padding, others nothing behind a text
    assert not own[:, length:].any()
    model = theirs(directories[kind])
    with torch.no_grad():
        whole = model.encode_text(own)
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


@pytest.mark.parametrize("kind", ["own", "siglip"])
def test_a_matchers_bundle_is_a_clip_of_open_clips(directories, pictures, tmp_path, kind):  # noqa: F811
    settings = settings_of(directories[kind], licence="MIT")
    towers = load(settings, fresh=True)
    torch.manual_seed(1)
    tails = []
    for tower in (towers.image, towers.text):
        tail = tower.tail(cut := tower.cut_for("projection"))
        with torch.no_grad():
            for parameter in tail.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        tails.append((cut, tail.state_dict()))
    fitted = Threshold(0.4, "f1", 0.8), Temperature(2.0, "inner", 10, (0.5, 0.4))
    write_bundle(
        tmp_path / "bundle", TunedPairs("match", settings, "full", tails, 7.5, -1.5, *fitted), Extras((), 1e-5, FACTS)
    )
    matcher, model = thawline.load(tmp_path / "bundle", device="cpu"), theirs(tmp_path / "bundle")
    assert float(model.logit_scale.detach().exp()) == pytest.approx(7.5)
    how = matcher.preprocessing
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (how.mean, how.std))
    tokenizer = open_clip.get_tokenizer(f"local-dir:{tmp_path / 'bundle'}")
    for path, text in zip(pictures[:3], ("A Cake", "snow", "people"), strict=True):
        with torch.no_grad():
            logits, _ = model.get_logits(((matcher.pixels(path) / 255 - mean) / std)[None], tokenizer([text]))
        wanted = torch.sigmoid(logits if model.logit_bias is not None else logits - 1.5)
        assert matcher.detect_mismatch(path, text)["probability"] == pytest.approx(float(wanted), abs=1e-5)
    assert "open_clip.get_tokenizer" in (tmp_path / "bundle" / "README.md").read_text()


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


def test_the_library_says_nothing_and_leaves_the_loggers_alone(directories, caplog):
    before = logging.getLogger().handlers[:], logging.getLogger().filters[:]
    with caplog.at_level(logging.INFO):
        load(settings_of(directories["own"]), fresh=True)
    assert not [record for record in caplog.records if record.name == "root"]
    assert (logging.getLogger().handlers, logging.getLogger().filters) == before


def test_without_the_extra_it_is_one_sentence(directories, monkeypatch):
    monkeypatch.setattr("thawline.encoders.load.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"needs open_clip, not installed; run: pip install 'thawline\[open_clip\]'"):
        load(settings_of(directories["own"]), fresh=True)
