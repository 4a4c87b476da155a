"""Encoders by what the store remembers of them, so that a run whose features are all stored builds no network."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from thawline.encoders.digests import code_digest
from thawline.encoders.encoder import Encoder
from thawline.encoders.late import LateEncoder, Once, about_towers, late_text, late_towers
from thawline.encoders.load import Loaded, decisive_files, load, load_text
from thawline.encoders.settings import TEXT, TOWERS, EncoderSettings
from thawline.encoders.towers import ClipTowers, TextTower
from thawline.encoders.weights import locate, weights_in
from thawline.errors import UserError
from thawline.features.files import Stamp
from thawline.features.store.remembered import recall, remember
from thawline.files import JSON

# Whatever any family's keys name, or reads its files by.
_LIBRARIES = (
    *("torch", "torchvision", "torchaudio", "timm", "transformers", "tokenizers", "safetensors", "huggingface_hub"),
    *("numpy", "scipy", "librosa", "demucs", "open_clip_torch"),
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
    # Nothing is read, and no library of networks is imported; or it isn't known which files decide.
    if settings.without_files or settings.family in TEXT:
        return load(settings)
    late: Loaded = _known(settings).late(root, lambda: load(settings), lambda: weights_in(locate(settings), settings))
    return late


def _known(settings: EncoderSettings) -> EncoderIdentity:
    return EncoderIdentity(
        name={"encoder": json.loads(json.dumps(dataclasses.asdict(settings), default=repr))},
        called=settings.name,
        files=lambda: decisive_files(settings),
        packages=("thawline.encoders",),
    )


def load_late_text(settings: EncoderSettings, root: Path) -> ClipTowers | TextTower:
    """The text encoder that `settings` name, with its tokenizer; see `load_late`.

    Raises:
        UserError: Its weights are absent or don't fit, or it reads no text.
    """
    if settings.family == "sentences":
        tower: TextTower = _known(settings).late(root, lambda: load_text(settings))
        return tower
    towers = load_late(settings, root) if settings.family in TOWERS else None
    return towers if isinstance(towers, ClipTowers) else load_text(settings)


@dataclass(frozen=True)
class EncoderIdentity:
    """What an encoder is known again by.

    Attributes:
        name: Plain JSON that stands for it in the store.
        called: What messages call it.
        files: The files that decide what it is, which need not exist.
        packages: Those whose code loads it and says what its keys are made of.
    """

    name: JSON
    called: str
    files: Callable[[], Sequence[Path]]
    packages: tuple[str, ...]

    def late(
        self, root: Path, load: Callable[[], Loaded | TextTower], weights: Callable[[], Path] | None = None
    ) -> Any:
        """The encoder, as it was remembered or as `load` gives it, which is then remembered.

        Args:
            root: The store's folder.
            load: Loads it, with its network.
            weights: Where those of a CLIP are, whose projections are read alone then.
        """
        state = self._state()
        about: Any = None if state is None else recall(root, self.name, state)
        if about is not None:
            if "alone" in about:
                return LateEncoder(about["alone"], self._once(Encoder, load, state))
            if "reads" in about:
                return late_text(about["reads"], self._once(TextTower, load, state))
            towers = self._once(ClipTowers, load, state)
            return late_towers(about, towers, None if weights is None else weights())
        loaded = load()
        if state is not None and state == self._state():
            if isinstance(loaded, ClipTowers):
                about = about_towers(loaded)
            else:
                about = {"reads": loaded.text.about()} if isinstance(loaded, TextTower) else {"alone": loaded.about()}
            remember(root, self.name, about, state)
        return loaded

    def _once(self, kind: type[Any], load: Callable[[], Loaded | TextTower], state: JSON) -> Callable[[], Any]:
        def build() -> Any:
            loaded = load()
            if self._state() != state:
                raise UserError(f"the files of {self.called} were changed while they were used; start again")
            if not isinstance(loaded, kind):
                raise TypeError(f"{self.called} was remembered as a {kind.__name__}")
            return loaded

        return Once(build)

    def _state(self) -> JSON:
        """What decides the encoder: its files, the libraries, our own code.

        None where that can't be told: a file is not there, or was written just now, and the next writing may not show.
        """
        stamps: list[JSON] = []
        for path in self.files():
            stamp = Stamp.found(path)
            if stamp is None or not stamp.settled:
                return None
            stamps.append([str(path.resolve()), stamp.size, stamp.mtime_ns, stamp.ctime_ns])
        return {"files": stamps, "libraries": dict(_versions()), "code": [code_digest(each) for each in self.packages]}


@cache
def _versions() -> Mapping[str, str | None]:
    def of(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    return {name: of(name) for name in _LIBRARIES}
