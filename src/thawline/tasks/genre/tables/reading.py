"""The tables that the package carries, and how names are looked up in them."""

import re
import unicodedata
from importlib.resources import as_file, files
from typing import Any

from omegaconf import OmegaConf


def table(name: str) -> dict[str, Any]:
    """The YAML file `name` of this folder as plain dicts and lists, its order kept."""
    with as_file(files(__package__) / name) as path:
        found = OmegaConf.to_container(OmegaConf.load(path))
    if not isinstance(found, dict):
        raise TypeError(f"{name} holds no table")
    return {str(key): value for key, value in found.items()}


def comparable(name: str) -> str:
    """Letters and digits of `name` alone, without case and accents: what names are compared by. "&" is "and"."""
    plain = unicodedata.normalize("NFKD", name.replace("&", " and ")).casefold()
    return re.sub(r"[\W_]|[\u0300-\u036f]", "", plain)
