"""Putting a file of weights into a network of timm's or torchvision's, only if they fit each other."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError

State = dict[str, torch.Tensor]


def load_weights(
    model: nn.Module,
    path: Path,
    settings: EncoderSettings,
    *,
    classifier: Sequence[str],
    adapt: Callable[[State], State] | None = None,
) -> None:
    """Put the weights of the safetensors file `path` into `model`.

    Args:
        model: The network, without its classifier.
        path: The file.
        settings: What the messages name.
        classifier: Names of the modules that classified in the pretraining; their weights are not needed.
        adapt: What fits the file's tensors to the network before they are compared.

    Raises:
        UserError: The file is absent, holds no safetensors, or the weights of another network.
    """
    state = _read(path)
    if adapt is not None:
        state = adapt(state)
    own = model.state_dict()
    unneeded = tuple(f"{name}." for name in classifier)
    state = {name: tensor for name, tensor in state.items() if name in own or not name.startswith(unneeded)}
    for name, tensor in own.items():
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, tensor)
        elif name not in state:
            raise UserError(f"the weights {path} are of another network than {settings.model}: they have no {name}")
        elif state[name].shape != tensor.shape:
            raise UserError(
                f"the weights {path} are of another network: {name} is {list(state[name].shape)} there and "
                f"{list(tensor.shape)} in {settings.model}; choose the encoder that fits (mobilenetv2_035, say)"
            )
    if surplus := sorted(set(state) - set(own)):
        raise UserError(f"the weights {path} are of another network than {settings.model}: it has no {surplus[0]}")
    model.load_state_dict(state)


def _read(path: Path) -> State:
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise UserError(f"there is no file of weights {path}; mend encoder.weights") from error
    except (SafetensorError, OSError) as error:
        raise UserError(f"the weights {path} can't be read as safetensors ({error})") from error
