"""Sentence encoders, in the format of sentence-transformers (Reimers and Gurevych, arXiv 1908.10084), as stages."""

from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoTokenizer,
    BertModel,
    CamembertModel,
    DistilBertModel,
    RobertaModel,
    T5EncoderModel,
    XLMRobertaModel,
)
from transformers.masking_utils import create_bidirectional_mask

from thawline.encoders.encoder import Encoder, Features, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.text.recipe import Layer, Recipe, read_recipe
from thawline.encoders.text.tokens import Filling, TextTokenizer, has_tokenizer, lowered
from thawline.encoders.towers import TextTower
from thawline.encoders.transformers import architecture, load_model, quiet
from thawline.encoders.weights import locate, safetensors_in
from thawline.errors import UserError

# The module that holds the blocks of each class that can be cut; all have `embeddings` below them.
_BLOCKS: dict[Any, str] = {
    BertModel: "encoder",
    RobertaModel: "encoder",
    XLMRobertaModel: "encoder",
    CamembertModel: "encoder",
    DistilBertModel: "transformer",
}
_MOST = 8192  # tokens of a text, where the model has no limit
_ABSENT = "text.name={directory}: {what}; choose another model"


class Unit(nn.Module):
    """To length 1."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to the same."""
        return F.normalize(features, dim=-1)


class SentenceNetwork(nn.Module):
    """A transformer with the layers that follow its pooling: all that has weights."""

    def __init__(self, transformer: nn.Module, recipe: Recipe) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        self.transformer, self.recipe = transformer, recipe
        self.layers = nn.Sequential(*(make_layer(one) for one in recipe.layers))


class WordsEmbedding(Stage):
    """Tokens to embeddings."""

    def __init__(self, embeddings: nn.Module) -> None:
        super().__init__()
        self.embeddings = embeddings

    def forward(self, features: Features) -> Features:
        """{"input_ids", "attention_mask"} to {"hidden", "attention_mask"}."""
        return {"hidden": self.embeddings(features["input_ids"]), "attention_mask": features["attention_mask"]}


class WordsLayer(Stage):
    """One transformer block, under the mask of the padding."""

    def __init__(self, layer: nn.Module, config: Any) -> None:
        super().__init__()
        self.layer = layer
        self._config = config

    def forward(self, features: Features) -> Features:
        """{"hidden", "attention_mask"} to the same."""
        hidden, padding = features["hidden"], features["attention_mask"]
        mask = create_bidirectional_mask(config=self._config, inputs_embeds=hidden, attention_mask=padding)
        return {**features, "hidden": self.layer(hidden, attention_mask=mask)}


