"""The directory of a pretrained model in transformers' format. The library is not imported."""

import json
from pathlib import Path
from typing import Any

from thawline.encoders.settings import EncoderSettings
from thawline.encoders.weights import locate, safetensors_in
from thawline.errors import UserError


def find_model(settings: EncoderSettings, model_type: str, called: str) -> Path:
    """The directory of the model that `settings` name; its weights are safetensors.

    Args:
        settings: The encoder's.
        model_type: What its config.json must say that it is.
        called: The model's name in a message.

    Raises:
        UserError: It is not on this machine, or is another model.
    """
    directory = locate(settings)
    safetensors_in(directory)
    if read_json(directory, "config.json").get("model_type") != model_type:
        raise UserError(f"{directory} holds another model than {called}, says its config.json; mend encoder.name")
    return directory


def read_text(directory: Path, name: str) -> str:
    """A file of a model's directory; UserError if it is not there."""
    try:
        return (directory / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{directory} has no {name}; mend encoder.name") from error


def read_json(directory: Path, name: str) -> dict[str, Any]:
    """A JSON object of a model's directory; UserError if it is not there or is none."""
    try:
        values = json.loads(read_text(directory, name))
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        raise UserError(f"{directory / name} is no JSON: {error}; copy the model's own there") from error
    if not isinstance(values, dict):
        raise UserError(f"{directory / name} holds no JSON object; copy the model's own there")
    return values
