"""The encoder families that there are."""

import dataclasses
import json
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from thawline.compiler import defer_compiler
from thawline.encoders.digests import code_digest
from thawline.encoders.licence import check_licence
from thawline.encoders.settings import AUDIO, TEXT, TOWERS, EncoderSettings
from thawline.encoders.weights import local_files
from thawline.errors import UserError
from thawline.plugins import added
from thawline.process import importing

if TYPE_CHECKING:
    from thawline.encoders.encoder import Encoder
    from thawline.encoders.towers import ClipTowers, TextTower

Loaded: TypeAlias = "Encoder | ClipTowers"

# Those that were asked for last, by what decides them. Two: a sweep over encoders mostly goes through one at a time.
_HELD = 2
_held: OrderedDict[str, "Loaded | TextTower"] = OrderedDict()


def load(settings: EncoderSettings, *, fresh: bool = False) -> Loaded:
    """The pretrained network that `settings` name; a CLIP comes as its two towers.

    The last two are kept, since a sweep's trials ask for the same one again and again, and are shared: what one user
    moved to a device is there for the next. `Encoder.load_tail`, which changes a network, wants a fresh one.

    Args:
        settings: Which one. Other settings, or files that were written since, make another network.
        fresh: Load one that nobody else holds or will be given.

    Raises:
        UserError: Its weights are absent, don't fit, or may not be used commercially where the settings don't allow
            that; or it reads neither photos nor sound.
    """
    if settings.family in TEXT:
        name = "scratch" if settings.family == "scratch" else settings.name
        raise UserError(f"encoder={name} reads text, not photos; it can only be encoder@text={name}")
    loaded: Loaded = _get(settings, fresh=fresh)
    return loaded


def _get(settings: EncoderSettings, *, fresh: bool) -> Any:
    if fresh:
        return _load(settings)
    key = _key(settings)
    if key not in _held:
        _held[key] = _load(settings)
    _held.move_to_end(key)
    while len(_held) > _HELD:
        _held.popitem(last=False)
    return _held[key]


def load_text(settings: EncoderSettings, *, fresh: bool = False) -> "ClipTowers | TextTower":
    """The text encoder that `settings` name, with its tokenizer; of a CLIP it is one of the two towers.

    Args:
        settings: Which one.
        fresh: Load one that nobody else holds or will be given.

    Raises:
        UserError: Its weights are absent or don't fit, or it reads no text.
    """
    if settings.family == "scratch":
        from thawline.encoders.text.scratch import load_scratch

        return load_scratch(settings)
    if settings.family not in (*TEXT, *TOWERS):
        raise UserError(f"encoder@text={settings.model or settings.name} reads no text; use minilm, clip or scratch")
    loaded: ClipTowers | TextTower = _get(settings, fresh=fresh)
    return loaded


def _key(settings: EncoderSettings) -> str:
    stats = [(path, path.stat()) for path in decisive_files(settings) if path.exists()]
    files = [[str(path.resolve()), stat.st_size, stat.st_mtime_ns] for path, stat in stats]
    return json.dumps([dataclasses.asdict(settings), files], sort_keys=True, default=repr)


def decisive_files(settings: EncoderSettings) -> list[Path]:
    """The files that decide what is loaded, which need not exist.

    Raises:
        UserError: The weights are not on this machine.
    """
    if settings.stems is None:
        return local_files(settings)
    from thawline.encoders.sound.separator_weights import separator_files

    return [*separator_files(settings), *local_files(settings)]


def _load(settings: EncoderSettings) -> "Loaded | TextTower":
    import torch

    licence = check_licence(settings)
    defer_compiler()
    with importing(alone=False):
        loaded = _load_family(settings)
    towers: list[Any] = [getattr(loaded, side) for side in ("image", "text") if hasattr(loaded, side)]
    for encoder in towers or [loaded]:
        encoder.precision = getattr(torch, settings.precision)
        encoder.licence = licence
    return loaded


def _load_family(settings: EncoderSettings) -> "Loaded | TextTower":
    # Late: transformers and timm take seconds to import, and a run needs one of them.
    if settings.family in TOWERS:
        return _load_towers(settings)
    if settings.family in ("dinov2", "dinov3"):
        from thawline.encoders.vision.dino import load_dino

        return load_dino(settings)
    if settings.family == "vit":
        from thawline.encoders.vision.vit import load_vit

        return load_vit(settings)
    if settings.family == "sentences":
        from thawline.encoders.text.sentences import load_sentences

        return load_sentences(settings)
    if settings.stems is not None:
        from thawline.encoders.sound.separator import load_separator
        from thawline.encoders.sound.stems import stems_of

        separator = load_separator(settings)
        return stems_of(_load_audio(settings), separator, settings.stems)
    if settings.family in AUDIO:
        return _load_audio(settings)
    if settings.family == "torchvision":
        from thawline.encoders.vision.torchvision import load_torchvision

        return load_torchvision(settings)
    if settings.family in added("encoders"):
        return _load_added(settings)
    from thawline.encoders.vision.timm import load_timm

    return load_timm(settings)


def _load_towers(settings: EncoderSettings) -> "ClipTowers":
    if settings.family == "clip":
        from thawline.encoders.vision.clip import load_clip

        return load_clip(settings)
    if settings.family == "siglip":
        from thawline.encoders.vision.siglip import load_siglip

        return load_siglip(settings)
    require_open_clip()
    from thawline.encoders.vision.open_clip import load_open_clip

    return load_open_clip(settings)


def require_open_clip() -> None:
    """UserError where the extra `open_clip` is not installed."""
    if find_spec("open_clip") is None:
        raise UserError(
            "encoder.family=open_clip needs open_clip, not installed; run: pip install 'thawline[open_clip]'"
        )


def _load_added(settings: EncoderSettings) -> "Encoder":
    """What the function of an installed package gives, under a key of that package's code.

    Raises:
        UserError: It can't be imported, or gives no encoder.
    """
    from thawline.encoders.encoder import Encoder

    one = added("encoders")[settings.family]
    encoder = one.imported()(settings)
    if not isinstance(encoder, Encoder):
        raise UserError(
            f"{one.where} of the package {one.package} gives {type(encoder).__name__} rather than an Encoder"
        )
    encoder.architecture["added by"] = {"package": one.package, "code": code_digest(one.top)}
    return encoder


def _load_audio(settings: EncoderSettings) -> "Encoder":
    if settings.family == "mel_cnn":
        from thawline.encoders.sound.mel_cnn import load_mel_cnn

        return load_mel_cnn(settings)
    if settings.family == "descriptors":
        from thawline.encoders.sound.descriptors import load_descriptors

        return load_descriptors(settings)
    if settings.family == "ast":
        from thawline.encoders.sound.audio_spectrogram import load_ast

        return load_ast(settings)
    if settings.family in ("wav2vec2", "hubert"):
        from thawline.encoders.sound.speech import load_speech

        return load_speech(settings)
    from thawline.encoders.sound.audio_whole import load_whole

    return load_whole(settings)
