"""transformers' Audio Spectrogram Transformer as stages (Gong et al., arXiv 2104.01778)."""

from typing import Any

import torch
from torch import nn
from transformers import ASTFeatureExtractor, ASTForAudioClassification, ASTModel

from thawline.encoders.blocks import VIT
from thawline.encoders.directory import find_model
from thawline.encoders.encoder import Encoder, Features, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.audio import (
    RATE,
    ExtractorFront,
    Layer,
    extractor_key,
    label_names,
    leaving,
    load_classified,
    load_extractor,
    moments,
)
from thawline.encoders.sound.hearing import Hearing, check_shortest, windowing_for
from thawline.encoders.transformers import architecture
from thawline.errors import UserError

_FRAME, _HOP = 400, 160  # samples, of Kaldi's filter bank at 16 kHz


class ASTEntry(Stage):
    """A spectrogram to tokens."""

    def __init__(self, embeddings: nn.Module) -> None:
        super().__init__()
        self.embeddings = embeddings

    def forward(self, features: Features) -> Features:
        """{"mel": [batch, mels, frames]} to {"hidden": [batch, tokens, width], "layers": [batch, 1, 2, width]}."""
        hidden = self.embeddings(features["mel"].transpose(1, 2))
        return {"hidden": hidden, "layers": moments(hidden)}


class ASTPooling(Stage):
    """The mean of the class and the distillation token, normalised."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, features: Features) -> Features:
        """{"hidden", "layers"} to {"features", "layers", "pooled"}; without "layers" to {"pooled"}."""
        pooled = self.norm(features["hidden"][:, :2]).mean(dim=1)
        return leaving(features["layers"], pooled) if "layers" in features else {"pooled": pooled}

    def tokens_read(self, only: str | None) -> int | None:
        """Both where nobody reads the moments, which are of all tokens."""
        return 2 if only == "pooled" else None


class ASTClassifier(nn.Module):
    """The head of `ASTForAudioClassification`."""

    reads = "pooled"

    def __init__(self, width: int, classes: int, eps: float) -> None:
        super().__init__()
        self.layernorm = nn.LayerNorm(width, eps=eps)
        self.dense = nn.Linear(width, classes)

    def forward(self, features: Features) -> torch.Tensor:
        """{"pooled": [batch, width], …} to logits [batch, classes]."""
        logits: torch.Tensor = self.dense(self.layernorm(features["pooled"]))
        return logits


def load_ast(settings: EncoderSettings) -> Encoder:
    """An AST with its classifier if it has one, on the CPU in single precision.

    Raises:
        UserError: The weights are not on this machine or are of another network, or a window is longer than it hears.
    """
    directory = find_model(settings, "audio-spectrogram-transformer", "AST")
    extractor = load_extractor(ASTFeatureExtractor, directory)
    model, whole = load_classified(ASTModel, ASTForAudioClassification, directory, "AST")
    return cut_ast(model, whole, extractor, settings)


def cut_ast(model: Any, whole: Any, extractor: Any, settings: EncoderSettings) -> Encoder:
    """`model`, an ASTModel, as stages; `whole` is the ASTForAudioClassification that it is part of, or None.

    Raises:
        UserError: A window is longer than the network hears, or the extractor is not the network's.
    """
    config, count = model.config, len(model.layers)

    def new_classifier(classes: int) -> ASTClassifier:
        return ASTClassifier(config.hidden_size, classes, config.layer_norm_eps)

    classifier = None
    if whole is not None:
        classifier = new_classifier(config.num_labels)
        classifier.load_state_dict(whole.classifier.state_dict())
    return Encoder(
        family="ast",
        modality="audio",
        model=model,
        stages=[
            ASTEntry(model.embeddings),
            *(Layer(layer, VIT) for layer in model.layers),
            ASTPooling(model.layernorm),
        ],
        borders=["mel", "embedding", *(f"block{i}" for i in range(count)), "features"],
        dim=2 * int(config.hidden_size),
        blocks=count,
        architecture=architecture(config),
        hearing=_hearing(extractor, config, settings),
        labels=None if whole is None else label_names(config),
        classifier=classifier,
        new_classifier=new_classifier,
        licence=settings.licence,
    )


def _hearing(extractor: Any, config: Any, settings: EncoderSettings) -> Hearing:
    for name in ("num_mel_bins", "max_length"):
        theirs, own = getattr(extractor, name), getattr(config, name)
        if theirs != own:
            raise UserError(
                f"the preprocessor's config of {settings.name} has {name}={theirs}, and the network {own}; "
                "they don't belong together"
            )
    longest = config.max_length * _HOP / RATE
    windowing = windowing_for(settings, rate=RATE, seconds=longest)
    check_shortest(windowing, _FRAME, settings.name)
    if (windowing.samples - _FRAME) // _HOP + 1 > config.max_length:
        raise UserError(
            f"encoder.seconds={windowing.seconds}: {settings.name} hears {longest:g} s and drops the rest; use "
            f"{longest:g} or less, and encoder.hop for how far windows lie apart"
        )
    front = ExtractorFront(extractor, "mel", lambda frames: frames.T.contiguous())
    return Hearing(windowing, front, {"kind": "ast", **extractor_key(extractor)})
