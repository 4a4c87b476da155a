"""What a sentence encoder makes of its tokens, as the files of its directory state it. None of them runs code."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thawline.encoders.directory import read_json
from thawline.errors import UserError
from thawline.files import JSON
from thawline.files import read_json as read_any

# In the order in which several are put side by side, with what older files call them.
POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "Sigmoid")
_SETTINGS = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")


@dataclass(frozen=True)
class Layer:
    """A layer that follows the pooling.

    Attributes:
        kind: `dense`, `norm` (a LayerNorm) or `unit` (to length 1).
        sizes: What enters and leaves a dense layer; the width of a norm.
        bias: Whether a dense layer has one.
        activation: What follows a dense layer.
        place: The folder that holds its weights, beside those of the transformer; None: it has none.
    """

    kind: str
    sizes: tuple[int, ...] = ()
    bias: bool = True
    activation: str = "Identity"
    place: str | None = None


@dataclass(frozen=True)
class Recipe:
    """What surrounds a sentence encoder's transformer.

    Attributes:
        transformer: The folder that holds it; "": the directory itself.
        poolings: What is made of the tokens, side by side.
        layers: What follows.
        longest: Tokens of a text that are read; None: as many as the transformer takes.
        lower: Whether texts are put in lower case first.
        before: What each text begins with.
    """

    transformer: str = ""
    poolings: tuple[str, ...] = ("mean",)
    layers: tuple[Layer, ...] = ()
    longest: int | None = None
    lower: bool = False
    before: str = ""

    def key(self) -> dict[str, JSON]:
        """What of it decides the features and is no weight."""
        layers: list[JSON] = [[one.kind, list(one.sizes), one.bias, one.activation] for one in self.layers]
        return {"poolings": list(self.poolings), "layers": layers}


def read_recipe(directory: Path) -> Recipe:
    """What the sentence encoder in `directory` is made of; a transformer by itself has its mean taken.

    Raises:
        UserError: It has a part that is not known here.
    """
    if not (directory / "modules.json").is_file():
        return Recipe(before=_prompt(directory))
    listed = read_any(directory / "modules.json")
    kinds = [(str(one["type"]).rpartition(".")[2], str(one["path"])) for one in listed]
    if [kind for kind, _ in kinds[:2]] != ["Transformer", "Pooling"]:
        raise UserError(
            f"{directory} is no transformer with a pooling, says its modules.json ({', '.join(k for k, _ in kinds)}); "
            "choose another text.name"
        )
    (_, transformer), (_, pooling), *more = kinds
    return Recipe(
        transformer=transformer,
        poolings=_poolings(directory / pooling),
        layers=tuple(layer for kind, path in more if (layer := _layer(directory, kind, path)) is not None),
        before=_prompt(directory),
        **_reading(directory / transformer),
    )


def _poolings(folder: Path) -> tuple[str, ...]:
    values = read_json(folder, "config.json")
    if values.get("include_prompt") is False:
        raise UserError(
            f"{folder} leaves a prompt out of the pooling, which is not known here; choose another text.name"
        )
    said = values.get("pooling_mode") or [new for old, new in POOLINGS.items() if values.get(old)] or "mean"
    found = (said,) if isinstance(said, str) else tuple(said)
    if unknown := [one for one in found if one not in POOLINGS.values()]:
        raise UserError(f"the pooling '{unknown[0]}' of {folder} is not known here; choose another text.name")
    return found


def _layer(directory: Path, kind: str, place: str) -> Layer | None:
    """The layer of a class of that name; None: it does nothing in use."""
    if kind == "Dropout":
        return None
    if kind == "Normalize":
        return Layer("unit")
    if kind == "LayerNorm":
        return Layer("norm", (int(read_json(directory / place, "config.json")["dimension"]),), place=place)
    values = read_json(directory / place, "config.json") if kind == "Dense" else {}
    activation = str(values.get("activation_function") or "torch.nn.Identity")
    name = activation.rpartition(".")[2]
    if not values or values.get("use_residual") or not activation.startswith("torch.") or name not in ACTIVATIONS:
        raise UserError(f"{directory} has a part '{place or kind}' that is not known here; choose another text.name")
    sizes = int(values["in_features"]), int(values["out_features"])
    return Layer("dense", sizes, bool(values.get("bias", True)), name, place)


def _reading(folder: Path) -> dict[str, Any]:
    """How long the texts of the transformer in `folder` are, and whether they are in lower case."""
    for kind in _SETTINGS:
        file = f"sentence_{kind}_config.json"
        if (folder / file).is_file():
            values = read_json(folder, file)
            return {"longest": values.get("max_seq_length"), "lower": bool(values.get("do_lower_case"))}
    return {}


def _prompt(directory: Path) -> str:
    """What texts begin with where nothing is said of what they are."""
    if not (directory / "config_sentence_transformers.json").is_file():
        return ""
    values: Mapping[str, Any] = read_json(directory, "config_sentence_transformers.json")
    return str((values.get("prompts") or {}).get(values.get("default_prompt_name")) or "")
