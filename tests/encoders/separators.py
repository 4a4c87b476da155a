"""Small real separators with weights that hide nothing, saved in the layout of Demucs' own repositories."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tests.extras import import_extra
from torch import nn

HDemucs: type[nn.Module] = import_extra("stems", "demucs.hdemucs").HDemucs
HTDemucs: type[nn.Module] = import_extra("stems", "demucs.htdemucs").HTDemucs
SOURCES = ("drums", "bass", "other", "vocals")
BAG = "models: ['955717e8']\n"
KINDS: dict[type[nn.Module], dict[str, Any]] = {
    HTDemucs: {
        **{"channels": 8, "nfft": 2048, "depth": 3, "t_layers": 1, "t_heads": 2, "bottom_channels": 16},
        "segment": Fraction(39, 100),
    },
    HDemucs: {
        **{"channels": 16, "growth": 1, "nfft": 1024, "depth": 5, "dconv_attn": 3, "dconv_lstm": 3},
        "segment": 1,
    },
}


def build(kind: type[nn.Module] = HTDemucs, sources: tuple[str, ...] = SOURCES, **given: Any) -> nn.Module:
    """A separator in eval mode."""
    torch.manual_seed(1)
    model = kind(list(sources), **KINDS[kind], **given)
    with torch.no_grad():  # the usual starting weights are so small that mistakes would not show
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model.eval()


def described(kind: type[nn.Module] = HTDemucs, sources: tuple[str, ...] = SOURCES, **given: Any) -> dict[str, str]:
    """What the safetensors file of such a separator says of it."""
    kwargs = json.dumps(KINDS[kind] | given, default=_fraction)
    return {"klass": f"{kind.__module__}.{kind.__name__}", "args": json.dumps([sources]), "kwargs": kwargs}


def save(directory: Path, kind: type[nn.Module] = HTDemucs, *, bag: str = BAG, **given: Any) -> Path:
    """Save one: the bag that names it, its weights with what it is, and a card."""
    directory.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in build(kind, **given).state_dict().items()}
    save_file(state, directory / "955717e8.safetensors", metadata=described(kind, **given))
    (directory / "htdemucs.yaml").write_text(bag, encoding="utf-8")
    (directory / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    return directory


def _fraction(value: Fraction) -> dict[str, Any]:
    return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}
