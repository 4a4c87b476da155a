"""What transformers' networks for sound share: the moments of their hidden states, their extractors and classifiers."""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn
from transformers.utils.import_utils import is_speech_available

from thawline.encoders.blocks import Names, first_tokens
from thawline.encoders.directory import read_json
from thawline.encoders.encoder import Features, Stage
from thawline.encoders.transformers import load_model, quiet
from thawline.errors import UserError
from thawline.files import JSON

RATE = 16_000  # Hz, of every pretrained network here
# Only masks for training are made of it, and those are off; several published checkpoints lack it.
UNUSED = ("masked_spec_embed",)
_FOLLOW = {"mel_filters", "window"}  # of an extractor, from its settings


class Layer(Stage):
    """One transformer block; it adds its moments to those of the blocks below."""

    def __init__(self, layer: nn.Module, names: Names | None = None) -> None:
        """Take the block, and the names of its parts where single tokens of it may be read."""
        super().__init__()
        self.layer = layer
        self._names = names

    def forward(self, features: Features) -> Features:
        """{"hidden": [batch, time, width], "layers": [batch, l, 2, width]} to the same, with l + 1 layers."""
        hidden = self.layer(features["hidden"], attention_mask=None)
        return {"hidden": hidden, "layers": torch.cat([features["layers"], moments(hidden)], dim=1)}

    def of_first(self, features: Features, count: int) -> Features:
        """The first `count` tokens alone, {"hidden"}: there are no moments without the others."""
        if self._names is None:
            return super().of_first(features, count)
        return {"hidden": first_tokens(self.layer, self._names, features["hidden"], count)}


def moments(hidden: torch.Tensor) -> torch.Tensor:
    """Mean and standard deviation over time: [batch, time, width] to [batch, 1, 2, width]."""
    variance, mean = torch.var_mean(hidden, dim=1, correction=0)
    # The root's slope at 0 has no bounds, and silence gives hidden states that do not vary.
    return torch.stack([mean, variance.clamp_min(1e-12).sqrt()], dim=1).unsqueeze(1)


def leaving(layers: torch.Tensor, pooled: torch.Tensor) -> Features:
    """What leaves the last stage.

    Args:
        layers: The moments of each hidden state, [batch, layers, 2, width].
        pooled: What the class's own head takes, [batch, width].

    Returns:
        Both, and {"features": [batch, 2·width]}, mean and standard deviation with all layers weighted alike.
    """
    return {"features": layers.mean(dim=1).flatten(1), "layers": layers, "pooled": pooled}


class ExtractorFront:
    """A library's feature extractor on one window at a time, so that nothing is padded to another's length."""

    def __init__(self, extractor: Any, name: str, arrange: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Take the extractor.

        Args:
            extractor: transformers' own.
            name: Of what it gives: `waveform` or `mel`.
            arrange: What is done to it, without a batch axis.
        """
        self._extractor, self._name, self._arrange = extractor, name, arrange

    def __call__(self, waveform: torch.Tensor) -> Features:
        """Float32 [samples] to {name: …}."""
        given = self._extractor(waveform.numpy(), sampling_rate=self._extractor.sampling_rate, return_tensors="np")
        values = np.asarray(given[self._extractor.model_input_names[0]][0], dtype=np.float32)
        return {self._name: self._arrange(torch.from_numpy(values))}


def load_extractor(kind: Any, directory: Path, **given: Any) -> Any:
    """The feature extractor of class `kind` beside the weights in `directory`.

    Raises:
        UserError: There is none, it is damaged, or it wants another sampling rate than 16 kHz.
    """
    if (directory / "preprocessor_config.json").exists():
        read_json(directory, "preprocessor_config.json")
    try:
        with quiet(), _no_warnings():
            extractor = kind.from_pretrained(directory, local_files_only=True, **given)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{directory} has no preprocessor_config.json that can be read, so how its sound is prepared is unknown; "
            "copy the model's own there"
        ) from error
    rate = getattr(extractor, "sampling_rate", None)
    if rate is None:
        raise UserError(f"the preprocessor's config in {directory} is not one for sound; copy the model's own there")
    if rate != RATE:
        raise UserError(f"the preprocessor's config in {directory} asks for {rate} Hz, not {RATE}")
    return extractor


def extractor_settings(kind: Any) -> set[str]:
    """Names of the settings of an extractor of class `kind`, as its file has them."""
    with _no_warnings():
        plain = kind().to_dict()
    return {*plain, "feature_extractor_type"} - _FOLLOW


def extractor_key(extractor: Any) -> dict[str, JSON]:
    """All that decides what a feature extractor of transformers' gives."""
    plain: dict[str, JSON] = json.loads(json.dumps(extractor.to_dict(), default=repr))
    return {
        "extractor": {name: value for name, value in plain.items() if name not in {*_FOLLOW, "processor_class"}},
        # With torchaudio installed the library computes filter banks by it, which differ a little.
        "torchaudio": is_speech_available(),
        "versions": {"transformers": transformers.__version__, "numpy": np.__version__},
    }


def load_classified(base: Any, whole: Any, directory: Path, called: str) -> tuple[Any, Any]:
    """The model in `directory`: without its classifier, and as the classifying class where it was saved as one.

    Args:
        base: transformers' class of the network alone.
        whole: Its class with a classifier.
        directory: In transformers' format.
        called: The model's name in a message.

    Returns:
        The network alone, and the classifying model that it is part of or None.

    Raises:
        UserError: The files are damaged, or the weights are not those of the config.
    """
    names = read_json(directory, "config.json").get("architectures") or []
    if whole.__name__ not in names:
        return load_model(base, directory, called, UNUSED), None
    model = load_model(whole, directory, called, UNUSED)
    return model.base_model, model


@contextmanager
def _no_warnings() -> Iterator[None]:
    """No warning that some of AST's mel filters are empty, which they are by its design."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "At least one mel filter")
        yield


def label_names(config: Any) -> tuple[str, ...]:
    """The labels of a classifier in the order of its outputs."""
    return tuple(str(config.id2label[index]) for index in range(config.num_labels))
