"""What a run fitted, joined with the frozen part of its network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from thawline.bundles.heads import rebuild_dense, rebuild_prompts, text_part
from thawline.data.photos.preprocessing import Preprocessing
from thawline.decisions.temperature import Temperature
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.fitting.heads.head import Head

State = Mapping[str, torch.Tensor]
_STAGES, _HEAD = "stages.", "head."  # of a Tail's state-dict


@dataclass(frozen=True)
class Tuned:
    """What a run fitted.

    Attributes:
        task: Its task.
        encoder: The settings of the pretrained network.
        decode: How large JPEGs are decoded: `reduced` or `full`.
        thaw: Where the thaw line is, as the run's settings say.
        state: The state-dict of the fitted tail.
        classes: Names of the classes.
        prompts: The prompts of each class, for a head of prompts; None otherwise.
        temperature: Fitted beforehand.
    """

    task: str
    encoder: EncoderSettings
    decode: str
    thaw: int | str
    state: State
    classes: Sequence[str]
    prompts: Mapping[str, Sequence[str]] | None
    temperature: Temperature


@dataclass(frozen=True)
class Joined:
    """The whole network in memory.

    Attributes:
        image: The image encoder, trained stages in their place.
        towers: The CLIP that it belongs to, whose text tower has its trained stages too; None for other families.
        head: Features to logits.
        preprocessing: How a photo becomes pixels.
    """

    image: Encoder
    towers: ClipTowers | None
    head: Head
    preprocessing: Preprocessing


def join(tuned: Tuned) -> Joined:
    """Load the pretrained network and put what was trained in its place.

    Raises:
        UserError: The pretrained weights are not on this machine.
    """
    # A bundle computes in float32 wherever it is used, whatever its features were computed in.
    loaded = load(replace(tuned.encoder, precision="float32"), fresh=True)
    towers = loaded if isinstance(loaded, ClipTowers) else None
    image = loaded.image if isinstance(loaded, ClipTowers) else loaded
    image.load_tail(image.cut_for(tuned.thaw), state_part(tuned.state, _STAGES))
    if image.preprocessing is None:
        raise ValueError("an image encoder has a preprocessing")
    how = replace(image.preprocessing, decode=tuned.decode)
    return Joined(image, towers, _head(state_part(tuned.state, _HEAD), towers), how)


def _head(state: State, towers: ClipTowers | None) -> Head:
    if "class_of_prompt" not in state:
        return rebuild_dense(state)
    if not (trained := text_part(state)) or towers is None:
        return rebuild_prompts(state, None)
    text = towers.text
    cut = text.cut_for("projection")  # what training text means
    text.load_tail(cut, trained)
    return rebuild_prompts(state, text.prefix(len(text.stages), cut))


def state_part(state: State, prefix: str) -> dict[str, torch.Tensor]:
    """What of `state` has names that begin with `prefix`, under the rest of these names."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
