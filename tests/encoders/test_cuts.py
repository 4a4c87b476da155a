"""Every listed encoder at every cut, against the library's own network, which nothing has touched."""

import pytest
import torch
from torch import nn
from transformers import CLIPModel, ViTModel

from thawline.encoders.encoder import Encoder, Stages
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.clip import load_clip
from thawline.encoders.vision.vit import load_vit
from thawline.errors import UserError

# Small networks of the listed families, each with something particular; the name of the last block's border.
SMALL = {
    "resnet18": ("layer4", {}),
    "resnet26d": ("layer4", {}),  # a stem of three convolutions, pooling in the shortcuts
    "seresnet50": ("layer4", {"layers": [1, 2, 1, 1]}),
    "test_efficientnet": ("blocks.4", {}),
    "test_efficientnet_gn": ("blocks.4", {}),  # GroupNorm
    "mobilenetv2_035": ("blocks.6", {"pad_type": "same", "bn_eps": 1e-3}),
    "mobilenetv3_small_050": ("blocks.5", {}),
    "mobilenetv4_conv_small_035": ("blocks.4", {}),
    "lcnet_035": ("blocks.5", {}),  # no convolution before the pooling
    "test_convnext": ("stages.3", {}),
    "test_convnext2": ("stages.3", {"head_norm_first": True}),
    "test_convnext3": ("stages.3", {}),
    "vit_tiny_patch16_224": ("blocks.3", {"depth": 4}),
    "deit3_small_patch16_224": ("blocks.3", {"depth": 4}),  # layer scale, positions without the class token
    "vit_wee_patch16_reg1_gap_256": ("blocks.3", {"depth": 4}),  # a register token, average pooling
    "test_vit": ("blocks.5", {"pre_norm": True, "global_pool": "map", "class_token": False}),
    "test_vit2": ("blocks.7", {"dynamic_img_size": True}),
}
# The networks that have a conf file, at the size that they are used at; the larger ones with fewer of their blocks.
LISTED = {
    "resnet50": {"layers": [1, 1, 1, 1]},
    "efficientnet_b0": {},
    "mobilenetv2_100": {},
    "vit_base_patch16_224": {"depth": 3},
}
# torchvision's, one or two of each kind.
TORCHVISION = {
    "squeezenet1_0": ("features.12", {}),
    "squeezenet1_1": ("features.12", {}),
    "resnet18": ("layer4", {}),
    "resnext50_32x4d": ("layer4", {}),
    "mobilenet_v2": ("features.17", {"width_mult": 0.35}),
    "mobilenet_v3_small": ("features.11", {}),
    "efficientnet_b0": ("features.7", {}),
    "efficientnet_v2_s": ("features.6", {}),
}
UNLISTED = ("regnety_002", "test_nfnet", "test_mambaout")


