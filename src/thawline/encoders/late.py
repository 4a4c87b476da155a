"""Encoders of which all is known but the network, which is built when something asks for it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.digests import StageDigest
from thawline.encoders.encoder import Encoder, Features, Stage
from thawline.encoders.towers import ClipTowers, Projection, TextTower
from thawline.encoders.weights import read_tensor
from thawline.files import JSON

T = TypeVar("T")
# What a network gives beyond what `Encoder.about` says.
_OF_THE_NETWORK = ("model", "stages", "classifier", "new_classifier")


class Once(Generic[T]):
    """What is made when it is first asked for, by whichever thread asks."""

    def __init__(self, make: Callable[[], T]) -> None:
        """Say how."""
        self._make, self._made, self._lock = make, list[T](), threading.Lock()

    def __call__(self) -> T:
        """It, the same each time."""
        with self._lock:
            if not self._made:
                # Whoever draws random numbers next draws those that it would have drawn without this.
                with torch.random.fork_rng(devices=[]):
                    self._made.append(self._make())
            return self._made[0]

    def __reduce__(self) -> tuple[Callable[[T], "Once[T]"], tuple[T]]:
        """What goes to another process is made before."""
        return made, (self(),)


def made(what: T) -> Once[T]:
    """What was made already."""
    once: Once[T] = Once(lambda: what)
    once()
    return once


class LateEncoder(Encoder):
    """An encoder that says what it is, what its features' keys are and what lies above a head without its network.

    All else is asked of the network.
    """

    def __init__(self, about: Mapping[str, Any], network: Callable[[], Encoder], weights: Path | None = None) -> None:
        """Take what is known.

        Args:
            about: What `Encoder.about` said.
            network: Builds it; called when it is first needed, and then again and again.
            weights: The safetensors file that a projection is read from, or the index of several; None: the network has
                to be built for that.
        """
        self.family, self.modality = about["family"], about["modality"]
        self.borders, self.dim = tuple(about["borders"]), int(about["dim"])
        self.preprocessing = _preprocessing(about["preprocessing"])
        self.hearing = None
        if about["windowing"] is not None:
            from thawline.data.tracks.windows import Windowing  # late: networks for photos read no sound
            from thawline.encoders.sound.hearing import Hearing

            self.hearing = Hearing(Windowing(**about["windowing"]), partial(_front, network), about["front"])
        self.labels = None if about["labels"] is None else tuple(about["labels"])
        self.pretrained, self.licence = about["pretrained"], about["licence"]
        self.precision = getattr(torch, about["precision"])
        self.architecture = about["architecture"]
        self._blocks, self._projection, self._whole = about["blocks"], about["projection"], about["whole"]
        self._entry, self._last = about["entry"], about["last"]
        self._digests = [partial(str, digest) for digest in about["digests"]]
        self._network, self._weights = network, weights

    @property
    def network(self) -> Encoder:
        """The encoder with its network in memory."""
        return self._network()

    def __getattr__(self, name: str) -> Any:
        """What only the network knows."""
        if name in _OF_THE_NETWORK:
            return getattr(self._network(), name)
        raise AttributeError(f"{type(self).__name__} has no {name}")

    def _above(self, cut: int) -> Sequence[Stage]:
        if cut == self.end:
            return ()
        if cut == self.end - 1 and (stage := self._read_projection()) is not None:
            return (stage,)
        return super()._above(cut)

    def _read_projection(self) -> Stage | None:
        """The last stage as the file of weights has it; None if it is no single matrix, or has another name there."""
        if not self._projection or self._weights is None or len(self._last) != 1:
            return None
        (name,) = self._last.values()
        tensor = read_tensor(self._weights, name)
        if tensor is None or tensor.ndim != 2:
            return None
        layer = nn.Linear(tensor.shape[1], tensor.shape[0], bias=False, device="meta")  # nothing is drawn for it
        layer.weight = nn.Parameter(tensor.float(), requires_grad=False)
        stage = Projection(layer).eval()
        return stage if StageDigest(stage).hex() == self._digests[-1]() else None


def about_towers(towers: ClipTowers) -> dict[str, JSON]:
    """All that is to be known of a CLIP without its network, as plain JSON."""
    return {"image": towers.image.about(), "text": towers.text.about(), "logit_scale": towers.logit_scale}


def late_towers(about: Mapping[str, Any], network: Callable[[], ClipTowers], weights: Path | None) -> ClipTowers:
    """A CLIP of which `about_towers` said all this; see `LateEncoder`."""
    return ClipTowers(
        LateEncoder(about["image"], lambda: network().image, weights),
        LateEncoder(about["text"], lambda: network().text, weights),
        lambda texts: network().tokenize(texts),
        float(about["logit_scale"]),
    )


def late_text(about: Mapping[str, Any], network: Callable[[], TextTower]) -> TextTower:
    """A text encoder of which `Encoder.about` said all this; see `LateEncoder`."""
    return TextTower(LateEncoder(about, lambda: network().text), lambda texts: network().tokenize(texts))


def _preprocessing(values: Mapping[str, Any] | None) -> Preprocessing | None:
    if values is None:
        return None
    return Preprocessing(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})


def _front(network: Callable[[], Encoder], waveform: torch.Tensor) -> Features:
    hearing = network().hearing
    if hearing is None:
        raise TypeError("a network that heard does not hear any more")
    return hearing.front(waveform)
