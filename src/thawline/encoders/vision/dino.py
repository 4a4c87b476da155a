"""DINOv2 and DINOv3 of transformers as stages (arXiv 2304.07193, 2508.10104)."""

from typing import Any

from torch import nn
from transformers import Dinov2Model, DINOv3ViTModel

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.directory import find_model
from thawline.encoders.encoder import Encoder, Features, Normalise, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.transformers import architecture, load_model
from thawline.encoders.vision.processor import load_preprocessing, side
from thawline.encoders.vision.vit import ClassToken
from thawline.errors import UserError

# What a config calls each, and its class.
KINDS: dict[str, tuple[str, Any]] = {"dinov2": ("dinov2", Dinov2Model), "dinov3": ("dinov3_vit", DINOv3ViTModel)}


class PatchEmbedding(Stage):
    """Pixels to tokens."""

    def __init__(self, normalise: Normalise, embeddings: nn.Module) -> None:
        super().__init__()
        self.normalise, self.embeddings = normalise, embeddings

    def forward(self, features: Features) -> Features:
        """{"pixels"} to {"hidden"}, [batch, tokens, width]; the class token is the first."""
        return {"hidden": self.embeddings(self.normalise(features["pixels"]))}


class DinoBlock(Stage):
    """One transformer block."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"hidden"}."""
        return {"hidden": self.layer(features["hidden"])}


class RotatedBlock(Stage):
    """One transformer block that turns queries and keys by where their patches lie, which no weight decides."""

    def __init__(self, layer: nn.Module, positions: nn.Module, size: int) -> None:
        """Take the block, and what gives the positions within an image of side `size`."""
        super().__init__()
        self.layer, self.positions, self._size = layer, positions, size

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"hidden"}."""
        hidden = features["hidden"]
        # The positions are asked for by an image, of which the shape alone is read.
        turned = self.positions(hidden.new_empty(1, 1, self._size, self._size))
        return {"hidden": self.layer(hidden, position_embeddings=turned)}


def load_dino(settings: EncoderSettings) -> Encoder:
    """A DINOv2 or DINOv3 with its preprocessing, on the CPU in single precision.

    Raises:
        UserError: The weights are not on this machine, or are of another network.
    """
    model_type, kind = KINDS[settings.family]
    directory = find_model(settings, model_type, called(settings.family))
    preprocessing = load_preprocessing(directory, settings)
    # The token that stood for hidden patches in the pretraining.
    model = load_model(kind, directory, called(settings.family), unused=("mask_token",))
    return cut_dino(model, preprocessing, settings)


def cut_dino(model: Any, preprocessing: Preprocessing, settings: EncoderSettings) -> Encoder:
    """`model`, of the class of its family, as stages.

    Raises:
        UserError: The size is no multiple of a patch.
    """
    config, patch = model.config, side(model.config.patch_size)
    if preprocessing.size % patch:
        nearest = max(patch, round(preprocessing.size / patch) * patch)
        raise UserError(f"encoder.size={preprocessing.size}: {settings.name} has patches of {patch} px; use {nearest}")
    if settings.family == "dinov2":
        norm = model.layernorm
        blocks: list[Stage] = [DinoBlock(layer) for layer in model.encoder.layer]
    else:
        norm = model.norm
        blocks = [RotatedBlock(layer, model.rope_embeddings, preprocessing.size) for layer in model.model.layer]
    return Encoder(
        family=settings.family,
        modality="image",
        model=model,
        stages=[PatchEmbedding(Normalise(preprocessing), model.embeddings), *blocks, ClassToken(norm)],
        borders=["pixels", "embedding", *(f"block{i}" for i in range(len(blocks))), "features"],
        dim=int(config.hidden_size),
        blocks=len(blocks),
        architecture=architecture(config),
        preprocessing=preprocessing,
        licence=settings.licence,
    )


def called(family: str) -> str:
    """What messages call the family."""
    return {"dinov2": "DINOv2", "dinov3": "DINOv3"}[family]
