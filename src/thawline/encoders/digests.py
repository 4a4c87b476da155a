"""Digests of weights and of code, by which the store knows a network."""

import hashlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from thawline.files import JSON


class StageDigest:
    """sha256 of a stage's weights, computed again only after one of them was written to.

    A digest that outlived its weights would have the store give another network's features, and nobody would see it.
    """

    def __init__(self, stage: nn.Module) -> None:
        self._stage = stage
        self._tensors: dict[str, torch.Tensor] = {}
        self._stamp: list[tuple[str, int, int, int]] | None = None
        self._hex = ""

    def hex(self) -> str:
        """sha256 over the names, types, shapes and bytes of the parameters and buffers."""
        tensors = {**dict(self._stage.named_parameters()), **dict(self._stage.named_buffers())}
        # PyTorch counts what is written to a tensor in place.
        stamp = [(name, id(tensor), tensor.data_ptr(), tensor._version) for name, tensor in tensors.items()]
        if stamp != self._stamp:
            self._hex = sha256_of([[name, *_content(tensor)] for name, tensor in tensors.items()])
            # The tensors are kept, so that none that takes the place of one gets its id.
            self._stamp, self._tensors = stamp, tensors
        return self._hex


def _content(tensor: torch.Tensor) -> list[JSON]:
    """What a tensor holds, wherever and however it lies in memory."""
    values = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    return [str(tensor.dtype), list(tensor.shape), hashlib.sha256(values.data).hexdigest()]


@cache
def code_digest(package: str) -> str:
    """sha256 of the sources of a package, or of a module that is one file."""
    spec, digest = find_spec(package), hashlib.sha256()
    if spec is None:
        raise ModuleNotFoundError(f"No module named '{package}'", name=package)
    if spec.submodule_search_locations is None:
        digest.update(Path(str(spec.origin)).read_bytes())
    for root in map(Path, spec.submodule_search_locations or ()):
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def sha256_of(value: JSON) -> str:
    """sha256 of plain JSON."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
