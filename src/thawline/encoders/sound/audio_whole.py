"""Any other network of transformers' that classifies sound, in one piece."""

import threading
from typing import Any

import torch
from torch import nn
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

from thawline.encoders.directory import read_json
from thawline.encoders.encoder import Encoder, Features, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.audio import RATE, UNUSED, ExtractorFront, extractor_key, label_names, load_extractor
from thawline.encoders.sound.hearing import Hearing, windowing_for
from thawline.encoders.transformers import architecture, load_model
from thawline.encoders.weights import locate, safetensors_in
from thawline.errors import UserError

SECONDS = 10.0
# What enters the last layer, of each thread by itself: one network may serve several at once.
_entering = threading.local()


class WholeSound(Stage):
    """The network, its own classifier included."""

    def __init__(self, model: Any, entry: str) -> None:
        """Take the model and the name of what enters it here."""
        super().__init__()
        self.model = model
        self.entry = entry
        # A function of this module: a copy of this stage then carries nothing that leads back to it.
        if isinstance(last := getattr(model, "classifier", None), nn.Module):
            last.register_forward_pre_hook(_catch)

    def forward(self, features: Features) -> Features:
        """{"waveform"} or {"mel"} to {"features": what enters the last layer, "logits": [batch, labels]}."""
        _entering.last = None
        try:
            logits = self.model(**{self.model.main_input_name: features[self.entry]}).logits
            own = _entering.last
        finally:
            _entering.last = None
        return {"features": own if own is not None and own.ndim == 2 else logits, "logits": logits}


def _catch(_module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
    _entering.last = given[0]


class OwnLogits(nn.Module):
    """The classifier of a network that has given its logits already."""

    def forward(self, features: Features) -> torch.Tensor:
        """{"logits": [batch, labels], …} to them."""
        return features["logits"]


def load_whole(settings: EncoderSettings) -> Encoder:
    """A network that `AutoModelForAudioClassification` loads, on the CPU in single precision.

    Its features are what enters its last layer, or its logits where that is no vector.

    Raises:
        UserError: The weights are not on this machine, or are of no such network.
    """
    directory = locate(settings)
    safetensors_in(directory)
    if read_json(directory, "config.json").get("model_type") == "audio-spectrogram-transformer":
        raise UserError(f"{directory} holds an AST; set encoder.family=ast, which can also cut it into blocks")
    # Not `trust_remote_code` left out: the library would ask on the terminal.
    extractor = load_extractor(AutoFeatureExtractor, directory, trust_remote_code=False)
    model = load_model(
        AutoModelForAudioClassification, directory, "audio classification", UNUSED, trust_remote_code=False
    )
    return cut_whole(model, extractor, settings)


def cut_whole(model: Any, extractor: Any, settings: EncoderSettings) -> Encoder:
    """`model`, of any class for audio classification, as one stage.

    Raises:
        UserError: The extractor is not the network's, or a window is longer than it hears or too short for it.
    """
    if extractor.model_input_names[0] != model.main_input_name:
        raise UserError(
            f"the preprocessor of {settings.name} gives {extractor.model_input_names[0]}, and the network takes "
            f"{model.main_input_name}; they don't belong together"
        )
    windowing = windowing_for(settings, rate=RATE, seconds=SECONDS)
    if windowing.samples > (longest := getattr(extractor, "n_samples", windowing.samples)):
        raise UserError(
            f"encoder.seconds={windowing.seconds}: {settings.name} hears {longest / RATE:g} s and drops the rest; use "
            "that or less"
        )
    front, stage, dim = _try_out(model.eval(), extractor, windowing.samples, settings)
    return Encoder(
        family="audio",
        modality="audio",
        model=model,
        stages=[stage],
        borders=[stage.entry, "features"],
        dim=dim,
        blocks=0,
        architecture={"whole": 2, "model": type(model).__name__, **architecture(model.config)},
        hearing=Hearing(windowing, front, {"kind": stage.entry, **extractor_key(extractor)}),
        labels=label_names(model.config),
        classifier=OwnLogits(),
        licence=settings.licence,
    )


@torch.no_grad()
def _try_out(
    model: Any, extractor: Any, samples: int, settings: EncoderSettings
) -> tuple[ExtractorFront, WholeSound, int]:
    """The front, the stage, and the width of the features, as they are for a window of `samples`."""
    try:
        given = ExtractorFront(extractor, "entry", _as_it_is)(torch.zeros(samples))["entry"]
        entry = "waveform" if given.ndim == 1 else "mel"
        stage = WholeSound(model, entry)
        features = stage({entry: given.unsqueeze(0)})["features"]
    except (RuntimeError, ValueError, TypeError) as error:
        raise UserError(
            f"{settings.name} does not take a window of {samples / RATE:g} s: {str(error).splitlines()[0]}; try "
            "another encoder.seconds"
        ) from error
    return ExtractorFront(extractor, entry, _as_it_is), stage, int(features.shape[1])


def _as_it_is(values: torch.Tensor) -> torch.Tensor:
    return values
