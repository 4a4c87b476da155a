"""transformers' ViT as stages (Dosovitskiy et al., arXiv 2010.11929)."""

from typing import Any

from torch import nn
from transformers import ViTModel

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.blocks import VIT, Block
from thawline.encoders.directory import find_model
from thawline.encoders.encoder import Encoder, Features, Normalise, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.transformers import architecture, load_model
from thawline.encoders.vision.processor import load_preprocessing, side
from thawline.errors import UserError


class ViTEmbedding(Stage):
    """Pixels to tokens."""

    def __init__(self, normalise: Normalise, embeddings: nn.Module, *, resized: bool) -> None:
        super().__init__()
        self.normalise, self.embeddings = normalise, embeddings
        self._resized = resized

    def forward(self, features: Features) -> Features:
        """{"pixels"} to {"hidden"}, [batch, tokens, width]; of a ViT the class token is the first."""
        pixels = self.normalise(features["pixels"])
        return {"hidden": self.embeddings(pixels, interpolate_pos_encoding=self._resized)}


class ClassToken(Stage):
    """The class token, normalised; the library's pooler, which few checkpoints have trained, is not applied."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"features"}."""
        return {"features": self.norm(features["hidden"][:, 0])}

    def tokens_read(self, only: str | None) -> int | None:
        """The class token."""
        return 1


def load_vit(settings: EncoderSettings) -> Encoder:
    """A ViT with its preprocessing, on the CPU in single precision. A classifier in the checkpoint is left out.

    Raises:
        UserError: The weights are not on this machine, or are of another network.
    """
    directory = find_model(settings, "vit", "ViT")
    preprocessing = load_preprocessing(directory, settings)
    return cut_vit(load_model(ViTModel, directory, "ViT", add_pooling_layer=False), preprocessing, settings)


def cut_vit(model: Any, preprocessing: Preprocessing, settings: EncoderSettings) -> Encoder:
    """`model`, a ViTModel without a pooler, as stages.

    Raises:
        UserError: The size is smaller than a patch.
    """
    config, count = model.config, len(model.layers)
    if preprocessing.size < side(config.patch_size):
        raise UserError(f"encoder.size={preprocessing.size} is less than a patch of {settings.name}; use a larger one")
    resized = preprocessing.size != side(config.image_size)
    entry = ViTEmbedding(Normalise(preprocessing), model.embeddings, resized=resized)
    return Encoder(
        family="vit",
        modality="image",
        model=model,
        stages=[entry, *(Block(layer, VIT) for layer in model.layers), ClassToken(model.layernorm)],
        borders=["pixels", "embedding", *(f"block{i}" for i in range(count)), "features"],
        dim=int(config.hidden_size),
        blocks=count,
        architecture=architecture(config),
        preprocessing=preprocessing,
        licence=settings.licence,
    )
