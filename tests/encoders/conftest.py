"""Small real networks with weights that hide nothing, and pixels that differ."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from tokenizers.processors import TemplateProcessing
from torch import nn
from torch.nn import functional as F
from torchvision import models
from transformers import (
    BitImageProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    Dinov2Config,
    Dinov2Model,
    DINOv3ViTConfig,
    DINOv3ViTImageProcessor,
    DINOv3ViTModel,
    PreTrainedModel,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)
from transformers.models.siglip2 import Siglip2Tokenizer

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision import timm as ours
from thawline.encoders.vision.torchvision import load_preprocessing, load_torchvision

TEXTS = ["a photo of a wedding", "a birthday cake with candles", "snow", "people at the beach in summer light"]
SIDE = 32
CONTEXT = 40


def make_tokenizer() -> CLIPTokenizer:
    """A small tokenizer with CLIP's conventions: letters, and a few that are joined."""
    letters = [letter + end for letter in "abcdefghijklmnopqrstuvwxyz" for end in ("", "</w>")]
    merges = [("t", "h"), ("th", "e</w>"), ("p", "h"), ("c", "a"), ("a", "t</w>"), ("i", "n</w>"), ("p", "e")]
    tokens = [*letters, *("".join(pair) for pair in merges), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=merges)


def save_clip(directory: Path, *, old_end_token: bool = False) -> Path:
    """A small CLIP with random weights, saved as transformers saves it."""
    tokenizer = make_tokenizer()
    shared = {"num_hidden_layers": 3, "num_attention_heads": 2, "projection_dim": 12}
    config = CLIPConfig(
        vision_config={"hidden_size": 24, "intermediate_size": 48, "image_size": SIDE, "patch_size": 8, **shared},
        text_config={
            "hidden_size": 16,
            "intermediate_size": 32,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": CONTEXT,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": 2 if old_end_token else tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            **shared,
        },
        projection_dim=12,
    )
    torch.manual_seed(0)
    model = CLIPModel(config)
    with torch.no_grad():  # the usual starting weights are so small that mistakes would not show
        for parameter in model.parameters():
            if parameter.ndim:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    images = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    model.save_pretrained(directory)
    CLIPProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(directory)
    return directory


def make_siglip_tokenizer() -> Siglip2Tokenizer:
    """A small tokenizer with SigLIP 2's conventions: lower case, and a token behind each text."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    letters = [*"abcdefghijklmnopqrstuvwxyz", "▁", "th", "▁ph"]
    tokens = {token: i for i, token in enumerate([*special, *letters, "▁p"])}
    tokenizer = Siglip2Tokenizer(vocab=tokens, merges=[("t", "h"), ("▁", "p"), ("▁p", "h")], padding_side="right")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing("$A <eos>", special_tokens=[("<eos>", 1)])
    return tokenizer


def save_siglip(directory: Path) -> Path:
    """A small SigLIP with random weights, saved as transformers saves it."""
    tokenizer = make_siglip_tokenizer()
    shared = {"num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48}
    words = {"hidden_size": 16, "vocab_size": len(tokenizer), "max_position_embeddings": 16, "projection_size": 24}
    config = SiglipConfig(
        vision_config={"hidden_size": 24, "image_size": SIDE, "patch_size": 8, **shared},
        text_config={**words, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, **shared},
    )
    torch.manual_seed(0)
    model = SiglipModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
        model.logit_scale.fill_(2.0)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    SiglipImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(directory)
    return directory


def save_dino(directory: Path, family: str = "dinov2", **more: object) -> Path:
    """A small DINOv2 or DINOv3 with weights that hide nothing, saved as transformers saves it."""
    sizes = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "patch_size": 8, **more}
    torch.manual_seed(0)
    if family == "dinov2":
        model: Any = Dinov2Model(Dinov2Config(image_size=48, mlp_ratio=2, **sizes))
        processor: Any = BitImageProcessor(size={"shortest_edge": SIDE + 4}, crop_size={"height": SIDE, "width": SIDE})
    else:
        sizes |= {"intermediate_size": 48, "num_register_tokens": 4, "hidden_size": 32}
        model = DINOv3ViTModel(DINOv3ViTConfig(image_size=SIDE, **sizes))
        processor = DINOv3ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(directory)
    processor.save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def siglip_directory(tmp_path_factory):
    return save_siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture(scope="session")
def make_clip() -> Callable[..., Path]:
    return save_clip


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return TEXTS


@pytest.fixture(scope="session")
def clip_directory(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def old_clip_directory(tmp_path_factory):
    """Like OpenAI's checkpoints, whose config names 2 as the end token."""
    return save_clip(tmp_path_factory.mktemp("old_clip"), old_end_token=True)


