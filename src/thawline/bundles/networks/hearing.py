"""AST, wav2vec 2.0 and HuBERT as transformers' own classes load them, with or without a classifier."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification, HubertConfig, Wav2Vec2Config
from transformers import Wav2Vec2FeatureExtractor as SpeechFeatureExtractor

from thawline.bundles.networks.transformers import check_config, save_model
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.audio import extractor_settings, load_extractor
from thawline.encoders.sound.audio_spectrogram import load_ast
from thawline.encoders.sound.speech import KINDS, load_speech
from thawline.encoders.weights import locate
from thawline.files import read_json, write_json

EXTRACTOR = "preprocessor_config.json"
_TYPES = {"ast": "audio-spectrogram-transformer", "wav2vec2": "wav2vec2", "hubert": "hubert"}
_CONFIGS: dict[str, Any] = {"ast": ASTConfig, "wav2vec2": Wav2Vec2Config, "hubert": HubertConfig}
_WHOLE: dict[str, Any] = {"ast": ASTForAudioClassification, **{name: kind[1] for name, kind in KINDS.items()}}


def save_hearing(
    folder: Path, settings: EncoderSettings, encoder: Encoder, own: nn.Module | None, names: Sequence[str]
) -> None:
    """Write the network into `folder`, and how its extractor prepares sound.

    Args:
        folder: Where.
        settings: The encoder's.
        encoder: The joined network.
        own: The classifier that becomes part of it; None: it has none.
        names: Labels of that classifier.
    """
    model = encoder.model if own is None else _classifying(settings.family, encoder, own, names)
    save_model(model, _CONFIGS[settings.family](), () if own is None else names, folder)
    kind = _extractor_kind(settings.family)
    values, known = load_extractor(kind, locate(settings)).to_dict(), extractor_settings(kind)
    write_json(folder / EXTRACTOR, {name: value for name, value in values.items() if name in known})


def load_hearing(folder: Path, settings: EncoderSettings) -> Encoder:
    """The network that `save_hearing` wrote into `folder`.

    Raises:
        ValueError, KeyError: Its files are of another form.
    """
    check_config(folder, _TYPES[settings.family], _CONFIGS[settings.family]())
    if surplus := set(read_json(folder / EXTRACTOR)) - extractor_settings(_extractor_kind(settings.family)):
        raise ValueError(f"{EXTRACTOR} has settings that no such extractor has: {sorted(surplus)[0]}")
    return load_ast(settings) if settings.family == "ast" else load_speech(settings)


@torch.no_grad()
def _classifying(family: str, encoder: Encoder, own: nn.Module, labels: Sequence[str]) -> Any:
    """The library's classifying model around the joined network, with the classifier `own` in its place."""
    model: Any = encoder.model
    config = copy.deepcopy(model.config)
    config.num_labels = len(labels)
    whole = _WHOLE[family](config).eval()
    whole.base_model.load_state_dict(model.state_dict())
    prefix = "classifier." if family == "ast" else ""
    state = {prefix + name: tensor for name, tensor in own.state_dict().items()}
    found = whole.load_state_dict(state, strict=False)
    if found.unexpected_keys:
        raise ValueError(f"{type(whole).__name__} has no place for {found.unexpected_keys[0]}")
    return whole


def _extractor_kind(family: str) -> Any:
    return ASTFeatureExtractor if family == "ast" else SpeechFeatureExtractor
