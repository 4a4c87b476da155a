"""CLIP's two towers as two encoders over one network. transformers is not imported before a text is read."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.blocks import CLIP, Block
from thawline.encoders.directory import find_model
from thawline.encoders.encoder import Encoder, Features, Normalise, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.text.clip_tokens import ClipTokenizer, tokenizer_key
from thawline.encoders.towers import ClipTowers, Projection
from thawline.encoders.vision.clip_network import ClipNetwork, load_network
from thawline.encoders.vision.processor import load_preprocessing


class VisionEmbedding(Stage):
    """Pixels to tokens."""

    def __init__(self, normalise: Normalise, vision: Any) -> None:
        super().__init__()
        self.normalise, self.embeddings, self.pre_layrnorm = normalise, vision.embeddings, vision.pre_layrnorm

    def forward(self, features: Features) -> Features:
        """{"pixels"} to {"hidden"}."""
        return {"hidden": self.pre_layrnorm(self.embeddings(self.normalise(features["pixels"])))}


class VisionPooling(Stage):
    """The class token, normalised."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"pooled"}."""
        return {"pooled": self.norm(features["hidden"][:, 0])}

    def tokens_read(self, only: str | None) -> int | None:
        """The class token."""
        return 1


class TextEmbedding(Stage):
    """Tokens to embeddings; finds where each text ends."""

    def __init__(self, embeddings: nn.Module, eos: int) -> None:
        super().__init__()
        self.embeddings, self._eos = embeddings, eos

    def forward(self, features: Features) -> Features:
        """{"input_ids", "attention_mask"} to {"hidden", "attention_mask", "end"}."""
        ids = features["input_ids"]
        # Checkpoints from before a fix name 2 as the end token; there it is the token with the highest number.
        end = ids.argmax(dim=-1) if self._eos == 2 else (ids == self._eos).int().argmax(dim=-1)
        return {"hidden": self.embeddings(ids), "attention_mask": features["attention_mask"], "end": end}


class TextLayer(Stage):
    """One transformer block under the causal mask and that of the padding."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: Features) -> Features:
        """{"hidden", "attention_mask", "end"} to the same."""
        hidden, read = features["hidden"], features["attention_mask"].bool()
        length = hidden.shape[1]
        before = torch.ones(length, length, dtype=torch.bool, device=hidden.device).tril()
        return {**features, "hidden": self.layer(hidden, attention_mask=before & read[:, None, None])}


class TextPooling(Stage):
    """The end token, normalised."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, features: Features) -> Features:
        """{"hidden", "attention_mask", "end"} to {"pooled"}."""
        hidden = features["hidden"]
        rows = torch.arange(hidden.shape[0], device=hidden.device)  # len() would fix the size of a traced batch
        return {"pooled": self.norm(hidden[rows, features["end"]])}


def load_clip(settings: EncoderSettings) -> ClipTowers:
    """A CLIP model with its tokenizer and its preprocessing, on the CPU in single precision.

    Raises:
        UserError: The weights are not on this machine, or are of another network.
    """
    directory = find_model(settings, "clip", "CLIP")
    preprocessing = load_preprocessing(directory, settings)
    return cut_clip(load_network(directory), directory, preprocessing, settings.licence)


def cut_clip(
    network: ClipNetwork, directory: Path, preprocessing: Preprocessing, licence: str | None = None
) -> ClipTowers:
    """Both towers of `network` as stages.

    Args:
        network: The whole.
        directory: Where its tokenizer lies.
        preprocessing: How a photo becomes pixels.
        licence: Of the weights.

    Raises:
        UserError: There is no tokenizer, or it is of another network.
    """
    config = network.config.text
    text: Any = network.text_model
    words = _tower(
        network,
        "text",
        TextEmbedding(text.embeddings, config.eos_token_id),
        [TextLayer(layer) for layer in text.encoder.layers],
        [TextPooling(text.final_layer_norm), Projection(network.text_projection)],
        {"entry": {"tokenizer": tokenizer_key(directory, config.vocab_size)}, "licence": licence},
    )
    tokenize = ClipTokenizer(directory, config)
    return ClipTowers(cut_vision(network, preprocessing, licence), words, tokenize, float(network.logit_scale.exp()))


def cut_vision(network: ClipNetwork, preprocessing: Preprocessing, licence: str | None = None) -> Encoder:
    """The tower for images of `network`, with its projection."""
    vision: Any = network.vision_model
    return _tower(
        network,
        "image",
        VisionEmbedding(Normalise(preprocessing), vision),
        [Block(layer, CLIP) for layer in vision.encoder.layers],
        [VisionPooling(vision.post_layernorm), Projection(network.visual_projection)],
        {"preprocessing": preprocessing, "licence": licence},
    )


def _tower(
    network: ClipNetwork,
    modality: Literal["image", "text"],
    first: Stage,
    blocks: list[Any],
    last: list[Stage],
    given: dict[str, Any],
) -> Encoder:
    config = network.config.vision if modality == "image" else network.config.text
    return Encoder(
        family="clip",
        modality=modality,
        model=network,
        stages=[first, *blocks, *last],
        borders=[
            "pixels" if modality == "image" else "tokens",
            "embedding",
            *(f"block{i}" for i in range(len(blocks))),
            "pooled",
            "features",
        ],
        dim=network.config.projection_dim,
        blocks=len(blocks),
        projection=True,
        architecture={"config": asdict(config), "versions": {"torch": torch.__version__}},
        **given,
    )