@pytest.fixture(scope="session")
def pixels() -> Callable[..., torch.Tensor]:
    """Images that differ from each other, as photos do and noise does not: a few soft patches of colour each."""

    def make(size: int, count: int = 2) -> torch.Tensor:
        generator = torch.Generator().manual_seed(1)
        coarse = torch.randint(0, 256, (count, 3, 4, 4), generator=generator).float()
        return F.interpolate(coarse, (size, size), mode="bilinear").round().to(torch.uint8)

    return make


@pytest.fixture(scope="session")
def normalised() -> Callable[..., torch.Tensor]:
    def normalise(batch: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (preprocessing.mean, preprocessing.std))
        return (batch / 255 - mean) / std

    return normalise


@pytest.fixture(scope="session")
def liven() -> Callable[..., nn.Module]:
    """Make random weights as sensitive as trained ones.

    Everything moves off its neutral start (a zero scale lets no gradient through), and the BatchNorm statistics are
    those of the images: with the initial ones, features hardly depend on the image, and an error would not show.
    """

    def measure(norm: nn.BatchNorm2d, entering: tuple[torch.Tensor]) -> None:
        variance, mean = torch.var_mean(entering[0], dim=(0, 2, 3))
        norm.running_mean.copy_(mean)
        # A channel that is nearly constant here would be amplified without bounds.
        norm.running_var.copy_(variance + 0.1 * variance.mean())

    def change(model: nn.Module, images: torch.Tensor) -> nn.Module:
        generator = torch.Generator().manual_seed(0)
        model.eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
            norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
            hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
            if norms:
                model(images)
            for hook in hooks:
                hook.remove()
        return model

    return change


@pytest.fixture
def make(liven, pixels, normalised):
    """A network of timm's with livened weights and, made of a copy of it, the encoder.

    Convolutional networks get the encoder's memory layout: another one means other kernels and other rounding.
    """

    def make(name: str, size: int = 64, **given: object) -> tuple[nn.Module, Encoder]:
        torch.manual_seed(0)
        settings = EncoderSettings(family="timm", name=name, model=name, size=size, model_args=dict(given))
        if timm.get_pretrained_cfg(name).fixed_input_size:
            given["img_size"] = size
        model = timm.create_model(name, pretrained=False, num_classes=0, **given)
        preprocessing = ours.load_preprocessing(model, settings)
        liven(model, normalised(pixels(size, 6), preprocessing))
        encoder = ours.cut_timm(copy.deepcopy(model), preprocessing, settings)
        layout = next(p for p in encoder.model.parameters() if p.ndim == 4)
        if layout.is_contiguous(memory_format=torch.channels_last):
            model.to(memory_format=torch.channels_last)
        return model, encoder

    return make


@pytest.fixture
def make_torchvision(liven, pixels, normalised, tmp_path):
    """A network of torchvision's with livened weights and, loaded from its file, the encoder."""

    def make(name: str, size: int = 64, **given: object) -> tuple[Any, Encoder]:
        torch.manual_seed(0)
        path = tmp_path / f"{name}.safetensors"
        settings = EncoderSettings(family="torchvision", name="x", model=name, size=size, weights=str(path), **given)
        model: Any = models.get_model(name, weights=None, **settings.model_args)
        liven(model, normalised(pixels(size, 6), load_preprocessing(settings)))
        save_file(model.state_dict(), path)
        return model.to(memory_format=torch.channels_last), load_torchvision(settings)

    return make


def save_vit(directory: Path, kind: type[PreTrainedModel] = ViTModel) -> Path:
    """A small ViT with weights that hide nothing, saved as transformers saves it."""
    config = ViTConfig(
        hidden_size=24, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, image_size=SIDE, patch_size=8
    )
    torch.manual_seed(0)
    model = kind(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(directory)
    ViTImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def make_vit() -> Callable[..., Path]:
    return save_vit


@pytest.fixture(scope="session")
def vit_directory(tmp_path_factory):
    return save_vit(tmp_path_factory.mktemp("vit"))
