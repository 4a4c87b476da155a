"""A network for sound that hears a window's stems, each by itself, in place of the window."""

from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.encoders.encoder import Encoder, Features, Stage
from thawline.encoders.sound.hearing import Hearing
from thawline.encoders.sound.separator import Separator

# Counts changes of our own code that move stems; raise it with each, so that stored rows are not mixed.
_VERSION = 1
_OVERLAP = 0.25  # of two segments, Demucs' own default


class StemsEncoder(Encoder):
    """An encoder whose stages run on each stem.

    Attributes:
        inner: The encoder that hears a stem.
        separator: What makes the stems.
        stems: How many there are.
    """

    inner: Encoder
    separator: Separator
    stems: int


class SeparatedEntry(Stage):
    """A window to stems, and these to what leaves the first stage of the network that hears them."""

    def __init__(self, separator: Separator, hearing: Hearing, first: Stage, stems: int) -> None:
        """Take the separator, how the network hears, its first stage, and how many stems there are."""
        super().__init__()
        self.separator = separator.model
        self.first = first
        self._rate, self._members = separator.rate, separator.members(stems)
        self._hearing = hearing

    def forward(self, features: Features) -> Features:
        """{"waveform": float32 [batch, samples]} at the separator's rate to {name: [batch, stems, …]}."""
        waveforms = features["waveform"]
        # A spectrogram's inverse has no half precision, and a window without stems is prepared in single precision too.
        with torch.autocast(waveforms.device.type, enabled=False):
            stems = self.stems(waveforms)
            heard = [self._hearing.front(stem) for stem in stems.flatten(0, 1)]
        given = {name: torch.stack([each[name] for each in heard]).to(waveforms.device) for name in heard[0]}
        return unfolded(self.first(given), stems.shape[1])

    def stems(self, waveforms: torch.Tensor) -> torch.Tensor:
        """[batch, samples] at the separator's rate to [batch, stems, samples] at the network's, on the CPU."""
        sources = separate(self.separator, waveforms.float()).cpu()
        stems = torch.stack([sources[:, members].sum(dim=1) for members in self._members], dim=1)
        rows = [self._resampled(stem.numpy()) for stem in stems.flatten(0, 1)]
        return torch.unflatten(torch.from_numpy(np.stack(rows)), 0, stems.shape[:2])

    def _resampled(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        windowing = self._hearing.windowing
        found = soxr.resample(samples, self._rate, windowing.rate, "HQ")[: windowing.samples]
        return np.pad(found, (0, windowing.samples - len(found)))  # rounding may cost a sample


class EachStem(Stage):
    """A stage that runs on each stem."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, features: Features) -> Features:
        """{name: [batch, stems, …]} to the same of what leaves the stage."""
        stems = next(iter(features.values())).shape[1]
        return unfolded(self.stage(folded(features)), stems)


class SideBySide(Stage):
    """The last stage, on each stem; `features` are those of all stems, one stem's after another's."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, features: Features) -> Features:
        """{name: [batch, stems, …]} to {"features": [batch, stems · dim], other names: [batch, stems, …]}."""
        found = self.stage(features)
        return {**found, "features": found["features"].flatten(1)}


class AnyStem(nn.Module):
    """A classifier that hears a label where it hears it in any stem: the highest of the stems' logits."""

    def __init__(self, classifier: nn.Module, stems: int) -> None:
        """Take the classifier of one stem, and how many there are."""
        super().__init__()
        self.classifier = classifier
        self._stems = stems

    def forward(self, features: Features) -> torch.Tensor:
        """All that leaves the last stage to logits [batch, labels]."""
        each = {**features, "features": torch.unflatten(features["features"], 1, (self._stems, -1))}
        return torch.unflatten(self.classifier(folded(each)), 0, (-1, self._stems)).amax(dim=1)


def stems_of(encoder: Encoder, separator: Separator, stems: int) -> StemsEncoder:
    """`encoder` on the stems of each window.

    It hears at the separator's rate. Tracks are read as mono, so both of the separator's channels are given the same.

    Args:
        encoder: Of sound, with stages for batches of any size.
        separator: What makes the stems.
        stems: 2 or 4.

    Raises:
        UserError: Its windows can't be had at the separator's rate.
    """
    hearing = encoder.hearing
    if hearing is None:
        raise ValueError(f"{encoder.family} does not hear")
    first, *others = encoder.stages
    stages: list[Stage] = [SeparatedEntry(separator, hearing, first, stems), *map(EachStem, others)]
    joined = StemsEncoder(
        family=encoder.family,
        modality=encoder.modality,
        model=nn.ModuleDict({"separator": separator.model, "network": encoder.model}),
        stages=[*stages[:-1], SideBySide(stages[-1])],
        borders=["waveform", *encoder.borders[1:]],
        dim=stems * encoder.dim,
        blocks=0,
        whole="encoder.stems",
        architecture=_architecture(encoder, separator, stems),
        hearing=Hearing(replace(hearing.windowing, rate=separator.rate), _as_it_is, {"kind": "waveform"}),
        licence=encoder.licence,
        labels=encoder.labels,
        classifier=None if encoder.classifier is None else AnyStem(encoder.classifier, stems),
    )
    joined.inner, joined.separator, joined.stems = encoder, separator, stems
    return joined


def separate(model: Any, waveforms: torch.Tensor) -> torch.Tensor:
    """Mono waveforms [batch, samples] to mono sources [batch, sources, samples], each scaled for itself.

    As `demucs.api.Separator.separate_tensor` does it for one track, less the random shifts.
    """
    from demucs.apply import apply_model

    # Of each row by itself: a window's stems must not depend on its batch.
    std, mean = torch.std_mean(waveforms, dim=1, keepdim=True)
    std = std + 1e-8
    mix = ((waveforms - mean) / std).unsqueeze(1).expand(-1, model.audio_channels, -1)
    sources: torch.Tensor = apply_model(model, mix, shifts=0, split=True, overlap=_OVERLAP, progress=False)
    return sources.mean(dim=2) * std.unsqueeze(1) + mean.unsqueeze(1)


def folded(features: Features) -> Features:
    """{name: [batch, stems, …]} to {name: [batch · stems, …]}."""
    return {name: tensor.flatten(0, 1) for name, tensor in features.items()}


def unfolded(features: Features, stems: int) -> Features:
    """The inverse of `folded`."""
    return {name: torch.unflatten(tensor, 0, (-1, stems)) for name, tensor in features.items()}


def _as_it_is(waveform: torch.Tensor) -> Features:
    return {"waveform": waveform}


def _architecture(encoder: Encoder, separator: Separator, stems: int) -> dict[str, Any]:
    hearing = encoder.hearing
    assert hearing is not None  # noqa: S101  # the caller saw to it
    return {
        "stems": stems,
        "separator": {"class": separator.klass, "arguments": dict(separator.arguments), "overlap": _OVERLAP},
        "versions_of_stems": {"thawline": _VERSION, "demucs": version("demucs"), "torch": torch.__version__},
        "heard": hearing.key(),
        "network": encoder.architecture,
    }
