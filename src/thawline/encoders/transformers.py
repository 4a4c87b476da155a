"""What transformers' networks share: loading them strictly."""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers

from thawline.errors import UserError
from thawline.files import JSON


def load_model(kind: Any, directory: Path, called: str, unused: Collection[str] = (), **given: Any) -> Any:
    """The model of class `kind` in `directory`, on the CPU in single precision.

    Args:
        kind: transformers' class.
        directory: In transformers' format.
        called: The model's name in a message.
        unused: Last parts of the names of tensors that may be absent, since nothing computes with them; they become 0.
        given: What else the class is created with.

    Raises:
        UserError: The files are damaged, or the weights are not those of the config.
    """
    try:
        with quiet():
            # Sizes that don't match are looked at below: otherwise the error names none.
            model, found = kind.from_pretrained(
                directory,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **given,
            )
    except Exception as error:  # whatever a library comes upon in files that it can't make a network of
        raise UserError(f"{directory} holds no {called} model that can be loaded: {_reason(error)}") from error
    absent = {name for name in found["missing_keys"] if name.rpartition(".")[2] in unused}
    found["missing_keys"] = set(found["missing_keys"]) - absent
    _check(found, f"the weights in {directory} are of another network than its config.json")
    with torch.no_grad():
        for name in absent:
            model.get_parameter(name).zero_()  # the library's are random
    return model


def architecture(config: Any) -> dict[str, JSON]:
    """What besides the weights decides a model's arithmetic."""
    left_out = {
        *("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures"),
        *("id2label", "label2id", "problem_type"),
    }
    plain = {k: v for k, v in json.loads(config.to_json_string(use_diff=False)).items() if k not in left_out}
    return {
        "config": plain,
        "attention": config._attn_implementation,
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
    }


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bar and no report of the library's on screen; what matters of it becomes an error here."""
    log: Any = transformers.logging
    level, bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bar:
            log.enable_progress_bar()


def _reason(error: Exception) -> str:
    """What `error` says, on one line."""
    first, *more = str(error).strip().splitlines() or [""]
    if isinstance(error, KeyError | ArithmeticError | AssertionError):  # these say little without their name
        return f"{type(error).__name__} {first}".rstrip()
    return f"{first} {more[0].strip()}" if first.endswith(":") and more else first


def _check(found: dict[str, Any], problem: str) -> None:
    for name, there, wanted in sorted(found["mismatched_keys"]):
        raise UserError(f"{problem}: {name} is {list(there)} there, and should be {list(wanted)}")
    # Without this the library fills in random numbers and only warns.
    for name in sorted(found["missing_keys"]):
        raise UserError(f"{problem}: they lack {name}")
    # A classifier or a pooler may be left over, a block may not.
    for name in sorted(found["unexpected_keys"]):
        if re.search(r"\blayers?\.\d+\.", name):
            raise UserError(f"{problem}: it has no {name}")
