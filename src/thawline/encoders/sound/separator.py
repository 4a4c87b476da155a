"""Demucs, which separates music into stems, read from safetensors (Rouard et al., arXiv 2211.08553).

A file says which of Demucs' classes it holds and what that is created with. Demucs' own loaders would import whatever
name stands there, and unpickle older files: neither is used here.
"""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.separator_weights import check_installed, find_separator, read_separator_licence
from thawline.encoders.unfilled import unfilled
from thawline.errors import UserError
from thawline.files import JSON

SOURCES = ("drums", "bass", "other", "vocals")
_CLASSES = ("demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs")
# With these a network's output is random, or needs another library.
_UNUSABLE = ("t_sin_random_shift", "t_sparse_self_attn", "t_sparse_cross_attn")
# What a file by another program may lead to.
_FOREIGN = (
    *(OSError, SafetensorError, ValueError, TypeError, KeyError, RuntimeError),
    *(AssertionError, AttributeError, RecursionError, ImportError, ArithmeticError),
)
# Bounds far beyond any published network, so that no file has one built, or padded, without end.
_RATES = range(8_000, 192_001)
_MOST = {"depth": 12, "t_layers": 64, "dconv_depth": 12, "nfft": 2**14, "wiener_iters": 10, "end_iters": 10}
_SEGMENTS = (0.1, 600.0)  # s


@dataclass(frozen=True, eq=False)
class Separator:
    """A network that separates music.

    Attributes:
        model: Demucs' own, frozen, in eval mode, on the CPU in single precision.
        klass: Its class, one of Demucs' two.
        arguments: What it was created with, as its file says it.
        licence: Of the weights; None if it is not stated.
    """

    model: nn.Module
    klass: str
    arguments: Mapping[str, JSON]
    licence: str | None = None

    @property
    def rate(self) -> int:
        """Hz of what enters and leaves."""
        return int(self.arguments.get("samplerate", 44_100))  # type: ignore[arg-type]  # it was checked

    def members(self, stems: int) -> list[list[int]]:
        """The places of the sources that make up each stem: 4 are `SOURCES`, 2 are vocals and all else.

        What a network tells apart beyond the four (guitar, piano) is part of `other`.
        """
        sources: Any = self.model.sources
        drums, bass, vocals = (sources.index(name) for name in ("drums", "bass", "vocals"))
        if stems == 2:
            return [[vocals], [place for place in range(len(sources)) if place != vocals]]
        other = [place for place in range(len(sources)) if place not in (drums, bass, vocals)]
        return [[drums], [bass], other, [vocals]]


def load_separator(settings: EncoderSettings) -> Separator:
    """The separator that `settings` name.

    Raises:
        UserError: Demucs is not installed, or the weights are not on this machine, can't be read, or may not be used
            commercially where the settings don't allow that.
    """
    check_installed()
    licence = read_separator_licence(settings)
    file, segment = find_separator(settings)
    return read_separator(file, segment=segment, licence=licence)


def read_separator(file: Path, *, segment: float | None = None, licence: str | None = None) -> Separator:
    """The separator in a safetensors file of Demucs' layout, with its class and arguments in the metadata.

    Args:
        file: The file.
        segment: How many seconds go through the network at a time; None, or more than the network takes: its own.
        licence: Of the weights.

    Raises:
        UserError: Demucs is not installed, or the file holds something else.
    """
    check_installed()
    try:
        with safe_open(str(file), framework="pt") as opened:
            said = opened.metadata() or {}
            klass, arguments = _described(said)
            state = {name: opened.get_tensor(name).float() for name in opened.keys()}  # noqa: SIM118  # it is no dict
        if segment is not None and not _SEGMENTS[0] <= segment <= _SEGMENTS[1]:
            raise ValueError(f"its bag's segment is {segment} s")
        if segment is not None and (klass != _CLASSES[0] or segment <= _plain(arguments.get("segment", 10))):
            arguments["segment"] = segment
        model = _build(klass, arguments, state)
    except _FOREIGN as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{file} holds no separator that can be used: {reason}; use one like adefossez/HTDemucs"
        ) from error
    return Separator(model.eval().requires_grad_(False), klass, arguments, licence)