def check_gradients(tail: Stages, out: torch.Tensor, border: str, unused: tuple[str, ...] = ()) -> None:
    """Every parameter of `tail` gets a gradient from `out`, but for those that can't have one."""
    weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(2))
    (out * weights).sum().backward()
    without = [name for name, p in tail.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert all(name.endswith(unused) for name in without) if unused else not without, (border, without)


def check_cuts(encoder: Encoder, entering, whole: torch.Tensor, borders=None, unused=()) -> None:
    """prefix ∘ tail is the whole at every cut; every trainable parameter has a gradient, and no frozen one.

    `borders`: the cuts to look at, where a large network would take long; None: all.
    """
    before = {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}
    assert whole.shape[1] == encoder.dim
    assert (whole[0] - whole[1]).abs().max() > 0.01, "the features hardly depend on what enters"
    features, reached = entering, 0
    for cut, border in enumerate(encoder.borders):
        features, reached = encoder.prefix(cut, start=reached).train()(features), cut
        assert all(len(tensor) == len(whole) for tensor in features.values())
        assert not any(tensor.requires_grad for tensor in features.values())
        if borders is not None and border not in borders:
            continue
        tail = encoder.tail(cut).train()
        wanted = bool(list(tail.parameters()))
        with torch.set_grad_enabled(wanted):
            out = tail(features)["features"]
        assert (out - whole).abs().max() <= 1e-5, border
        if wanted:
            check_gradients(tail, out, border, unused)
        assert not any(module.training for module in tail.modules())
    for parameter in encoder.model.parameters():
        assert parameter.grad is None
        assert not parameter.requires_grad
    for name, tensor in encoder.model.state_dict().items():
        assert torch.equal(tensor, before[name]), f"{name} moved"


@pytest.mark.parametrize("name", SMALL)
def test_every_cut_of_every_listed_family(name, make, pixels, normalised):
    last, given = SMALL[name]
    model, encoder = make(name, **given)
    # A tail's state has the model's own tensors and no others.
    assert sorted(encoder.names(0).values()) == sorted(encoder.model.state_dict())
    with torch.no_grad():
        whole = model(normalised(pixels(64), encoder.preprocessing))
    check_cuts(encoder, {"pixels": pixels(64)}, whole)
    assert encoder.borders[encoder.cut_for(1) + 1] == last
    assert encoder.borders[encoder.cut_for("head")] == "features"
    assert encoder.borders[encoder.cut_for("all")] == "pixels"


@pytest.mark.parametrize("name", LISTED)
def test_two_cuts_of_the_networks_with_a_conf_file(name, make, pixels, normalised):
    model, encoder = make(name, 224, **LISTED[name])
    with torch.no_grad():
        whole = model(normalised(pixels(224), encoder.preprocessing))
    check_cuts(encoder, {"pixels": pixels(224)}, whole, {"pixels", encoder.borders[-3]})


@pytest.mark.parametrize("name", TORCHVISION)
def test_every_cut_of_torchvisions_networks(name, make_torchvision, pixels, normalised):
    last, given = TORCHVISION[name]
    model, encoder = make_torchvision(name, model_args=given)
    # A tail's state has the model's own tensors and no others, but for the classifier.
    classifier = "fc." if name.startswith("res") else "classifier."
    names = sorted(key for key in model.state_dict() if not key.startswith(classifier))
    assert sorted(encoder.names(0).values()) == sorted(encoder.model.state_dict()) == names
    with torch.no_grad():
        entering = normalised(pixels(64), encoder.preprocessing).to(memory_format=torch.channels_last)
        if name.startswith("res"):
            # The library's own way to the features of a ResNet: the classifier that gives back what it is given.
            model.fc = nn.Identity()
            whole = model(entering)
        else:
            whole = model.features(entering).mean(dim=(2, 3))
    check_cuts(encoder, {"pixels": pixels(64)}, whole)
    assert encoder.borders[encoder.cut_for(1) + 1] == last
    assert encoder.borders[:2] == ("pixels", "embedding")
    assert encoder.borders[encoder.cut_for("head")] == "features"


@pytest.mark.parametrize("name", UNLISTED)
def test_other_timm_models_are_cut_at_their_ends(name, make, pixels, normalised):
    model, encoder = make(name)
    with torch.no_grad():
        whole = model(normalised(pixels(64), encoder.preprocessing))
    assert encoder.borders == ("pixels", "features")
    check_cuts(encoder, {"pixels": pixels(64)}, whole)
    with pytest.raises(UserError, match="can't be cut into blocks; use thaw=head or thaw=all"):
        encoder.cut_for(1)


@pytest.fixture(params=["clip_directory", "old_clip_directory"])
def clip(request):
    directory = request.getfixturevalue(request.param)
    return CLIPModel.from_pretrained(directory).eval(), load_clip(EncoderSettings(family="clip", name=str(directory)))


# A key's bias shifts all scores of a query alike, and the softmax takes that out again: its gradient is nothing but
# rounding, and may be none. Nobody reads the embeddings of tokens and positions that do not occur.
KEY_BIAS = ("k_proj.bias",)


def test_every_cut_of_clips_image_tower(clip, pixels, normalised):
    model, towers = clip
    with torch.no_grad():
        whole = model.get_image_features(normalised(pixels(32), towers.image.preprocessing)).pooler_output
    check_cuts(towers.image, {"pixels": pixels(32)}, whole, unused=KEY_BIAS)


def test_every_cut_of_a_vit(vit_directory, pixels, normalised):
    model = ViTModel.from_pretrained(vit_directory).eval()
    encoder = load_vit(EncoderSettings(family="vit", name=str(vit_directory)))
    with torch.no_grad():
        whole = model(normalised(pixels(32), encoder.preprocessing)).last_hidden_state[:, 0]
    check_cuts(encoder, {"pixels": pixels(32)}, whole, unused=KEY_BIAS)
    assert encoder.borders == ("pixels", "embedding", "block0", "block1", "block2", "features")
    assert [encoder.cut_for(k) for k in (1, 2, 3)] == [3, 2, 1]


def test_every_cut_of_clips_text_tower(clip, texts):
    model, towers = clip
    tokens = towers.tokenize(texts)
    assert set(tokens["attention_mask"].flatten().tolist()) == {0, 1}, "the prompts differ in length"
    with torch.no_grad():
        whole = model.get_text_features(**tokens).pooler_output
    check_cuts(towers.text, tokens, whole, unused=KEY_BIAS)
    # What crosses a cut within the tower is more than the hidden state.
    assert set(towers.text.prefix(2)(tokens)) == {"hidden", "attention_mask", "end"}


def test_a_tower_has_nothing_of_the_other(clip):
    model, towers = clip
    for encoder, own in ((towers.image, ("vision_model.", "visual_")), (towers.text, ("text_model.", "text_"))):
        wanted = {name for name, _ in model.named_parameters() if name.startswith(own)}
        assert {encoder.names(0)[name] for name, _ in encoder.tail(0).named_parameters()} == wanted


def test_padding_does_not_move_a_prompt(clip, texts):
    _, towers = clip
    prefix = towers.text.prefix(len(towers.text.stages))
    among = prefix(towers.tokenize(texts))["features"]
    for i, text in enumerate(texts):
        assert (prefix(towers.tokenize([text]))["features"][0] - among[i]).abs().max() <= 1e-5


def test_a_prompt_longer_than_the_context_is_cut_and_still_ends(clip, texts):
    _, towers = clip
    tokens = towers.tokenize([" ".join(texts * 3)])
    assert tokens["input_ids"].shape == (1, 40)
    assert towers.text.prefix(1)(tokens)["end"].tolist() == [39]


def test_the_logit_scale_is_the_models(clip):
    model, towers = clip
    assert towers.logit_scale == pytest.approx(model.logit_scale.exp().item())


def test_a_depth_that_the_model_does_not_have_is_refused(clip):
    _, towers = clip
    assert [towers.image.cut_for(k) for k in (1, 2, 3)] == [3, 2, 1]
    assert towers.image.borders[towers.image.cut_for("projection")] == "pooled"
    for thaw in (0, 4, -1):
        with pytest.raises(UserError, match=f"thaw={thaw}: clip has 3 blocks; use 1 to 3, or all"):
            towers.image.cut_for(thaw)
    with pytest.raises(UserError, match="thaw=heads is not known; use head, projection, all, or a number of blocks"):
        towers.image.cut_for("heads")


def test_only_clip_has_a_projection(make):
    _, encoder = make("resnet18")
    with pytest.raises(UserError, match="timm:resnet has no projection"):
        encoder.cut_for("projection")


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenetv2_035", "vit_tiny_patch16_224", "clip", "vit", "squeezenet1_0", "mobilenet_v2"]
)
def test_features_are_the_same_bits_in_any_place_and_company_and_on_any_number_of_threads(
    name, make, make_torchvision, pixels, clip_directory, vit_directory
):
    if name == "clip":
        encoder, batch = load_clip(EncoderSettings(family="clip", name=str(clip_directory))).image, pixels(32, 16)
    elif name == "vit":
        encoder, batch = load_vit(EncoderSettings(family="vit", name=str(vit_directory))), pixels(32, 16)
    elif name in TORCHVISION:
        encoder, batch = make_torchvision(name)[1], pixels(64, 16)
    else:
        encoder, batch = make(name)[1], pixels(64, 16)
    prefix = encoder.prefix(len(encoder.stages))
    order = torch.randperm(16, generator=torch.Generator().manual_seed(3))
    alone = batch[:1].expand(16, -1, -1, -1)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        straight = prefix({"pixels": batch})["features"]
        assert torch.equal(prefix({"pixels": batch[order]})["features"], straight[order])
        assert torch.equal(prefix({"pixels": alone})["features"][7], straight[0])
        torch.set_num_threads(2)
        assert torch.equal(prefix({"pixels": batch})["features"], straight)
    finally:
        torch.set_num_threads(before)


