"""Encoders by what the store remembers of them, so that a run whose features are all stored builds no network."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from thawline.encoders.encoder import Encoder
from thawline.encoders.late import LateEncoder, Once, about_towers, late_towers
from thawline.encoders.load import Loaded, decisive_files, load, load_text
from thawline.encoders.settings import WITHOUT_WEIGHTS, EncoderSettings
from thawline.encoders.text.scratch import ScratchText
from thawline.encoders.towers import ClipTowers
from thawline.encoders.weights import locate, safetensors_in
from thawline.errors import UserError
from thawline.features.files import Stamp
from thawline.features.store.remembered import recall, remember
from thawline.files import JSON

# Whatever any family's keys name, or reads its files by.
_LIBRARIES = (
    *("torch", "torchvision", "torchaudio", "timm", "transformers", "tokenizers", "safetensors", "huggingface_hub"),
    *("numpy", "scipy", "librosa", "demucs"),
)


def load_late(settings: EncoderSettings, root: Path) -> Loaded:
    """The encoder that `settings` name; its network is built when it is first needed, if it was ever loaded before.

    What it is and the digests of its weights are remembered in the store, and believed while no file that decides them
    changes, no library, and nothing of how they are found.

    Args:
        settings: Which one.
        root: The store's folder.

    Raises:
        UserError: As `encoders.load.load` says; where the encoder is known, of what only its network shows, later.
    """
    if settings.family in WITHOUT_WEIGHTS:  # nothing is read, and no library of networks is imported
        return load(settings)
    name: JSON = {"encoder": json.loads(json.dumps(dataclasses.asdict(settings), default=repr))}
    state = state_of(decisive_files(settings), "thawline.encoders")
    if state is not None and isinstance(about := recall(root, name, state), dict):
        return _late(about, settings, state)
    loaded = load(settings)
    if state is not None and state == state_of(decisive_files(settings), "thawline.encoders"):
        about = about_towers(loaded) if isinstance(loaded, ClipTowers) else {"alone": loaded.about()}
        remember(root, name, about, state)
    return loaded


def load_late_text(settings: EncoderSettings, root: Path) -> ClipTowers | ScratchText:
    """The text encoder that `settings` name, with its tokenizer; see `load_late`.

    Raises:
        UserError: Its weights are absent or don't fit, or it reads no text.
    """
    towers = load_late(settings, root) if settings.family == "clip" else None
    return towers if isinstance(towers, ClipTowers) else load_text(settings)


def state_of(paths: Iterable[Path], package: str) -> JSON:
    """What decides what `package` makes of the files `paths`: these, its own sources, and the libraries.

    None where that can't be told: a file is not there, or was written just now, and the next writing may not show.
    """
    stamps: list[JSON] = []
    for path in paths:
        stamp = Stamp.found(path)
        if stamp is None or not stamp.settled:
            return None
        stamps.append([str(path.resolve()), stamp.size, stamp.mtime_ns, stamp.ctime_ns])
    return {"files": stamps, "libraries": dict(_versions()), "sources": _sources(package)}


def _late(about: Mapping[str, Any], settings: EncoderSettings, state: JSON) -> Loaded:
    def build() -> Loaded:
        loaded = load(settings)
        if state_of(decisive_files(settings), "thawline.encoders") != state:
            raise UserError(f"the files of {settings.name} were changed while they were used; start again")
        return loaded

    if "alone" in about:
        return LateEncoder(about["alone"], _as(Encoder, build))
    return late_towers(about, _as(ClipTowers, build), safetensors_in(locate(settings)))


def _as(kind: type[Any], build: Callable[[], Loaded]) -> Callable[[], Any]:
    def checked() -> Any:
        loaded = build()
        if not isinstance(loaded, kind):
            raise TypeError(f"it was remembered as a {kind.__name__}")
        return loaded

    return Once(checked)


@cache
def _versions() -> Mapping[str, str | None]:
    def of(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    return {name: of(name) for name in _LIBRARIES}


@cache
def _sources(package: str) -> str:
    """sha256 of the package's own code, which says what keys are made of."""
    root = Path(str(files(package)))
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
