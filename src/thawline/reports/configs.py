"""Configs side by side: flattened, and what differs among them."""

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from thawline.runs.secrets import is_secret

# Where a run was written differs always and says nothing; a secret has no place on a page.
_PLACES = ("paths.", "hydra.")
# Groups of the config that one name stands for: where the name differs, so does all else in the group.
_NAMED = ("encoder", "method", "augmentation", "trainer", "debug")
_ASIDE = ("data.", "logger.", "store.", "prompts.", "seed")


def flatten(config: DictConfig) -> dict[str, Any]:
    """The config's values by dotted key; lists are values. Places and secrets are left out.

    A saved config has nothing left to resolve; what a foreign one would read from the environment has no place here.
    """
    flat: dict[str, Any] = {}
    _flatten(OmegaConf.to_container(config, resolve=False), "", flat)
    return flat


def _flatten(value: Any, key: str, flat: dict[str, Any]) -> None:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            _flatten(inner, f"{key}.{name}" if key else str(name), flat)
    elif not key.startswith(_PLACES) and not is_secret(key):
        flat[key] = value


def differing(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """For each name, in words, the values of the keys that are not the same in all configs; a missing key is left out.

    Two configs differ only in keys that are among these.
    """
    keys = dict.fromkeys(key for config in configs.values() for key in config)
    said = {name: {key: say(value) for key, value in config.items()} for name, config in configs.items()}
    kept = [key for key in keys if len({one.get(key) for one in said.values()}) > 1]
    return {name: {key: one[key] for key in kept if key in one} for name, one in said.items()}


def settings_that_differ(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """As `differing`, less what is no setting to plot.

    Names of groups stand for the group, seeds are repetitions, and what is the same in all configs that have it, which
    an ensemble's does not, is a constant.
    """
    found = differing(configs)
    values: dict[str, set[str]] = {}
    for one in found.values():
        for key, value in one.items():
            values.setdefault(key, set()).add(value)
    keys = {key for key, said in values.items() if len(said) > 1}
    different = {name: {key: value for key, value in one.items() if key in keys} for name, one in found.items()}
    covered = tuple(f"{group}." for group in _NAMED if f"{group}.name" in keys)
    return {
        name: {
            key: value
            for key, value in one.items()
            if not key.startswith(_ASIDE) and (not key.startswith(covered) or key.endswith(".name"))
        }
        for name, one in different.items()
    }


def say(value: Any) -> str:
    """A config's value in words, as YAML has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(say, value))}]"
    return str(value)
