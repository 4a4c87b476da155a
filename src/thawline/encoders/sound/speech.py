"""transformers' wav2vec 2.0 and HuBERT as stages (arXiv 2006.11477, arXiv 2106.07447)."""

from typing import Any

import torch
from torch import nn
from transformers import (
    HubertForSequenceClassification,
    HubertModel,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2Model,
)

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

SECONDS = 10.0
KINDS: dict[str, tuple[Any, Any, str]] = {
    "wav2vec2": (Wav2Vec2Model, Wav2Vec2ForSequenceClassification, "wav2vec 2.0"),
    "hubert": (HubertModel, HubertForSequenceClassification, "HuBERT"),
}


class SpeechEntry(Stage):
    """A waveform to the vectors that enter the transformer: convolutions, projection, places."""

    def __init__(self, model: Any, *, stable: bool) -> None:
        """Take the model's own modules; in a `stable` network the norm comes after the last block instead."""
        super().__init__()
        self.feature_extractor = model.feature_extractor
        self.feature_projection = model.feature_projection
        self.pos_conv_embed = model.encoder.pos_conv_embed
        self.layer_norm = nn.Identity() if stable else model.encoder.layer_norm

    def forward(self, features: Features) -> Features:
        """{"waveform": [batch, samples]} to {"hidden": [batch, time, width], "layers": [batch, 1, 2, width]}."""
        found = self.feature_projection(self.feature_extractor(features["waveform"]).transpose(1, 2))
        hidden = found[0] if isinstance(found, tuple) else found  # wav2vec 2.0 gives what it projects as well
        hidden = self.layer_norm(hidden + self.pos_conv_embed(hidden))
        return {"hidden": hidden, "layers": moments(hidden)}


class SpeechPooling(Stage):
    """The mean over time of what leaves the transformer."""

    def __init__(self, model: Any, *, stable: bool) -> None:
        super().__init__()
        self.layer_norm = model.encoder.layer_norm if stable else nn.Identity()

    def forward(self, features: Features) -> Features:
        """{"hidden", "layers"} to {"features", "layers", "pooled"}."""
        return leaving(features["layers"], self.layer_norm(features["hidden"]).mean(dim=1))


class SpeechClassifier(nn.Module):
    """The head of `Wav2Vec2ForSequenceClassification` and `HubertForSequenceClassification`.

    Theirs projects each moment and then takes the mean; the projection is linear, so the mean may come first.
    """

    layer_weights: nn.Parameter | None

    def __init__(self, config: Any, classes: int) -> None:
        super().__init__()
        layers = config.num_hidden_layers + 1
        self.layer_weights = nn.Parameter(torch.full((layers,), 1 / layers)) if config.use_weighted_layer_sum else None
        self.projector = nn.Linear(config.hidden_size, config.classifier_proj_size)
        self.classifier = nn.Linear(config.classifier_proj_size, classes)

    def forward(self, features: Features) -> torch.Tensor:
        """{"layers": [batch, layers, 2, width], "pooled": [batch, width], …} to logits [batch, classes]."""
        if self.layer_weights is None:
            mean = features["pooled"]
        else:
            shares = torch.softmax(self.layer_weights, dim=-1)
            mean = torch.einsum("l,blw->bw", shares, features["layers"][:, :, 0])
        logits: torch.Tensor = self.classifier(self.projector(mean))
        return logits


def load_speech(settings: EncoderSettings) -> Encoder:
    """A wav2vec 2.0 or HuBERT with its classifier if it has one, on the CPU in single precision.

    Raises:
        UserError: The weights are not on this machine or are of another network, or a window is too short for it.
    """
    base, whole, called = KINDS[settings.family]
    directory = find_model(settings, settings.family, called)
    extractor = load_extractor(Wav2Vec2FeatureExtractor, directory)
    model, classifying = load_classified(base, whole, directory, called)
    return cut_speech(model, classifying, extractor, settings)


def cut_speech(model: Any, whole: Any, extractor: Any, settings: EncoderSettings) -> Encoder:
    """`model`, a Wav2Vec2Model or HubertModel, as stages; `whole` is the classifying model it is part of, or None.

    Raises:
        UserError: It has an adapter above the transformer, or a window is too short for it.
    """
    config, layers = model.config, model.encoder.layers
    if getattr(config, "add_adapter", False):
        raise UserError(f"{settings.name} has an adapter, which is not supported here; choose another encoder.name")
    stable = bool(config.do_stable_layer_norm)

    def new_classifier(classes: int) -> SpeechClassifier:
        return SpeechClassifier(config, classes)

    classifier = None
    if whole is not None:
        classifier = new_classifier(config.num_labels)
        own = classifier.state_dict()
        classifier.load_state_dict({name: tensor for name, tensor in whole.state_dict().items() if name in own})
    return Encoder(
        family=settings.family,
        modality="audio",
        model=model,
        stages=[SpeechEntry(model, stable=stable), *map(Layer, layers), SpeechPooling(model, stable=stable)],
        borders=["waveform", "embedding", *(f"block{i}" for i in range(len(layers))), "features"],
        dim=2 * int(config.hidden_size),
        blocks=len(layers),
        architecture=architecture(config),
        hearing=_hearing(extractor, config, settings),
        labels=None if whole is None else label_names(config),
        classifier=classifier,
        new_classifier=new_classifier,
        licence=settings.licence,
    )


def _hearing(extractor: Any, config: Any, settings: EncoderSettings) -> Hearing:
    windowing = windowing_for(settings, rate=RATE, seconds=SECONDS)
    shortest = 1
    for kernel, stride in reversed(list(zip(config.conv_kernel, config.conv_stride, strict=True))):
        shortest = (shortest - 1) * stride + kernel
    check_shortest(windowing, shortest, settings.name)
    front = ExtractorFront(extractor, "waveform", lambda waveform: waveform)
    return Hearing(windowing, front, {"kind": "waveform", **extractor_key(extractor)})
