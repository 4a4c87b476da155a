"""YAML files that a person writes: gates, golden cases, prompts."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from thawline.data.tables.encodings import read_text
from thawline.errors import UserError


class _Once(yaml.SafeLoader):
    """Refuses what YAML forbids and PyYAML lets pass: a key that stands twice, of which only the last would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[tuple[str, str], yaml.Mark] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if (name := (key.tag, key.value)) in first:
                lines = f"lines {first[name].line + 1} and {key.start_mark.line + 1}"
                raise yaml.constructor.ConstructorError(problem=f"'{key.value}' stands twice, {lines}; keep one")
            first[name] = key.start_mark
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, mend: str) -> Any:
    """What a YAML file holds, in whatever encoding.

    Args:
        path: The file.
        mend: What to write instead, as the end of a sentence.

    Raises:
        UserError: The file is absent, no YAML, or has a key twice.
    """
    try:
        return yaml.load(read_text(path).text, _Once)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise UserError(f"{path} can't be read as YAML ({' '.join(str(error).split())}); {mend}") from error
