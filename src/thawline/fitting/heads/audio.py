"""Heads on all that leaves an audio encoder: the library class's own, and one that weighs the layers."""

from collections.abc import Mapping

import torch
from torch import nn

from thawline.encoders.encoder import Encoder
from thawline.errors import UserError
from thawline.fitting.feature_set import Features
from thawline.fitting.heads.head import DenseHead, Head, Standardise


class OwnHead(Head):
    """The head that the library's classifying class has for the encoder, so that a fine-tune exports as that class."""

    whole = True
    kind = "classifier"

    def __init__(self, classifier: nn.Module, classes: int) -> None:
        """Take a classifier of `classes` classes; its parameters train."""
        super().__init__()
        self.classes = classes
        self.own = classifier
        self.reads = getattr(classifier, "reads", None)

    def forward(self, features: Features) -> torch.Tensor:
        """All that leaves the encoder to logits [batch, classes]."""
        logits: torch.Tensor = self.own(features)
        return logits


class TaggingHead(Head):
    """A head that makes something of the encoder's own labels, which the network goes on telling beside the classes."""

    whole = True

    def __init__(self, tagger: nn.Module, classes: int) -> None:
        """Take the network's own classifier, as it is."""
        super().__init__()
        self.classes = classes
        self.tagger = tagger

    @property
    def beside(self) -> dict[str, torch.Tensor]:
        """What of the head is not the network's."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("tagger.")}


class LayersHead(Head):
    """Logistic regression or an MLP on mean and standard deviation over time, over layers with weights that train.

    The weights are a softmax, at the start all the same (as for SUPERB's probes, arXiv 2105.01051).
    """

    whole = True
    kind = "layers"

    def __init__(self, layers: int, dim: int, classes: int, *, hidden: int | None = None, dropout: float = 0.0) -> None:
        """A new head.

        Args:
            layers: How many layers there are moments of.
            dim: Width of mean and standard deviation together.
            classes: How many it tells apart.
            hidden: Width of the hidden layer; None: none.
            dropout: Before the last layer, where there is a hidden one.
        """
        super().__init__()
        self.classes = classes
        self.layer_weights = nn.Parameter(torch.zeros(layers))
        self.dense = DenseHead(dim, classes, hidden=hidden, dropout=dropout)

    @property
    def standardise(self) -> Standardise:
        """What scales the moments. It is measured on the encoder's features, the moments at equal weights."""
        return self.dense.standardise

    def forward(self, features: Features) -> torch.Tensor:
        """{"layers": [batch, layers, 2, width], …} to logits [batch, classes]."""
        shares = torch.softmax(self.layer_weights, dim=0)
        weighted = torch.einsum("l,blmw->bmw", shares, features["layers"])
        logits: torch.Tensor = self.dense(weighted.flatten(1))
        return logits


def own_head(encoder: Encoder, classes: tuple[str, ...]) -> OwnHead:
    """The head of the library's class for `encoder`, a copy that trains.

    It starts as the checkpoint's where that has one. Its last layer does so by name where all of `classes` are among
    its labels, which may be more, and as they stand where its labels have no names of their own (`LABEL_0`, …) and are
    as many. Otherwise the last layer is new, drawn from PyTorch's global generator.

    Raises:
        UserError: The library's class for this network has no head.
    """
    if encoder.new_classifier is None:
        raise UserError(f"method.head=own: {encoder.family} has no head of its own; use method.head=linear or layers")
    fresh = encoder.new_classifier(len(classes))
    if encoder.classifier is not None:
        _start_from(fresh, encoder.classifier, _rows(encoder.labels or (), classes))
    return OwnHead(fresh.requires_grad_(True), len(classes))


def rebuild_own(encoder: Encoder, state: dict[str, torch.Tensor]) -> OwnHead:
    """The `OwnHead` on `encoder` whose state-dict is `state`.

    Raises:
        ValueError, RuntimeError: `state` is another head's.
    """
    if encoder.new_classifier is None:
        raise ValueError(f"{encoder.family} has no head of its own")
    biases = [tensor for name, tensor in state.items() if name in ("own.dense.bias", "own.classifier.bias")]
    if len(biases) != 1:
        raise ValueError("the state is not that of a network's own head")
    head = OwnHead(encoder.new_classifier(len(biases[0])), len(biases[0]))
    head.load_state_dict(state)
    return head.eval().requires_grad_(False)


def rebuild_layers(state: Mapping[str, torch.Tensor]) -> LayersHead:
    """The `LayersHead` whose state-dict is `state`; its shapes say what it is.

    Raises:
        KeyError, RuntimeError: `state` is another head's.
    """
    layers, dim = len(state["layer_weights"]), len(state["dense.standardise.mean"])
    if "dense.layers.weight" in state:
        head = LayersHead(layers, dim, len(state["dense.layers.weight"]))
    else:
        wide = len(state["dense.layers.0.weight"])
        head = LayersHead(layers, dim, len(state["dense.layers.3.weight"]), hidden=wide)
    head.load_state_dict(state)
    return head.eval().requires_grad_(False)


def _rows(labels: tuple[str, ...], classes: tuple[str, ...]) -> list[int] | None:
    """For each of `classes` its output among the checkpoint's `labels`; None where they are others."""
    places = {label.casefold(): place for place, label in enumerate(labels)}
    if len(labels) == len(classes) and all(label == f"LABEL_{place}" for place, label in enumerate(labels)):
        return list(range(len(labels)))
    found = [places.get(name.casefold()) for name in classes]
    return [place for place in found if place is not None] if None not in found else None


@torch.no_grad()
def _start_from(fresh: nn.Module, own: nn.Module, rows: list[int] | None) -> None:
    """Copy what fits of a checkpoint's classifier; of its last layer the `rows`, if any."""
    state = own.state_dict()
    for name, tensor in fresh.state_dict().items():
        if not name.startswith(("dense.", "classifier.")):
            tensor.copy_(state[name])
        elif rows is not None:
            tensor.copy_(state[name][rows])
