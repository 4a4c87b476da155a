"""CLIP's two towers as two encoders over one transformers model (Radford et al., arXiv 2103.00020)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import CLIPModel, CLIPTokenizer
from transformers.masking_utils import create_causal_mask

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder, Features, Normalise, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.text.tokens import tokenizer_digest
from thawline.encoders.towers import ClipTowers, Projection
from thawline.encoders.transformers import CLIP, Block, architecture, find_model, load_model, quiet
from thawline.encoders.vision.processor import load_preprocessing
from thawline.errors import UserError


class VisionEmbedding(Stage):
    """Pixels to tokens."""

    def __init__(self, normalise: Normalise, vision: Any, *, resized: bool) -> None:
        super().__init__()
        self.normalise, self.embeddings, self.pre_layrnorm = normalise, vision.embeddings, vision.pre_layrnorm
        self._resized = resized

    def forward(self, features: Features) -> Features:
        """{"pixels"} to {"hidden"}."""
        pixels = self.normalise(features["pixels"])
        return {"hidden": self.pre_layrnorm(self.embeddings(pixels, interpolate_pos_encoding=self._resized))}


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

    def __init__(self, text: Any) -> None:
        super().__init__()
        self.embeddings = text.embeddings
        self._eos = int(text.eos_token_id)

    def forward(self, features: Features) -> Features:
        """{"input_ids", "attention_mask"} to {"hidden", "attention_mask", "end"}."""
        ids = features["input_ids"]
        # Checkpoints from before a fix name 2 as the end token; there it is the token with the highest number.
        end = ids.argmax(dim=-1) if self._eos == 2 else (ids == self._eos).int().argmax(dim=-1)
        return {"hidden": self.embeddings(ids), "attention_mask": features["attention_mask"], "end": end}


class TextLayer(Stage):
    """One transformer block under the causal mask and that of the padding."""

    def __init__(self, layer: nn.Module, config: Any) -> None:
        super().__init__()
        self.layer = layer
        self._config = config

    def forward(self, features: Features) -> Features:
        """{"hidden", "attention_mask", "end"} to the same."""
        hidden = features["hidden"]
        mask = create_causal_mask(
            config=self._config,
            inputs_embeds=hidden,
            attention_mask=features["attention_mask"],
            past_key_values=None,
        )
        return {**features, "hidden": self.layer(hidden, attention_mask=mask, is_causal=True)}


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
    model = load_model(CLIPModel, directory, "CLIP")
    return cut_clip(model, load_tokenizer(directory, model.config.text_config), preprocessing, settings.licence)


def cut_clip(model: Any, tokenizer: Any, preprocessing: Preprocessing, licence: str | None = None) -> ClipTowers:
    """Both towers of `model` as stages."""
    text = model.text_model
    image = cut_vision(model, preprocessing, licence)
    words = _tower(
        model,
        "text",
        TextEmbedding(text),
        [TextLayer(layer, text.config) for layer in text.encoder.layers],
        [TextPooling(text.final_layer_norm), Projection(model.text_projection)],
        {"entry": {"tokenizer": tokenizer_digest(tokenizer.backend_tokenizer)}, "licence": licence},
    )
    return ClipTowers(image, words, _tokenizer(tokenizer, text.config), float(model.logit_scale.exp()))


def cut_vision(model: Any, preprocessing: Preprocessing, licence: str | None = None) -> Encoder:
    """The vision tower of `model`, a CLIPModel, with its projection."""
    vision = model.vision_model
    resized = preprocessing.size != vision.config.image_size
    return _tower(
        model,
        "image",
        VisionEmbedding(Normalise(preprocessing), vision, resized=resized),
        [Block(layer, CLIP) for layer in vision.encoder.layers],
        [VisionPooling(vision.post_layernorm), Projection(model.visual_projection)],
        {"preprocessing": preprocessing, "licence": licence},
    )


def _tower(
    model: Any, modality: Any, first: Stage, blocks: list[Any], last: list[Stage], given: dict[str, Any]
) -> Encoder:
    config = getattr(model.config, "vision_config" if modality == "image" else "text_config")
    return Encoder(
        family="clip",
        modality=modality,
        model=model,
        stages=[first, *blocks, *last],
        borders=[
            "pixels" if modality == "image" else "tokens",
            "embedding",
            *(f"block{i}" for i in range(len(blocks))),
            "pooled",
            "features",
        ],
        dim=int(model.config.projection_dim),
        blocks=len(blocks),
        projection=True,
        architecture=architecture(config),
        **given,
    )


def load_tokenizer(directory: Path, config: Any) -> Any:
    """The tokenizer in `directory`.

    Raises:
        UserError: There is none, or it is of another network than the text tower's `config`.
    """
    # Without these files the library gives a tokenizer that knows three tokens, and no error.
    if not any((directory / name).exists() for name in ("tokenizer.json", "vocab.json")):
        raise UserError(f"{directory} has no tokenizer.json or vocab.json; copy the tokenizer's files there")
    with quiet():
        tokenizer = CLIPTokenizer.from_pretrained(directory, local_files_only=True)
    if len(tokenizer) > config.vocab_size:
        raise UserError(
            f"the tokenizer in {directory} knows {len(tokenizer)} tokens, and the network {config.vocab_size}; "
            "they don't belong together"
        )
    return tokenizer


def _tokenizer(tokenizer: Any, config: Any) -> Callable[[list[str]], Features]:
    longest = int(config.max_position_embeddings)

    def tokenize(texts: list[str]) -> Features:
        # Padded to the longest, not to the model's full length, which costs several times as much.
        batch = tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        return {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}

    return tokenize
