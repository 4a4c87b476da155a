"""A network's weights in several files, one a block, as transformers reads them: what two bundles share is one file.

The same tensors always give the same files to the byte, and together again the file that they were split from.
"""

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save, save_file
from torch import Tensor

from thawline.bundles.manifest import INDEX, MODEL, SHARD
from thawline.encoders.weights import read_weights
from thawline.files import read_json

_USUAL = {"format": "pt"}


def weights_in(folder: Path) -> list[Path]:
    """The files of the network's weights in `folder`: `model.safetensors`, or those that its index names."""
    if not (folder / INDEX).is_file():
        return [folder / MODEL]
    return [folder / name for name in sorted(set(read_json(folder / INDEX)["weight_map"].values()))]


def load_weights(folder: Path) -> dict[str, Tensor]:
    """The network's weights in `folder`, by tensor.

    Raises:
        ValueError: Two files hold a tensor of one name.
    """
    return read_weights(folder / (INDEX if (folder / INDEX).is_file() else MODEL))


def split_weights(folder: Path) -> Iterator[tuple[str, bytes | dict[str, Any]]]:
    """The files that stand for `model.safetensors` of `folder`, one at a time: a name, and bytes or JSON.

    There is one for each block and each module outside of blocks; then the index. Weights of one part alone are given
    back as they are.
    """
    with safe_open(str(folder / MODEL), framework="pt") as weights:
        parts: dict[str, list[str]] = {}
        for name in sorted(weights.keys()):
            parts.setdefault(_block_of(name), []).append(name)
        if len(parts) < 2:
            yield MODEL, (folder / MODEL).read_bytes()
            return
        index: dict[str, str] = {}
        size = 0
        for number, block in zip(count(1), sorted(parts)):
            file = f"model-{number:05}-of-{len(parts):05}.safetensors"
            tensors = {name: weights.get_tensor(name) for name in parts[block]}
            yield file, save(tensors, metadata=weights.metadata())
            index |= dict.fromkeys(parts[block], file)
            size += sum(tensor.nbytes for tensor in tensors.values())
        yield INDEX, {"metadata": {"total_size": size}, "weight_map": dict(sorted(index.items()))}


def join_weights(folder: Path, target: Path) -> None:
    """Write the weights in `folder`, split or not, as the one file `target`."""
    with safe_open(str(weights_in(folder)[0]), framework="pt") as first:
        metadata: Mapping[str, str] = first.metadata() or _USUAL
    save_file(load_weights(folder), target, metadata=dict(metadata))


def is_of_weights(name: str) -> bool:
    """Whether a bundle's file of this name holds the network's weights, or some of them, or their index."""
    return name in (MODEL, INDEX) or SHARD.fullmatch(name) is not None


def _block_of(tensor: str) -> str:
    """What a tensor's name has up to its first number, `vision_model.encoder.layers.11`; else its module.

    Modules that no block has are told apart by two words: the text's embeddings are larger than a block.
    """
    words = tensor.split(".")
    numbered = next((i for i, word in enumerate(words) if word.isdigit()), None)
    return ".".join(words[:-1][:2] if numbered is None else words[: numbered + 1])
