"""Loading a bundle: verified, and read by what its task's record names. Needs neither Lightning nor Hydra."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from PIL import Image
from safetensors import SafetensorError

from thawline.bundles.bounds import check_bounds
from thawline.bundles.ensemble_manifest import ENSEMBLE, is_ensemble, verify_ensemble
from thawline.bundles.manifest import CONFIG, DECISION, SEPARATOR, refusal, verify
from thawline.data.photos.photo import read_upright
from thawline.data.photos.preprocessing import MAX_MEGAPIXELS
from thawline.encoders.device import find_device
from thawline.encoders.sound.separator_weights import check_installed
from thawline.errors import UnusableError, UserError
from thawline.files import read_json
from thawline.tasks.task import capability

# What the files of another program, with a manifest that fits them, may lead to.
_FOREIGN = (
    *(UserError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, OSError),
    *(SafetensorError, RecursionError, AssertionError, IndexError),
)
L = TypeVar("L")


class AnyBundle(Protocol):
    """What the bundles of all tasks have; `predict` is each one's own.

    Attributes:
        task: The task that it was trained for.
        path: Its directory.
        labels: Names of what it can answer.
        manifest: What `manifest.json` says: versions, hashes, metrics, licence.
    """

    task: str
    path: Path
    labels: tuple[str, ...]
    manifest: dict[str, Any]

    @property
    def predict(self) -> Callable[..., Iterator[Any]]:
        """Say what each sample is, in their order, while they are drawn."""

    def check(self) -> float:
        """By how much what it computes of the golden inputs differs on this machine from the export, at most."""


def load_bundle(path: str | os.PathLike[str], *, device: str = "auto") -> AnyBundle:
    """Verify and load the bundle in the directory `path`.

    Nothing is unpickled, nothing is fetched, and no name in the bundle leads to code but that of a task's record.

    Args:
        path: A directory that `thawline export` wrote.
        device: `auto` (a GPU when there is one), `cpu`, `gpu` or `mps`.

    Returns:
        What its task gives a service; an ensemble of such is asked in the same way.

    Raises:
        UserError: It is no bundle, or one of its files is not what was written.
    """
    folder = Path(path)
    if is_ensemble(folder):
        whole, members = verify_ensemble(folder)
        _check_installed(whole)
        where = find_device(device)
        return _loaded(folder, ENSEMBLE, lambda: _load_ensemble(folder, whole, members, where))
    manifest = verify(folder)
    _check_installed(manifest)
    where = find_device(device)
    return _loaded(folder, f"{CONFIG}, {DECISION}", lambda: _load_model(folder, manifest, where))


def _check_installed(manifest: dict[str, Any]) -> None:
    """Refuse a bundle, or an ensemble of such, that separates stems where Demucs is not installed."""
    if any(Path(name).name == SEPARATOR for name in manifest["files"]):
        check_installed()


def _load_ensemble(
    folder: Path, whole: dict[str, Any], members: dict[str, dict[str, Any]], device: torch.device
) -> AnyBundle:
    task = str(read_json(folder / ENSEMBLE)["task"])
    bundle: AnyBundle = capability(task, "load_ensemble")(folder, whole, members, device)
    bundle.task = task
    return bundle


def _load_model(folder: Path, manifest: dict[str, Any], device: torch.device) -> AnyBundle:
    """The model in `folder`, whose files were verified."""
    check_bounds(folder, manifest["files"])
    decision = read_json(folder / DECISION)
    bundle: AnyBundle = capability(decision["task"], "load")(folder, manifest, decision, device)
    bundle.task = str(decision["task"])
    return bundle


def _loaded(folder: Path, files: str, read: Callable[[], L]) -> L:
    """What `read` makes of the bundle in `folder`; where it fails, `files` are what it went by."""
    try:
        return read()
    except _FOREIGN as error:
        reason = str(error).strip().splitlines()
        raise refusal(folder, f"{reason[0] if reason else type(error).__name__} ({files})") from error


def load_image(path: str | os.PathLike[str], *, max_megapixels: float = MAX_MEGAPIXELS) -> Image.Image:
    """The photo at `path` as a service hands it to `CLIPProcessor` or timm's transforms: RGB, upright, all its pixels.

    Phones store photos sideways and note in EXIF which way is up, which `PIL.Image.open` ignores; transparent
    pixels become white. A bundle of `data.decode=reduced` itself decodes large JPEGs at a smaller scale, so what it
    says differs a little from what is computed of this; `Bundle.pixels` gives exactly what a bundle looks at.

    Args:
        path: A JPEG, PNG or WebP file, whatever its name.
        max_megapixels: A larger photo, or one that takes as much memory to decode, is refused.

    Raises:
        UserError: The file can't be used.
    """
    try:
        return read_upright(Path(path), max_megapixels=max_megapixels)
    except UnusableError as error:
        raise UserError(f"{os.fspath(path)} can't be used: {error}") from error
