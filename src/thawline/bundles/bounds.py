"""What a bundle's files may lead to, whoever wrote them: no memory but what its weights fill, and only numbers."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from torch import nn

from thawline.bundles.manifest import CONFIG, CONFIGS, HEAD, MODEL, OPEN_CLIP, PREPROCESSING, TEXT_CONFIG, TEXT_MODEL
from thawline.bundles.shards import weights_in
from thawline.encoders.unfilled import unfilled
from thawline.errors import UserError
from thawline.files import read_json

MOST_PIXELS = 2048  # of a side of what enters a network
_MOST = 65_536  # of a size that no tensor has: a rate in Hz, a tokenizer's number
_MOST_BINS = 1024
_MOST_SECONDS = 600.0
# Keys that count modules in a row, each of which has a tensor at least.
_ROWS = re.compile(r"(\w*_)?(layers?|depths?|blocks|stages)")
_SIZES = frozenset({CONFIG, PREPROCESSING, TEXT_CONFIG, OPEN_CLIP, "preprocessor_config.json", "processor_config.json"})


def check_bounds(folder: Path, files: Mapping[str, Any]) -> None:
    """Hold the numbers in the verified `files` of the bundle in `folder` against its tensors, whose memory is known.

    Raises:
        ValueError: A tensor or a config has a number that is none, or a size that no such network has.
    """
    shapes = [shape for file in (MODEL, *({TEXT_MODEL} & files.keys())) for shape in _shapes(folder, file)]
    largest = max((size for shape in shapes for size in shape), default=0)
    for name in sorted(CONFIGS.intersection(files)):
        for key, value in _numbers(read_json(folder / name), ""):
            if not math.isfinite(value):
                raise ValueError(f"{name} has '{key}' as {value}")
            if name in _SIZES:
                _check_size(f"{name} has '{key}'", key.rpartition(".")[2], value, len(shapes), max(_MOST, largest))
    for name in sorted(files):
        if name.endswith(".safetensors"):
            _check_tensors(folder / name)


def check_fits(folder: Path, build: Callable[[], nn.Module], file: str = MODEL) -> None:
    """Refuse a network that is larger than the weights in `folder`, before memory is taken for it.

    Args:
        folder: A directory whose files were verified.
        build: Makes the network that its config describes.
        file: The one of the weights; where it is the network's they may lie in several.

    Raises:
        ValueError: It is larger.
    """
    held = sum(math.prod(shape) for shape in _shapes(folder, file))
    try:
        with unfilled():
            wanted = sum(tensor.numel() for tensor in build().state_dict().values())
    except (NotImplementedError, RuntimeError):
        return  # it computes while it is built, and its sizes are bounded
    # A pooler that nothing computes with may be absent.
    if wanted > 2 * held + 2**20:
        config = CONFIG if file == MODEL else TEXT_CONFIG
        raise ValueError(f"{config} is of a network of {wanted:,} numbers, and {file} holds {held:,}")


def check_picture(size: int, resize: int) -> None:
    """Refuse pictures that no network takes.

    Raises:
        ValueError: They are larger.
    """
    if max(size, resize / 2) > MOST_PIXELS:
        raise ValueError(f"{PREPROCESSING} has pictures of {max(size, resize):,} pixels, and {MOST_PIXELS} is the most")


def check_windows(heard: Mapping[str, Any]) -> None:
    """Refuse windows of sound that are longer than any network takes, or as good as without number.

    Raises:
        ValueError: They are.
    """
    seconds, hop = heard["seconds"], heard["hop"]
    if seconds is not None and seconds > _MOST_SECONDS:
        raise ValueError(f"{PREPROCESSING} has windows of {seconds:,} s, and {_MOST_SECONDS:g} is the most")
    if hop is not None and hop < (seconds or 1) / 100:
        raise ValueError(f"{PREPROCESSING} has a window each {hop} s")


@contextmanager
def answering(folder: Path) -> Iterator[None]:
    """Within, the network of the bundle in `folder` is asked: if its files don't go together, that is one sentence.

    Raises:
        UserError: It can't be asked.
    """
    try:
        yield
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        lines = str(error).strip().splitlines()
        raise UserError(
            f"the bundle {folder} can't be asked: {lines[0] if lines else type(error).__name__}; export it again"
        ) from error


def numbers(said: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a network said, if that is numbers.

    Raises:
        ValueError: It is not.
    """
    if not np.isfinite(said).all():
        raise ValueError("its network gives no numbers")
    return said


def _shapes(folder: Path, weights: str) -> list[list[int]]:
    """Those of the tensors of a network in `folder`."""
    shapes: list[list[int]] = []
    for file in weights_in(folder) if weights == MODEL else [folder / weights]:
        with safe_open(str(file), framework="pt") as opened:
            shapes += [opened.get_slice(name).get_shape() for name in opened.keys()]  # noqa: SIM118  # it is no dict
    return shapes


def _check_tensors(file: Path) -> None:
    with safe_open(str(file), framework="pt") as opened:
        for name in opened.keys():  # noqa: SIM118  # it is no dict
            tensor = opened.get_tensor(name)
            if not tensor.is_floating_point():
                continue
            # A tree's leaf has a threshold that nothing exceeds.
            wrong = tensor.isnan() if file.name == HEAD else ~tensor.isfinite()
            if wrong.any():
                raise ValueError(f"{file.name} holds what is no number, in {name}")


def _numbers(value: Any, path: str) -> Iterator[tuple[str, float]]:
    """The numbers within `value`, each with its dotted key; those of a list have the list's, and so has its length."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        if value and all(isinstance(each, int | float) for each in value):
            yield f"{path}.layers", len(value)
        for inner in value:
            yield from _numbers(inner, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def _check_size(what: str, key: str, value: float, rows: int, most: int) -> None:
    bound = max(rows, 16) if _ROWS.fullmatch(key) else _MOST_BINS if key.endswith("bins") else most
    if abs(value) > bound:
        raise ValueError(f"{what} as {value:,}, more than {bound:,}")