def test_stored_features_give_the_same_bits_as_those_that_were_not(make, pixels):
    # The store keeps no memory layout, and convolutional networks run with the channels last.
    _, encoder = make("resnet18")
    features = encoder.prefix(3)({"pixels": pixels(64)})
    assert not features["hidden"].is_contiguous()
    tail = encoder.tail(3)
    assert torch.equal(
        tail({"hidden": features["hidden"].contiguous()})["features"], tail({"hidden": features["hidden"]})["features"]
    )


def test_a_trained_tail_goes_back_under_the_models_own_names(make, pixels, normalised):
    model, encoder = make("resnet18")
    cut = encoder.cut_for(1)
    tail = encoder.tail(cut)
    names = encoder.names(cut)
    assert set(names) == set(tail.state_dict())
    assert set(names.values()) == {name for name in model.state_dict() if name.startswith("layer4.")}
    with torch.no_grad():
        for parameter in tail.parameters():
            parameter.mul_(1.01)
    features = encoder.prefix(cut)({"pixels": pixels(64)})
    trained = tail(features)["features"].detach()
    assert not torch.equal(encoder.tail(cut)(features)["features"], trained), "a tail is a copy"

    encoder.load_tail(cut, tail.state_dict())
    model.load_state_dict(encoder.model.state_dict())  # an ordinary network again
    with torch.no_grad():
        assert (model(normalised(pixels(64), encoder.preprocessing)) - trained).abs().max() <= 1e-5
    assert not any(parameter.requires_grad for parameter in encoder.model.parameters())
    with pytest.raises(ValueError, match=r"not the tail of timm:resnet above layer2"):
        encoder.load_tail(cut - 1, tail.state_dict())


def test_the_prefix_stays_frozen_whatever_its_parent_does(make, pixels):
    _, encoder = make("resnet18")
    prefix = encoder.prefix(6)
    parent = nn.ModuleDict({"frozen": prefix, "head": nn.Linear(encoder.dim, 2)})
    parent.train().requires_grad_(True)
    before = {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}
    features = prefix({"pixels": pixels(64)})["features"]
    parent["head"](features).sum().backward()  # so features can enter what is trained
    assert not features.requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.model.state_dict().items())
