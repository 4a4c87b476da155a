"""Encoders by what is remembered of them: the same in every respect, and never those of other files."""

import dataclasses
import json
import os
import random
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tests.encoders import hearers, separators
from tests.encoders.conftest import SIDE, save_clip, save_dino, save_siglip, save_vit
from tests.encoders.open_clips import save_open_clip
from tests.encoders.text.readers import PLAIN, save_sentences
from torchvision import models

from thawline.data.listing import Listed
from thawline.encoders.encoder import Encoder
from thawline.encoders.late import LateEncoder
from thawline.encoders.load import load_text
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.features import encoders
from thawline.features.encoders import load_late, load_late_text
from thawline.features.media import Photos
from thawline.features.store.key import canonical
from thawline.features.store.remembered import FOLDER
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.wanted import wanted_features

FAMILIES = ("clip", "siglip", "vit", "dinov2", "dinov3", "timm", "torchvision", "ast", "hubert", "audio", "stems")
if find_spec("open_clip"):
    FAMILIES = (*FAMILIES, "open_clip")
CUTS: tuple[int | str, ...] = ("head", "projection", "all", 1, 2, 99)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EncoderSettings]:
    """One of each family, written some time ago."""
    root = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    tv, resnet = root / "squeezenet.safetensors", root / "resnet.safetensors"
    save_file(models.squeezenet1_1().state_dict(), tv)
    save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), resnet)
    ast, hubert = hearers.save(root / "ast", "ast"), hearers.save(root / "hubert", "hubert")
    sound = {"name": str(ast), "seconds": 0.6}
    separator = separators.save(root / "separator", samplerate=22_050)
    made = {
        "clip": EncoderSettings(family="clip", name=str(save_clip(root / "clip"))),
        "siglip": EncoderSettings(family="siglip", name=str(save_siglip(root / "siglip"))),
        "dinov2": EncoderSettings(family="dinov2", name=str(save_dino(root / "dinov2"))),
        "dinov3": EncoderSettings(family="dinov3", name=str(save_dino(root / "dinov3", "dinov3"))),
        "vit": EncoderSettings(family="vit", name=str(save_vit(root / "vit")), precision="bfloat16"),
        "timm": EncoderSettings(family="timm", name="x", model="test_resnet", weights=str(resnet), size=SIDE),
        "torchvision": EncoderSettings(
            family="torchvision", name="x", model="squeezenet1_1", weights=str(tv), size=64, licence="bsd"
        ),
        "ast": EncoderSettings(family="ast", **sound),
        "hubert": EncoderSettings(family="hubert", name=str(hubert), seconds=0.5, hop=0.25, windows=3),
        "audio": EncoderSettings(family="audio", name=str(hubert), seconds=0.5),
        "stems": EncoderSettings(family="ast", stems=2, separator=str(separator), **sound),
    }
    if "open_clip" in FAMILIES:
        made["open_clip"] = EncoderSettings(family="open_clip", name=str(save_open_clip(root / "open_clip")))
    for path in root.rglob("*"):
        os.utime(path, (0, 0))
    return made


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets no network be loaded until it is called."""
    loads = encoders.load

    def refuse(settings: EncoderSettings) -> Any:
        raise AssertionError(f"the network of {settings.name} is not needed")

    monkeypatch.setattr(encoders, "load", refuse)
    monkeypatch.setattr(encoders, "load_text", refuse)

    def let() -> None:
        monkeypatch.setattr(encoders, "load", loads)
        monkeypatch.setattr(encoders, "load_text", load_text)

    return let


def towers_of(loaded: Any) -> list[Encoder]:
    return [loaded.image, loaded.text] if isinstance(loaded, ClipTowers) else [loaded]


def cut_of(encoder: Encoder, thaw: int | str) -> int | str:
    try:
        return encoder.cut_for(thaw)
    except UserError as error:
        return str(error)


def entering(encoder: Encoder) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    if encoder.preprocessing is not None:
        size = encoder.preprocessing.size
        return {"pixels": torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8, generator=generator)}
    if encoder.hearing is not None:
        windows = hearers.sounds(encoder.hearing.windowing.samples, 2, encoder.hearing.windowing.rate)
        heard = [encoder.hearing.front(window) for window in windows]
        return {name: torch.stack([each[name] for each in heard]) for name in heard[0]}
    ids = torch.randint(0, 9, (2, 5), generator=generator)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_remembered_of_an_encoder_is_all_of_it(
    family: str, networks: dict[str, EncoderSettings], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    loaded = load_late(networks[family], tmp_path)
    lets_load = request.getfixturevalue("no_network")
    late = load_late(networks[family], tmp_path)
    for first, second in zip(towers_of(loaded), towers_of(late), strict=True):
        assert not isinstance(first, LateEncoder)
        assert isinstance(second, LateEncoder)
        for name in ("family", "modality", "borders", "dim", "preprocessing", "labels", "pretrained", "licence"):
            assert getattr(second, name) == getattr(first, name), name
        assert (second.precision, second.digest()) == (first.precision, first.digest())
        assert [cut_of(second, thaw) for thaw in CUTS] == [cut_of(first, thaw) for thaw in CUTS]
        for cut in range(first.end + 1):
            assert canonical(second.key(cut)) == canonical(first.key(cut))
        assert second.tail(second.end).state_dict() == {}
        if first.hearing is not None:
            assert second.hearing is not None
            assert canonical(second.hearing.key()) == canonical(first.hearing.key())
            assert second.hearing.windowing == first.hearing.windowing
    if isinstance(late, ClipTowers) and family == "clip":  # a matrix, which is read alone
        for first, second in zip(towers_of(loaded), towers_of(late), strict=True):
            state, projection = first.tail(first.end - 1).state_dict(), second.tail(second.end - 1)
            assert {name: parameter.requires_grad for name, parameter in projection.named_parameters()} == {
                "stages.0.projection.weight": True
            }
            assert torch.equal(projection.state_dict()["stages.0.projection.weight"], next(iter(state.values())))
    if isinstance(late, ClipTowers):
        assert late.logit_scale == loaded.logit_scale
    lets_load()
    for first, second in zip(towers_of(loaded), towers_of(late), strict=True):
        given = entering(first)
        there, here = first.prefix(first.end)(given), second.prefix(second.end)(entering(second))
        assert list(here) == list(there)
        assert all(torch.equal(here[name], there[name]) for name in there)
        assert (second.classifier is None) == (first.classifier is None)
    if isinstance(late, ClipTowers):
        texts = ["the cat", "a photo in the"]
        assert all(torch.equal(late.tokenize(texts)[name], tensor) for name, tensor in loaded.tokenize(texts).items())


def test_a_text_encoder_is_remembered_too(
    networks: dict[str, EncoderSettings], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = EncoderSettings(family="sentences", name=str(save_sentences(tmp_path / "reader", modules=PLAIN)))
    for path in (tmp_path / "reader").rglob("*"):
        os.utime(path, (0, 0))
    first = load_late_text(settings, tmp_path)
    load_late_text(networks["clip"], tmp_path)
    lets_load = request.getfixturevalue("no_network")
    assert isinstance(load_late_text(networks["clip"], tmp_path).text, LateEncoder)
    late = load_late_text(settings, tmp_path)
    assert isinstance(late.text, LateEncoder)
    for cut in range(first.text.end + 1):
        assert canonical(late.text.key(cut)) == canonical(first.text.key(cut))
    lets_load()
    with pytest.raises(UserError, match="reads text, not photos"):
        load_late(settings, tmp_path)
    tokens = late.tokenize(["the snow"])
    whole = late.text.prefix(late.text.end)(tokens)["features"]
    assert torch.equal(whole, first.text.prefix(first.text.end)(first.tokenize(["the snow"]))["features"])
    with pytest.raises(UserError, match="reads no text"):
        load_late_text(networks["vit"], tmp_path)


def test_a_network_that_is_built_late_draws_nothing(networks: dict[str, EncoderSettings], tmp_path: Path) -> None:
    """A head that is drawn next starts as it would have."""
    load_late(networks["timm"], tmp_path)
    late = load_late(networks["timm"], tmp_path)
    encoders.load(dataclasses.replace(networks["timm"], size=48))  # so that the process no longer holds it
    encoders.load(dataclasses.replace(networks["timm"], size=64))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert len(towers_of(late)[0].tail(1).state_dict()) > 5
    assert torch.equal(torch.rand(3), expected)


@pytest.fixture
def vit(tmp_path: Path) -> EncoderSettings:
    """A ViT that a test may change."""
    directory = save_vit(tmp_path / "vit")
    for path in directory.iterdir():
        os.utime(path, (0, 0))
    return EncoderSettings(family="vit", name=str(directory))


def weights_key(settings: EncoderSettings, root: Path) -> tuple[bool, str]:
    """Whether the encoder is one that was remembered, and the key of its features."""
    (encoder,) = towers_of(load_late(settings, root))
    return isinstance(encoder, LateEncoder), canonical(encoder.key(encoder.end))


def test_weights_that_were_changed_are_noticed(vit: EncoderSettings, tmp_path: Path) -> None:
    """Of the same size and with the time set back: what no tool sets back tells."""
    root, path = tmp_path / "store", Path(vit.name) / "model.safetensors"
    known, first = weights_key(vit, root)
    assert (known, weights_key(vit, root)) == (False, (True, first))
    state = load_file(path)
    state["layernorm.bias"][0] += 1
    save_file(state, other := tmp_path / "other.safetensors", metadata={"format": "pt"})
    assert other.stat().st_size == path.stat().st_size
    other.replace(path)
    os.utime(path, (0, 0))
    encoders.load(dataclasses.replace(vit, size=64))  # an in-process copy goes by size and time alone
    encoders.load(dataclasses.replace(vit, size=48))
    known, second = weights_key(vit, root)
    assert not known
    assert second != first
    assert weights_key(vit, root) == (True, second)


def test_every_file_beside_the_weights_counts(vit: EncoderSettings, tmp_path: Path) -> None:
    root, config = tmp_path / "store", Path(vit.name) / "preprocessor_config.json"
    weights_key(vit, root)
    values = json.loads(config.read_text())
    config.write_text(json.dumps({**values, "image_mean": [0.4, 0.5, 0.5]}))
    os.utime(config, (0, 0))
    (encoder,) = towers_of(load_late(vit, root))
    assert encoder.preprocessing is not None
    assert encoder.preprocessing.mean == (0.4, 0.5, 0.5)
    assert weights_key(dataclasses.replace(vit, size=48), root)[0] is False
    (Path(vit.name) / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"holds neither model.safetensors nor"):
        load_late(vit, root)


def test_what_was_written_just_now_is_not_believed(vit: EncoderSettings, tmp_path: Path) -> None:
    root = tmp_path / "store"
    os.utime(Path(vit.name) / "model.safetensors")
    assert [weights_key(vit, root)[0] for _ in range(2)] == [False, False]
    assert not (root / FOLDER).exists()


def test_weights_that_change_before_they_are_loaded_are_refused(vit: EncoderSettings, tmp_path: Path) -> None:
    root = tmp_path / "store"
    weights_key(vit, root)
    (late,) = towers_of(load_late(vit, root))
    os.utime(Path(vit.name) / "model.safetensors", (1, 1))
    with pytest.raises(UserError, match="were changed while they were used; start again"):
        late.prefix(1)


def test_what_was_damaged_is_made_again(vit: EncoderSettings, tmp_path: Path) -> None:
    root, chance = tmp_path / "store", random.Random(0)
    _, first = weights_key(vit, root)
    (path,) = (root / FOLDER).iterdir()
    whole = path.read_bytes()
    for _ in range(20):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert weights_key(vit, root)[1] == first
        assert path.read_bytes() == whole
    for content in (b"", whole[:100], b"[]", b'{"state": 1}'):
        path.write_bytes(content)
        assert weights_key(vit, root) == (False, first)
    assert weights_key(vit, root) == (True, first)


def test_a_photo_that_is_refused_in_each_run_has_no_network_built(
    vit: EncoderSettings,
    tmp_path: Path,
    make_photos: Callable[..., list[Listed]],
    request: pytest.FixtureRequest,
) -> None:
    root, large = tmp_path / "store", tmp_path / "large.png"
    Image.new("L", (2000, 1000)).save(large)
    listed = Listed(large, "large.png", "", "", None)

    def computed(photos: list[Listed]) -> int:
        (encoder,) = towers_of(load_late(vit, root))
        assert encoder.preprocessing is not None
        medium = Photos(encoder.preprocessing, max_megapixels=1.0)
        cpu = torch.device("cpu")
        store = FeatureStore(root)
        wanted = wanted_features(encoder, store, medium, cuts=[encoder.end], dtype="float32", device=cpu, label="vit")
        found = survey([*photos, listed], store, wanted)
        assert found.facts["large.png"].problem is not None
        return found.computed

    photos = make_photos(4)
    assert computed(photos[:3]) == 3
    lets_load = request.getfixturevalue("no_network")
    assert computed(photos[:3]) == 0
    with pytest.raises(AssertionError, match="is not needed"):
        computed(photos)
    lets_load()
    assert computed(photos) == 1
