"""SigLIP's two towers, of its first and second version, as two encoders (arXiv 2303.15343, 2502.14786)."""

from pathlib import Path
from typing import Any

from torch import nn
from transformers import PreTrainedTokenizerFast, SiglipModel

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.blocks import CLIP, Block
from thawline.encoders.directory import find_model
from thawline.encoders.encoder import Encoder, Features, Normalise, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.text.tokens import Filling, TextTokenizer, lowered
from thawline.encoders.towers import ClipTowers, PooledMlp, Projection
from thawline.encoders.transformers import architecture, load_model, quiet
from thawline.encoders.vision.processor import load_preprocessing
from thawline.encoders.vision.vit import ViTEmbedding
from thawline.errors import UserError


class AttentionPooling(Stage):
    """What a learned query takes from all tokens."""

    probe: nn.Parameter

    def __init__(self, norm: nn.Module, head: Any) -> None:
        super().__init__()
        self.norm, self.attention = norm, head.attention
        self.register_parameter("probe", head.probe)

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"pooled"}."""
        hidden = self.norm(features["hidden"])
        probe = self.probe.repeat(hidden.shape[0], 1, 1)
        return {"pooled": self.attention(probe, hidden, hidden)[0][:, 0]}


class TokenEmbedding(Stage):
    """Tokens to embeddings. The padding is read like all else, since it was in the pretraining."""

    def __init__(self, embeddings: nn.Module) -> None:
        super().__init__()
        self.embeddings = embeddings

    def forward(self, features: Features) -> Features:
        """{"input_ids", "attention_mask"} to {"hidden"}."""
        return {"hidden": self.embeddings(features["input_ids"])}


class LastToken(Stage):
    """The last token, normalised."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"pooled"}."""
        return {"pooled": self.norm(features["hidden"][:, -1])}


def load_siglip(settings: EncoderSettings) -> ClipTowers:
    """A SigLIP of either version with its tokenizer and its preprocessing, on the CPU in single precision.

    Raises:
        UserError: The weights are not on this machine, or are of another network.
    """
    directory = find_model(settings, "siglip", "SigLIP of one resolution")
    preprocessing = load_preprocessing(directory, settings)
    model = load_model(SiglipModel, directory, "SigLIP")
    return cut_siglip(model, load_siglip_tokenizer(directory), preprocessing, settings.licence)


def cut_siglip(model: Any, tokenizer: Any, preprocessing: Preprocessing, licence: str | None = None) -> ClipTowers:
    """Both towers of `model` as stages.

    Raises:
        UserError: They share no space, or the tokenizer is of another network.
    """
    text, config = model.text_model, model.config.text_config
    image = cut_siglip_vision(model, preprocessing, licence)
    if len(tokenizer) > config.vocab_size or int(config.projection_size) != image.dim:
        raise UserError("the towers of this SigLIP, or its tokenizer, don't belong together; copy the model again")
    backend = lowered(tokenizer.backend_tokenizer)
    filling = Filling(int(config.max_position_embeddings), tokenizer.pad_token, tokenizer.pad_token_id, fixed=True)
    tokenize = TextTokenizer(backend, filling)
    words = Encoder(
        family="siglip",
        modality="text",
        model=model,
        stages=[
            TokenEmbedding(text.embeddings),
            *(Block(layer, CLIP) for layer in text.encoder.layers),
            LastToken(text.final_layer_norm),
            Projection(text.head),
        ],
        borders=["tokens", "embedding", *(f"block{i}" for i in range(len(text.encoder.layers))), "pooled", "features"],
        dim=image.dim,
        blocks=len(text.encoder.layers),
        projection=True,
        architecture=architecture(config),
        entry=tokenize.key(),
        licence=licence,
    )
    return ClipTowers(image, words, tokenize, float(model.logit_scale.detach().exp()))


def cut_siglip_vision(model: Any, preprocessing: Preprocessing, licence: str | None = None) -> Encoder:
    """The vision tower of `model`, a SiglipModel."""
    vision, config = model.vision_model, model.config.vision_config
    if not vision.use_head:
        raise UserError("this SigLIP has no pooling of its own, so its towers share no space; choose another encoder")
    resized = preprocessing.size != config.image_size
    return Encoder(
        family="siglip",
        modality="image",
        model=model,
        stages=[
            ViTEmbedding(Normalise(preprocessing), vision.embeddings, resized=resized),
            *(Block(layer, CLIP) for layer in vision.encoder.layers),
            AttentionPooling(vision.post_layernorm, vision.head),
            PooledMlp(vision.head.layernorm, vision.head.mlp),
        ],
        borders=[
            "pixels",
            "embedding",
            *(f"block{i}" for i in range(len(vision.encoder.layers))),
            "pooled",
            "features",
        ],
        dim=int(config.hidden_size),
        blocks=len(vision.encoder.layers),
        projection=True,
        architecture=architecture(config),
        preprocessing=preprocessing,
        licence=licence,
    )


def load_siglip_tokenizer(directory: Path) -> Any:
    """The tokenizer in `directory`, by the library `tokenizers` alone.

    Raises:
        UserError: There is none, or it fills up no texts.
    """
    if not (directory / "tokenizer.json").exists():
        raise UserError(f"{directory} has no tokenizer.json; copy the tokenizer's files there")
    with quiet():
        found: Any = PreTrainedTokenizerFast.from_pretrained(directory, local_files_only=True)
    if found.pad_token is None:
        raise UserError(f"the tokenizer in {directory} names no pad_token; copy its tokenizer_config.json there")
    return found