def save_separator(file: Path, separator: Separator) -> None:
    """Write what `read_separator` reads."""
    state = {name: tensor.contiguous().clone() for name, tensor in separator.model.state_dict().items()}
    said = {"klass": separator.klass, "args": "[]", "kwargs": json.dumps(separator.arguments)}
    save_file(state, file, metadata={"format": "pt", **said})


def _described(said: Mapping[str, str]) -> tuple[str, dict[str, JSON]]:
    """Class and arguments as a file's metadata say them; the arguments by their names, and known to be sound."""
    if "structure" in said:
        raise ValueError("its weights are packed, which is not supported")
    if absent := [name for name in ("klass", "args", "kwargs") if name not in said]:
        raise ValueError(f"its metadata lack {absent[0]}")
    klass = said["klass"]
    if klass not in _CLASSES:
        raise ValueError(f"its class is '{klass[:80]}', not {' or '.join(_CLASSES)}")
    signature = inspect.signature(_class(klass))
    # Published files may have arguments of other releases, which Demucs leaves out too: the weights must still fit.
    named = {name: value for name, value in json.loads(said["kwargs"]).items() if name in signature.parameters}
    arguments: dict[str, JSON] = dict(signature.bind(*json.loads(said["args"]), **named).arguments)
    _check_arguments({name: _plain(value) for name, value in arguments.items()})
    return klass, arguments


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    sources, rate = arguments["sources"], arguments.get("samplerate", 44_100)
    if not isinstance(sources, list) or set(SOURCES) - set(sources) or len(set(sources)) < len(sources):
        raise ValueError(f"its sources are {sources}, and must be {', '.join(SOURCES)}")
    if not isinstance(rate, int) or rate not in _RATES:
        raise ValueError(f"its rate is {rate} Hz")
    if arguments.get("audio_channels", 2) not in (1, 2):
        raise ValueError(f"it takes {arguments['audio_channels']} channels")
    if not _SEGMENTS[0] <= arguments.get("segment", 10) <= _SEGMENTS[1]:
        raise ValueError(f"its segment is {arguments['segment']} s")
    if beyond := [name for name, most in _MOST.items() if arguments.get(name, 0) > most]:
        raise ValueError(f"its {beyond[0]} is {arguments[beyond[0]]}, more than {_MOST[beyond[0]]}")
    nfft = arguments.get("nfft", 4096)
    if not isinstance(nfft, int) or nfft < 2 or nfft & (nfft - 1):
        raise ValueError(f"its nfft is {nfft}, no power of two")
    if len(arguments.get("multi_freqs") or ()) > _MOST["depth"]:
        raise ValueError(f"its multi_freqs are {len(arguments['multi_freqs'])}, more than {_MOST['depth']}")
    if unusable := [name for name in _UNUSABLE if arguments.get(name)]:
        raise ValueError(f"it is a network with {unusable[0]}, which is not supported")


def _class(name: str) -> Any:
    """One of two classes; no other name leads to code."""
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    return {"demucs.htdemucs.HTDemucs": HTDemucs, "demucs.hdemucs.HDemucs": HDemucs}[name]


def _build(klass: str, arguments: Mapping[str, JSON], state: Mapping[str, torch.Tensor]) -> nn.Module:
    """The network with the weights `state`, all of them and no others."""
    with unfilled():  # sizes that don't fit the weights cost nothing
        model: nn.Module = _class(klass)(**{name: _plain(value) for name, value in arguments.items()})
    model.load_state_dict(state, assign=True)
    return model


def _plain(value: Any) -> Any:
    """JSON with Demucs' way of writing a fraction."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"_type", "numerator", "denominator"} or value["_type"] != "fraction":
        raise ValueError("one of its arguments is no plain value")
    if not value["denominator"]:
        raise ValueError("one of its arguments is divided by 0")
    return Fraction(int(value["numerator"]), int(value["denominator"]))
