"""Small real networks for sound with weights that hide nothing, saved as transformers saves them; and sounds."""

import math
from pathlib import Path
from typing import Any

import torch
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    HubertConfig,
    HubertForSequenceClassification,
    PreTrainedModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
)

LABELS = ("Flute", "Violin, fiddle", "Drum", "Speech")
_NAMES = {"id2label": dict(enumerate(LABELS)), "label2id": {name: i for i, name in enumerate(LABELS)}}
_SIZE = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 2}
_SPEECH = {
    **_SIZE,
    "conv_dim": (16, 16, 16),
    "conv_kernel": (10, 3, 3),
    "conv_stride": (5, 4, 4),
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 12,
    **_NAMES,
}
_STABLE = {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}
# The variants that are published: base and large of each, HuBERT's with a BatchNorm, and weighted layers.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "ast": ("ast", {}),
    "wav2vec2": ("wav2vec2", {}),
    "wav2vec2_stable": ("wav2vec2", {**_STABLE, "use_weighted_layer_sum": True}),
    "hubert": ("hubert", {"use_weighted_layer_sum": True}),
    "hubert_stable": ("hubert", {**_STABLE, "feat_proj_layer_norm": False}),
    "hubert_batch_norm": ("hubert", {"conv_pos_batch_norm": True}),
}


def build(variant: str, **given: Any) -> PreTrainedModel:
    """The classifying model of a variant, in eval mode."""
    family, more = VARIANTS[variant]
    torch.manual_seed(0)
    model: PreTrainedModel
    if family == "ast":
        size = {"max_length": 64, "num_mel_bins": 16, "patch_size": 8, "frequency_stride": 6, "time_stride": 6}
        model = ASTForAudioClassification(ASTConfig(**{**_SIZE, **size, **_NAMES, **more, **given}))
    elif family == "wav2vec2":
        model = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**{**_SPEECH, **more, **given}))
    else:
        model = HubertForSequenceClassification(HubertConfig(**{**_SPEECH, **more, **given}))
    with torch.no_grad():  # the usual starting weights are so small that mistakes would not show
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model.eval()


def save(directory: Path, variant: str, *, bare: bool = False, normalise: bool = True, **given: Any) -> Path:
    """Save a variant with its feature extractor; `bare`: without its classifier."""
    model = build(variant, **given)
    (model.base_model if bare else model).save_pretrained(directory)
    if VARIANTS[variant][0] == "ast":
        extractor: Any = ASTFeatureExtractor(num_mel_bins=16, max_length=64)
    else:
        extractor = Wav2Vec2FeatureExtractor(do_normalize=normalise)
    extractor.save_pretrained(directory)
    return directory


def sounds(samples: int, count: int = 3, rate: int = 16_000) -> torch.Tensor:
    """Sounds that differ as recordings do: harmonics of different notes that fade, with a little noise."""
    generator = torch.Generator().manual_seed(3)
    time = torch.arange(samples) / rate
    return torch.stack(
        [
            sum(torch.sin(2 * math.pi * note * k * time) / k for k in (1, 2, 3)) * torch.exp(-3 * time) * 0.2
            + 0.01 * torch.randn(samples, generator=generator)
            for note in [220.0 * 1.5**i for i in range(count)]
        ]
    )