class WholeTransformer(Stage):
    """A transformer of a class that is not listed, in one piece."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Features) -> Features:
        """{"input_ids", "attention_mask"} to {"hidden", "attention_mask"}."""
        said = self.model(input_ids=features["input_ids"], attention_mask=features["attention_mask"])
        return {"hidden": said.last_hidden_state, "attention_mask": features["attention_mask"]}


class SentencePooling(Stage):
    """What is made of a text's tokens, and the layers that follow."""

    def __init__(self, poolings: Sequence[str], layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self._poolings = tuple(poolings)

    def forward(self, features: Features) -> Features:
        """{"hidden", "attention_mask"} to {"features"}."""
        hidden, mask = features["hidden"], features["attention_mask"]
        return {"features": self.layers(torch.cat([_pooled(hidden, mask, kind) for kind in self._poolings], dim=-1))}


def load_sentences(settings: EncoderSettings) -> TextTower:
    """A sentence encoder with its tokenizer, on the CPU in single precision. Nothing of its directory is run.

    Raises:
        UserError: The weights are not on this machine, or it has a part that is not known here.
    """
    directory = locate(settings)
    recipe = read_recipe(directory)
    folder = directory / recipe.transformer
    config = _load_config(folder)
    kind = class_for(config, folder)
    safetensors_in(folder)
    network = SentenceNetwork(load_model(kind, folder, "text", **without_pooler(kind)), recipe)
    for layer, one in zip(network.layers, recipe.layers, strict=True):
        if one.place is not None:
            _fill(layer, directory / one.place)
    return cut_sentences(network, recipe, _load_tokenizer(folder, config, recipe), settings.licence)


def cut_sentences(
    network: SentenceNetwork, recipe: Recipe, tokenizer: TextTokenizer, licence: str | None = None
) -> TextTower:
    """`network` as stages: at every block where its class is listed, otherwise at its ends."""
    model: Any = network.transformer
    config = model.config
    last = SentencePooling(recipe.poolings, network.layers)
    within = _BLOCKS.get(type(model))  # exactly: a subclass may compute something else
    blocks = list(getattr(model, within).layer) if within and not getattr(config, "is_decoder", False) else []
    first: list[Stage] = [WordsEmbedding(model.embeddings)] if blocks else [WholeTransformer(model)]
    text = Encoder(
        family=f"sentences:{config.model_type}",
        modality="text",
        model=network,
        stages=[*first, *(WordsLayer(layer, config) for layer in blocks), last],
        borders=[
            "tokens",
            "embedding" if blocks else "hidden",
            *(f"block{i}" for i in range(len(blocks))),
            "features",
        ],
        dim=_width(int(config.hidden_size), recipe),
        blocks=len(blocks),
        architecture={**architecture(config), "recipe": recipe.key()},
        entry=tokenizer.key(),
        licence=licence,
    )
    return TextTower(text, tokenizer)


def class_for(config: Any, place: Path) -> Any:
    """The class of transformers' for the encoder that `config` describes.

    Raises:
        UserError: It is no encoder of texts.
    """
    if config.model_type in ("t5", "mt5"):
        return T5EncoderModel
    kind: Any = MODEL_MAPPING.get(type(config), None)
    if kind is None or isinstance(kind, tuple) or config.is_encoder_decoder:
        what = f"transformers has no encoder of texts of the kind '{config.model_type}'"
        raise UserError(_ABSENT.format(directory=place, what=what))
    return kind


def without_pooler(kind: Any) -> dict[str, Any]:
    """What keeps the class `kind` from making a pooler of its own, which sentence encoders don't use."""
    return {"add_pooling_layer": False} if "add_pooling_layer" in signature(kind).parameters else {}


def make_layer(one: Layer) -> nn.Module:
    """A layer with random weights."""
    if one.kind == "unit":
        return Unit()
    if one.kind == "norm":
        return nn.LayerNorm(one.sizes[0])
    activation: nn.Module = getattr(nn, one.activation)()  # one of ACTIVATIONS
    entering, leaving = one.sizes
    return nn.Sequential(nn.Linear(entering, leaving, bias=one.bias), activation)


def _width(hidden: int, recipe: Recipe) -> int:
    dense = [one.sizes[1] for one in recipe.layers if one.kind == "dense"]
    return dense[-1] if dense else hidden * len(recipe.poolings)


def _pooled(hidden: torch.Tensor, mask: torch.Tensor, kind: str) -> torch.Tensor:
    """[batch, tokens, width] to [batch, width]; `mask` [batch, tokens] is 0 for padding, on whichever side."""
    if kind in ("cls", "lasttoken"):
        there = mask.int()
        place = there.argmax(dim=1) if kind == "cls" else there.shape[1] - 1 - there.flip(1).argmax(dim=1)
        return hidden[torch.arange(hidden.shape[0], device=hidden.device), place]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    if kind == "max":
        return hidden.masked_fill(weights == 0, -torch.inf).max(dim=1).values
    if kind == "weightedmean":  # the nth token counts n times
        weights = weights * weights.cumsum(dim=1)
    total, count = (hidden * weights).sum(dim=1), weights.sum(dim=1).clamp(min=1e-9)
    return total / (count.sqrt() if kind == "mean_sqrt_len_tokens" else count)


def _load_config(folder: Path) -> Any:
    try:
        with quiet():
            # Not `trust_remote_code` left out: the library would ask on the terminal.
            return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(_ABSENT.format(directory=folder, what=f"it can't be read ({reason})")) from error


def _load_tokenizer(folder: Path, config: Any, recipe: Recipe) -> TextTokenizer:
    if not has_tokenizer(folder):
        raise UserError(f"{folder} has no tokenizer.json or vocab.txt; copy the tokenizer's files there")
    try:
        with quiet():
            found: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(_ABSENT.format(directory=folder, what=f"its tokenizer can't be loaded ({reason})")) from error
    backend = getattr(found, "backend_tokenizer", None)
    if backend is None or found.pad_token is None or len(found) > config.vocab_size:
        raise UserError(_ABSENT.format(directory=folder, what="its tokenizer is none that fills up texts for it"))
    backend = lowered(backend) if recipe.lower else backend
    # RoBERTa's positions begin behind the padding's.
    before = config.pad_token_id + 1 if "roberta" in config.model_type or config.model_type == "camembert" else 0
    most = getattr(config, "max_position_embeddings", None)
    limits = [recipe.longest, found.model_max_length, most - before if most and most > 0 else None]
    longest = min(_MOST, *(int(limit) for limit in limits if limit))
    return TextTokenizer(backend, Filling(longest, found.pad_token, found.pad_token_id, before=recipe.before))


def _fill(layer: nn.Module, folder: Path) -> None:
    """Put the weights in `folder` into `layer`."""
    state = load_file(safetensors_in(folder))
    plain = {f"0.{name.removeprefix('linear.')}" if "linear." in name else name: one for name, one in state.items()}
    plain = {name.removeprefix("norm."): tensor.float() for name, tensor in plain.items()}
    try:
        layer.load_state_dict(plain)
    except RuntimeError as error:
        raise UserError(f"the weights in {folder} are of another layer than its config.json says") from error
