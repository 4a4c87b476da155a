"""A small text encoder without pretrained weights: for data with captions where no pretrained CLIP can be had.

Words become numbers by hashing (Weinberger et al., arXiv 0902.2206), so there is no vocabulary to fit, none to leak
from held-out texts, and none to ship.
"""

import math
import re
import unicodedata
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from thawline.encoders.encoder import Encoder, Features, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import TextTower
from thawline.errors import UserError

_DEFAULTS = {"width": 128, "layers": 1, "heads": 4, "buckets": 4096, "longest": 64, "dropout": 0.1}
_WORD = re.compile(r"\w+")
PADDING = 0


class WordEmbedding(Stage):
    """Word numbers to vectors, with their places."""

    def __init__(self, buckets: int, width: int, longest: int) -> None:
        super().__init__()
        self.words = nn.Embedding(buckets + 1, width, padding_idx=PADDING)
        self.places = nn.Embedding(longest, width)

    def forward(self, features: Features) -> Features:
        """{"words": int64 [batch, longest]} to {"hidden": [batch, longest, width], "mask": bool [batch, longest]}."""
        words = features["words"]
        places = self.places(torch.arange(words.shape[1], device=words.device))
        return {"hidden": self.words(words) + places, "mask": words != PADDING}


class WordLayer(Stage):
    """One transformer layer over the words, normalised first."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )

    def forward(self, features: Features) -> Features:
        """{"hidden", "mask"} to the same."""
        hidden = self.layer(features["hidden"], src_key_padding_mask=~features["mask"])
        return {**features, "hidden": hidden}


class WordPooling(Stage):
    """The mean over the words, normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Features) -> Features:
        """{"hidden", "mask"} to {"features": [batch, width]}."""
        mask = features["mask"].unsqueeze(-1).to(features["hidden"].dtype)
        mean = (features["hidden"] * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        return {"features": self.norm(mean)}


class WordTokenizer:
    """Texts to word numbers; the same everywhere, without a vocabulary."""

    def __init__(self, buckets: int, longest: int) -> None:
        """Give words numbers 1 to `buckets`, and cut texts after `longest` words."""
        self.buckets, self.longest = buckets, longest

    def __call__(self, texts: list[str]) -> Features:
        """{"words": int64 [texts, longest of them]}, filled up with 0."""
        rows = [self._number(text) for text in texts]
        words = torch.full((len(rows), max(map(len, rows))), PADDING)
        for row, numbers in zip(words, rows, strict=True):
            row[: len(numbers)] = torch.tensor(numbers)
        return {"words": words}

    def lengths(self, texts: list[str]) -> list[int]:
        """The number of words of each text, uncut."""
        return [len(_words(text)) for text in texts]

    def _number(self, text: str) -> list[int]:
        # A text without a word is one word, so that the mean over words is of something.
        words = _words(text)[: self.longest] or [""]
        return [1 + zlib.crc32(word.encode()) % self.buckets for word in words]


def load_scratch(settings: EncoderSettings) -> TextTower:
    """The encoder with random weights, the same each time; all of it has to train.

    Raises:
        UserError: `settings.model_args` has something that it does not know, or that makes no network.
    """
    given = _sizes(settings)
    width, layers = given["width"], given["layers"]
    stages = make_stages(given)
    start_anew(stages, torch.Generator().manual_seed(0))
    encoder = Encoder(
        family="scratch",
        modality="text",
        model=nn.ModuleList(stages),
        stages=stages,
        borders=["words", "embedding", *(f"block{i}" for i in range(layers)), "features"],
        dim=width,
        blocks=0,
        architecture={"scratch": {name: given[name] for name in sorted(given)}},
        entry={"words": "crc32", "buckets": given["buckets"], "longest": given["longest"]},
    )
    return TextTower(encoder, WordTokenizer(given["buckets"], given["longest"]))


def make_stages(sizes: Mapping[str, Any]) -> list[Stage]:
    """The stages of a network of such sizes, each of which is given; their weights are whatever PyTorch draws."""
    width = sizes["width"]
    layers = [WordLayer(width, sizes["heads"], sizes["dropout"]) for _ in range(sizes["layers"])]
    return [WordEmbedding(sizes["buckets"], width, sizes["longest"]), *layers, WordPooling(width)]


def _sizes(settings: EncoderSettings) -> dict[str, Any]:
    """`settings.model_args` over the defaults."""
    if unknown := sorted(set(settings.model_args) - set(_DEFAULTS)):
        raise UserError(f"encoder.model_args.{unknown[0]} is not known here; there are: {', '.join(_DEFAULTS)}")
    given = {name: type(default)(settings.model_args.get(name, default)) for name, default in _DEFAULTS.items()}
    for name in ("width", "heads", "buckets", "longest"):
        if given[name] < 1:
            raise UserError(f"encoder.model_args.{name}={given[name]} must be at least 1")
    if given["width"] % given["heads"] or given["layers"] < 0:
        raise UserError(
            f"encoder.model_args.width={given['width']} must be a multiple of heads={given['heads']}, and layers at "
            "least 0"
        )
    if not 0 <= given["dropout"] < 1:
        raise UserError(f"encoder.model_args.dropout={given['dropout']} must be at least 0 and below 1")
    return given


@torch.no_grad()
def start_anew(modules: Iterable[nn.Module], generator: torch.Generator) -> None:
    """Draw every weight anew: matrices with the standard deviation 1/√(what enters), vectors as they are by design."""
    for module in modules:
        for part in module.modules():
            if isinstance(part, nn.Embedding):
                # Small: a word that training never saw then says next to nothing.
                part.weight.normal_(0, 0.02, generator=generator)
                if part.padding_idx is not None:
                    part.weight[part.padding_idx] = 0
            elif isinstance(part, nn.LayerNorm):
                part.weight.fill_(1)
                part.bias.zero_()
            elif isinstance(part, nn.MultiheadAttention):
                _draw(part.in_proj_weight, part.in_proj_bias, generator)
            elif isinstance(part, nn.Linear):
                _draw(part.weight, part.bias, generator)


def _draw(weight: torch.Tensor, bias: torch.Tensor, generator: torch.Generator) -> None:
    weight.normal_(0, 1 / math.sqrt(weight.shape[1]), generator=generator)
    bias.zero_()


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
