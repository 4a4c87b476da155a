"""A text encoder beside the network of a bundle: its tensors, what describes them, and its tokenizer."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from thawline.bundles.bounds import check_fits
from thawline.bundles.manifest import TEXT_CONFIG, TEXT_MODEL, TEXT_TOKENIZER
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import TextTower
from thawline.files import read_json, write_json, write_text

_LEFT_OUT = ("_name_or_path", "architectures", "transformers_version", "dtype", "id2label", "label2id")
_KEYS = {"sentences": {"config", "recipe", "filling"}, "scratch": {"sizes"}}


def save_text(folder: Path, family: str, tower: TextTower) -> None:
    """Write the joined `tower`, of the family `sentences` or `scratch`."""
    state = {name: tensor.detach().contiguous().clone() for name, tensor in tower.text.model.state_dict().items()}
    save_file(state, folder / TEXT_MODEL, metadata={"format": "pt"})
    if family == "scratch":
        write_json(folder / TEXT_CONFIG, {"sizes": tower.text.architecture["scratch"]})
        return
    model: Any = tower.text.model
    tokenizer: Any = tower.tokenize
    config = model.transformer.config
    # Older checkpoints' configs carry settings that their classes don't read.
    values = {name: value for name, value in config.to_dict().items() if name in type(config)().to_dict()}
    about = {
        "config": {name: value for name, value in values.items() if name not in _LEFT_OUT},
        "recipe": {"poolings": list(model.recipe.poolings), "layers": [asdict(one) for one in model.recipe.layers]},
        "filling": asdict(tokenizer.filling),
    }
    write_json(folder / TEXT_CONFIG, about)
    write_text(folder / TEXT_TOKENIZER, tokenizer.backend.to_str())


def load_text(folder: Path, family: str) -> TextTower:
    """The text encoder that `save_text` wrote.

    Raises:
        ValueError, KeyError, TypeError: The files are of another form.
    """
    if family not in _KEYS:
        raise ValueError(f"the text encoder's family '{family}' is not known")
    about = read_json(folder / TEXT_CONFIG)
    if set(about) != _KEYS[family]:
        raise ValueError(f"{TEXT_CONFIG} has other settings than this program writes")
    return _scratch(folder, about) if family == "scratch" else _sentences(folder, about)


def _scratch(folder: Path, about: dict[str, Any]) -> TextTower:
    from thawline.encoders.text.scratch import load_scratch, make_stages

    check_fits(folder, lambda: nn.ModuleList(make_stages(about["sizes"])), TEXT_MODEL)
    tower = load_scratch(EncoderSettings(family="scratch", name="scratch", model_args=about["sizes"]))
    tower.text.model.load_state_dict(load_file(folder / TEXT_MODEL))
    return tower


def _sentences(folder: Path, about: dict[str, Any]) -> TextTower:
    from tokenizers import Tokenizer
    from transformers import CONFIG_MAPPING

    from thawline.encoders.text.recipe import ACTIVATIONS, POOLINGS, Layer, Recipe
    from thawline.encoders.text.sentences import SentenceNetwork, class_for, cut_sentences, without_pooler
    from thawline.encoders.text.tokens import Filling, TextTokenizer

    values = dict(about["config"])
    usual: Any = CONFIG_MAPPING[values.pop("model_type")]
    if odd := sorted(set(values) - set(usual().to_dict())):
        raise ValueError(f"{TEXT_CONFIG} has '{odd[0]}', which no {usual.__name__} has")
    layers = tuple(Layer(**{**one, "sizes": tuple(one["sizes"])}) for one in about["recipe"]["layers"])
    recipe = Recipe(poolings=tuple(about["recipe"]["poolings"]), layers=layers)
    known = all(one.activation in ACTIVATIONS and one.kind in ("dense", "norm", "unit") for one in layers)
    if not known or not set(recipe.poolings) <= set(POOLINGS.values()):
        raise ValueError(f"{TEXT_CONFIG} has a pooling or a layer that is not known")
    config = usual(**values)
    kind = class_for(config, folder)

    def build() -> nn.Module:
        return SentenceNetwork(kind(config, **without_pooler(kind)), recipe)

    check_fits(folder, build, TEXT_MODEL)
    network: Any = build()
    network.load_state_dict(load_file(folder / TEXT_MODEL))
    backend = Tokenizer.from_file(str(folder / TEXT_TOKENIZER))
    if backend.get_vocab_size() > config.vocab_size:
        raise ValueError(f"{TEXT_TOKENIZER} knows more tokens than the network")
    return cut_sentences(network, recipe, TextTokenizer(backend, Filling(**about["filling"])))
