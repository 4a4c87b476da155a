"""What turns an encoder's features into logits in a bundle: a classifier, a head beside it, or the classes' texts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

from thawline.bundles.manifest import CLASSES, HEAD
from thawline.encoders.encoder import Encoder
from thawline.fitting.heads.audio import TaggingHead, rebuild_layers
from thawline.fitting.heads.cache import CacheHead
from thawline.fitting.heads.head import DenseHead, Head, ProbeHead, PromptHead
from thawline.fitting.heads.scores import OrdinalHead, ScoreHead
from thawline.fitting.heads.trees import TreesHead

State = Mapping[str, torch.Tensor]
# How the heads of each kind are made again, by the encoder, the labels and the state-dict; a task may know more kinds.
Rebuilds = Mapping[str, Callable[[Encoder, Sequence[str], State], Head]]
_TEXT = "text_stages."


class ClassHead(Head):
    """Scaled cosine between an image and each class's embedding: a `PromptHead` whose texts are computed."""

    embeddings: torch.Tensor
    logit_scale: torch.Tensor

    def __init__(self, embeddings: torch.Tensor, logit_scale: torch.Tensor) -> None:
        """Keep the unit vectors `embeddings` [classes, dim] and what the cosine is multiplied by."""
        super().__init__()
        self.classes = len(embeddings)
        self.register_buffer("embeddings", embeddings)
        self.register_buffer("logit_scale", logit_scale)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to logits [batch, classes]."""
        return self.logit_scale * F.normalize(features, dim=-1) @ self.embeddings.T


def rebuild_dense(state: State) -> DenseHead:
    """The `DenseHead` whose state-dict is `state`; its shapes say what it is.

    Raises:
        KeyError, RuntimeError: `state` is another head's.
    """
    dim, each = len(state["standardise.mean"]), state["standardise.scale"].ndim > 0
    linear = "layers.weight" in state
    hidden = None if linear else len(state["layers.0.weight"])
    head: DenseHead
    if "levels" in state:
        head = OrdinalHead(dim, state["levels"].double().numpy(), hidden=hidden, each=each)
    elif "target_mean" in state:
        head = ScoreHead(dim, hidden=hidden, each=each)
    else:
        head = _dense(dim, len(state["layers.weight" if linear else "layers.3.weight"]), hidden, each)
    head.load_state_dict(state)
    return head.eval().requires_grad_(False)


def _dense(dim: int, outputs: int, hidden: int | None, each: bool) -> DenseHead:
    """A head with so many outputs: one is that of the second of two classes."""
    return DenseHead(dim, max(outputs, 2), hidden=hidden, each=each, one_logit=outputs == 1)


def rebuild_prompts(state: State, text_stages: nn.Module | None) -> PromptHead:
    """The `PromptHead` whose state-dict is `state`; `text_stages` is the text's trained part, if it has one."""
    return PromptHead(state_part(state, "prompt_"), state["class_of_prompt"], float(state["logit_scale"]), text_stages)


def rebuild_photo_head(state: State) -> Head:
    """The head of photos whose state-dict is `state`, but for one of prompts; its names say which it is.

    Raises:
        KeyError, RuntimeError: `state` is another head's.
    """
    if "keys" in state:
        return reloaded(CacheHead(state["weight"], 1.0), state)
    return reloaded(ProbeHead(state["weight"], 1.0), state) if "weight" in state else rebuild_dense(state)


def state_part(state: State, prefix: str) -> dict[str, torch.Tensor]:
    """What of `state` has names that begin with `prefix`, under the rest of these names."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def text_part(state: State) -> dict[str, torch.Tensor]:
    """The text's trained stages in the state-dict of a `PromptHead`; nothing where the text was not trained."""
    return state_part(state, _TEXT)


def fold(head: DenseHead) -> nn.Linear:
    """A linear `DenseHead` as one layer: W(x − mean)/scale + b = (W/scale)x + (b − (W/scale)mean).

    That of a `ScoreHead` gives the score in its own unit.
    """
    layer = head.layers
    if not isinstance(layer, nn.Linear):
        raise TypeError("only a linear head is one layer")
    weight = layer.weight.detach().double() / head.standardise.scale.double()
    bias = layer.bias.detach().double() - weight @ head.standardise.mean.double()
    if head.one_logit:
        weight, bias = (torch.cat([torch.zeros_like(part), part]) for part in (weight, bias))
    if isinstance(head, ScoreHead):
        spread = head.target_scale.double()
        weight, bias = spread * weight, head.target_mean.double() + spread * bias
    folded = nn.Linear(layer.in_features, len(weight)).requires_grad_(False)
    folded.weight.copy_(weight)
    folded.bias.copy_(bias)
    return folded


def save_head(folder: Path, head: Head) -> None:
    """Write what the network's own files have no place for."""
    if isinstance(head, PromptHead):
        with torch.no_grad():
            head = ClassHead(head.class_embeddings(), head.logit_scale)
    own = head.beside if isinstance(head, TaggingHead) else head.state_dict()
    state = {name: tensor.contiguous().clone() for name, tensor in own.items()}
    save_file(state, folder / (CLASSES if isinstance(head, ClassHead) else HEAD), metadata={"format": "pt"})


def load_head(folder: Path, kind: str) -> Head:
    """The head of photos that `save_head` wrote: `prompts`, or one that is known by its state."""
    if kind == "prompts":
        state = load_file(folder / CLASSES)
        return ClassHead(state["embeddings"], state["logit_scale"]).eval()
    head = rebuild_photo_head(load_file(folder / HEAD))
    if head.kind != kind:
        raise ValueError(f"the head is '{head.kind}', and not '{kind}' as its decision says")
    return head


def reloaded(head: Head, state: State) -> Head:
    """`head` with what `state` holds, for use.

    Raises:
        RuntimeError: `state` is another head's.
    """
    head.load_state_dict(state)
    return head.eval().requires_grad_(False)


AUDIO_HEADS: Rebuilds = {
    "dense": lambda _encoder, _labels, state: rebuild_dense(state),
    "layers": lambda _encoder, _labels, state: rebuild_layers(state),
    "trees": lambda _encoder, labels, state: reloaded(TreesHead(len(labels)), state),
}
