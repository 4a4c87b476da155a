"""A tail computes past the attention of its last block only the tokens that are read: the same numbers, less work."""

import copy

import pytest
import torch
from tests.encoders.hearers import save

from thawline.encoders.encoder import Stages
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.clip import load_clip
from thawline.encoders.vision.vit import load_vit

CLOSE = 1e-5
# Networks of timm's that have something particular, and how many tokens of their last block are read; None: all.
TIMM = {
    "vit_tiny_patch16_224": ({}, 1),
    "deit3_small_patch16_224": ({}, 1),  # layer scale
    "vit_tiny_patch16_224.no_bias": ({"qkv_bias": False}, 1),
    "vit_wee_patch16_reg1_gap_256": ({}, None),  # average pooling
    "test_vit": ({"pre_norm": True, "global_pool": "map", "class_token": False}, None),  # pooling by attention
    "vit_tiny_patch16_224.norm": ({"qk_norm": True}, None),  # norms between the projections and the products
}


def check(encoder, entering, last, count, only=None):
    """The tail's output and gradients are those of the stages as they are; `last`, a module, sees `count` tokens."""
    cut = encoder.cut_for(2)
    stored = encoder.prefix(cut)(entering)
    tail = encoder.tail(cut, only=only)
    plain = copy.deepcopy(Stages(encoder.stages[cut:])).requires_grad_(True)
    seen = []
    tail.get_submodule(last).register_forward_hook(lambda _, given, __: seen.append(given[0].shape[1]))
    found = {}
    for name, stages in (("tail", tail), ("plain", plain)):
        out = stages(stored)[only or "features"]
        (out * torch.randn(out.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
        found[name] = out.detach(), {key: p.grad for key, p in stages.named_parameters()}
    assert seen == [stored["hidden"].shape[1] if count is None else count]
    (out, gradients), (wanted, plain_gradients) = found["tail"], found["plain"]
    assert (out - wanted).abs().max() <= CLOSE
    assert gradients.keys() == plain_gradients.keys()
    for name, gradient in gradients.items():
        # A gradient for each that has one, or AdamW would leave its weight as it is instead of decaying it.
        assert (gradient is None) == (plain_gradients[name] is None), name
        if gradient is not None:
            size = max(1.0, float(plain_gradients[name].abs().max()))
            assert (gradient - plain_gradients[name]).abs().max() <= CLOSE * size, name


@pytest.mark.parametrize("name", TIMM)
def test_timms_vits(name, make, pixels):
    given, count = TIMM[name]
    _, encoder = make(name.partition(".")[0], **given)
    check(encoder, {"pixels": pixels(64)}, "stages.1.block.mlp", count)


def test_clips_vision_tower(clip_directory, pixels):
    encoder = load_clip(EncoderSettings(family="clip", name=str(clip_directory))).image
    check(encoder, {"pixels": pixels(32)}, "stages.1.layer.mlp", 1)


def test_a_vit_of_transformers(vit_directory, pixels):
    encoder = load_vit(EncoderSettings(family="vit", name=str(vit_directory)))
    check(encoder, {"pixels": pixels(32)}, "stages.1.layer.mlp", 1)


def test_an_ast_reads_two_tokens_where_its_own_head_is_all_that_looks(tmp_path):
    encoder = load(EncoderSettings(family="ast", name=str(save(tmp_path, "ast"))))
    mel = {"mel": torch.randn(2, 16, 64, generator=torch.Generator().manual_seed(1))}
    check(encoder, mel, "stages.1.layer.mlp", 2, only="pooled")
    check(encoder, mel, "stages.1.layer.mlp", None)  # moments over all tokens
    prefix = encoder.prefix(encoder.cut_for(2))
    assert encoder.tail(encoder.cut_for(2), only="pooled")(prefix(mel)).keys() == {"pooled"}


def test_a_network_that_pools_over_time_reads_all_tokens(tmp_path):
    encoder = load(EncoderSettings(family="hubert", name=str(save(tmp_path, "hubert"))))
    sound = {"waveform": torch.randn(2, 4000, generator=torch.Generator().manual_seed(1))}
    check(encoder, sound, "stages.1.layer.feed_forward", None)
    check(encoder, sound, "stages.1.layer.feed_forward", None, only="pooled")


def test_what_is_frozen_keeps_its_bits(clip_directory, pixels):
    # Features in stores were computed before there was this shortcut.
    encoder = load_clip(EncoderSettings(family="clip", name=str(clip_directory))).image
    with torch.no_grad():
        features = {"pixels": pixels(32)}
        for stage in encoder.stages:
            features = stage(features)
    assert torch.equal(encoder.prefix(len(encoder.stages))({"pixels": pixels(32)})["features"], features["features"])
