"""What transformers' networks share: loading them strictly."""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from torch import nn

from thawline.encoders.encoder import Features, Stage
from thawline.encoders.first_tokens import SelfAttention, projection
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.processor import read_json
from thawline.encoders.weights import locate, safetensors_in
from thawline.errors import UserError
from thawline.files import JSON


@dataclass(frozen=True)
class Names:
    """What transformers calls the parts of a family's blocks.

    Attributes:
        before: The norm before the attention.
        attention: The attention.
        out: Its last projection.
        scale: What it multiplies the products of queries and keys by.
        after: The norm before the MLP.
    """

    before: str
    attention: str
    out: str
    scale: str
    after: str


CLIP = Names("layer_norm1", "self_attn", "out_proj", "scale", "layer_norm2")
VIT = Names("layernorm_before", "attention", "o_proj", "scaling", "layernorm_after")  # AST's too


class Block(Stage):
    """One transformer block over an image's tokens."""

    def __init__(self, layer: nn.Module, names: Names) -> None:
        super().__init__()
        self.layer = layer
        self._names = names

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"hidden"}, [batch, tokens, width]."""
        return {"hidden": self.layer(features["hidden"], attention_mask=None)}

    def of_first(self, features: Features, count: int) -> Features:
        """The same with the first `count` tokens alone."""
        return {"hidden": first_tokens(self.layer, self._names, features["hidden"], count)}


def first_tokens(layer: Any, names: Names, hidden: torch.Tensor, count: int) -> torch.Tensor:
    """The first `count` tokens that leave `layer`, which has no dropout now, [batch, count, width]."""
    attention = getattr(layer, names.attention)
    attended = SelfAttention(
        projection(attention.q_proj),
        projection(attention.k_proj),
        projection(attention.v_proj),
        dim=attention.head_dim,
        scale=getattr(attention, names.scale),
    ).first(getattr(layer, names.before)(hidden), count)
    hidden = hidden[:, :count] + getattr(attention, names.out)(attended)
    leaving: torch.Tensor = hidden + layer.mlp(getattr(layer, names.after)(hidden))
    return leaving


def find_model(settings: EncoderSettings, model_type: str, called: str) -> Path:
    """The directory of the model that `settings` name; its weights are safetensors.

    Args:
        settings: The encoder's.
        model_type: What its config.json must say that it is.
        called: The model's name in a message.

    Raises:
        UserError: It is not on this machine, or is another model.
    """
    directory = locate(settings)
    safetensors_in(directory)
    if read_json(directory, "config.json").get("model_type") != model_type:
        raise UserError(f"{directory} holds another model than {called}, says its config.json; mend encoder.name")
    return directory


def load_model(kind: Any, directory: Path, called: str, unused: Collection[str] = (), **given: Any) -> Any:
    """The model of class `kind` in `directory`, on the CPU in single precision.

    Args:
        kind: transformers' class.
        directory: In transformers' format.
        called: The model's name in a message.
        unused: Last parts of the names of tensors that may be absent, since nothing computes with them; they become 0.
        given: What else the class is created with.

    Raises:
        UserError: The files are damaged, or the weights are not those of the config.
    """
    try:
        with quiet():
            # Sizes that don't match are looked at below: otherwise the error names none.
            model, found = kind.from_pretrained(
                directory,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **given,
            )
    except (OSError, ValueError, TypeError, AttributeError, SafetensorError) as error:
        raise UserError(
            f"{directory} holds no {called} model that can be loaded: {str(error).splitlines()[0]}"
        ) from error
    absent = {name for name in found["missing_keys"] if name.rpartition(".")[2] in unused}
    found["missing_keys"] = set(found["missing_keys"]) - absent
    _check(found, f"the weights in {directory} are of another network than its config.json")
    with torch.no_grad():
        for name in absent:
            model.get_parameter(name).zero_()  # the library's are random
    return model


def architecture(config: Any) -> dict[str, JSON]:
    """What besides the weights decides a model's arithmetic."""
    left_out = {
        *("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures"),
        *("id2label", "label2id", "problem_type"),
    }
    plain = {k: v for k, v in json.loads(config.to_json_string(use_diff=False)).items() if k not in left_out}
    return {
        "config": plain,
        "attention": config._attn_implementation,
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
    }


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bar and no report of the library's on screen; what matters of it becomes an error here."""
    log: Any = transformers.logging
    level, bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bar:
            log.enable_progress_bar()


def _check(found: dict[str, Any], problem: str) -> None:
    for name, there, wanted in sorted(found["mismatched_keys"]):
        raise UserError(f"{problem}: {name} is {list(there)} there, and should be {list(wanted)}")
    # Without this the library fills in random numbers and only warns.
    for name in sorted(found["missing_keys"]):
        raise UserError(f"{problem}: they lack {name}")
    # A classifier or a pooler may be left over, a block may not.
    for name in sorted(found["unexpected_keys"]):
        if re.search(r"\blayers?\.\d+\.", name):
            raise UserError(f"{problem}: it has no {name}")
