"""What the store is asked by: the key of a network at a cut."""

import json
import shutil
import time

import pytest
import torch

from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.clip import load_clip
from thawline.encoders.vision.timm import cut_timm, load_preprocessing
from thawline.encoders.vision.vit import load_vit


def keys(encoder):
    return [encoder.key(cut) for cut in range(len(encoder.borders))]


def test_the_key_follows_the_weights_below_the_cut_only(make):
    _, encoder = make("resnet18")
    low, high = encoder.key(3), encoder.key(6)
    with torch.no_grad():
        encoder.model.layer4[0].conv1.weight[0, 0, 0, 0] += 1e-6
    assert encoder.key(3) == low
    assert encoder.key(6) != high
    encoder.model.layer1[0].bn1.running_mean[0] += 1  # a buffer counts too
    assert encoder.key(3) != low


@pytest.mark.parametrize("family", ["timm", "torchvision", "vit"])
def test_a_key_changes_when_and_only_when_a_weight_below_the_cut_does(family, make, make_torchvision, vit_directory):
    if family == "vit":
        encoder = load_vit(EncoderSettings(family="vit", name=str(vit_directory)))
    else:
        encoder = make("test_efficientnet")[1] if family == "timm" else make_torchvision("squeezenet1_1")[1]
    before = keys(encoder)
    assert len({key.get("weights") for key in before}) == len(before), "each cut has a key of its own"
    for number, stage in enumerate(encoder.stages):
        for tensor in (*stage.parameters(), *stage.buffers()):
            kept = tensor.detach().clone()
            with torch.no_grad():
                tensor[(0,) * tensor.ndim] += 1
            changed = [old != new for old, new in zip(before, keys(encoder), strict=True)]
            assert changed == [cut > number for cut in range(len(before))]
            with torch.no_grad():
                tensor.copy_(kept)
    assert keys(encoder) == before


def test_a_tensor_that_takes_the_place_of_another_counts(make):
    _, encoder = make("resnet18")
    norm = encoder.model.layer2[0].bn1
    before = keys(encoder)
    for value in range(1, 20):
        norm.running_mean = torch.zeros_like(norm.running_mean)
        norm.running_mean = torch.full_like(norm.running_mean, value)  # where the one before the last lay, maybe
        after = keys(encoder)
        assert after[4] != before[4]
        before = after
    norm.weight.data = norm.weight.data + 1
    assert encoder.key(4) != before[4]


def test_a_trained_tail_that_is_put_back_changes_the_keys_above_its_cut(make):
    _, encoder = make("resnet18")
    before = keys(encoder)
    tail = encoder.tail(4)
    assert keys(encoder) == before
    with torch.no_grad():
        tail.stages[0].block[0].bn1.weight.mul_(1.1)
    encoder.load_tail(4, tail.state_dict())
    assert [old == new for old, new in zip(before, keys(encoder), strict=True)] == [cut <= 4 for cut in range(7)]


def test_the_same_weights_arranged_otherwise_have_the_same_key(make):
    _, encoder = make("resnet18")
    before = keys(encoder)
    encoder.model.to(memory_format=torch.contiguous_format)
    encoder.model.conv1.weight.data = encoder.model.conv1.weight.data.clone()
    assert keys(encoder) == before


def test_the_weights_are_digested_once_for_all_cuts(make):
    _, encoder = make("resnet50")
    start = time.perf_counter()
    encoder.key(len(encoder.stages))
    once = time.perf_counter() - start
    start = time.perf_counter()
    keys(encoder)
    assert time.perf_counter() - start < once / 2


def test_the_key_follows_what_no_weight_shows(make):
    model, encoder = make("mobilenetv2_035")

    def key(cut: int = 3, **changed: object) -> dict[str, object]:
        given = {"family": "timm", "name": "any", "model": "mobilenetv2_035", "size": 64, **changed}
        settings = EncoderSettings(**given)
        return cut_timm(model, load_preprocessing(model, settings), settings).key(cut)

    assert key() == encoder.key(3)
    assert key(name="another place") == key()
    assert key(weights="the same weights elsewhere") == key()
    assert key(bn_eps=1e-3) != key()
    assert key(mean=[0.5, 0.5, 0.5]) != key()
    assert key(model_args={"pad_type": "same"}) != key()
    # Nothing of the network decides the pixels.
    assert key(0, bn_eps=1e-3, mean=[0.5, 0.5, 0.5]) == key(0) == {"family": "image"}


def test_the_key_of_texts_follows_the_tokenizer(tmp_path, clip_directory, texts):
    towers = load_clip(EncoderSettings(family="clip", name=str(clip_directory)))
    assert towers.text.key(0) != towers.image.key(0)
    before = towers.text.key(5)
    towers.tokenize(texts)  # a call leaves its padding behind in the tokenizer
    other = shutil.copytree(clip_directory, tmp_path / "other")
    assert load_clip(EncoderSettings(family="clip", name=str(other))).text.key(5) == before
    tokenizer = json.loads((other / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["model"]["merges"].pop()
    (other / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    assert load_clip(EncoderSettings(family="clip", name=str(other))).text.key(5) != before
