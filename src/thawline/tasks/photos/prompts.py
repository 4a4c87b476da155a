"""The text that stands for a class: given, or chosen among candidates."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thawline.data.tables.yaml_files import read_yaml
from thawline.errors import UserError
from thawline.tasks.settings import PromptSettings

if TYPE_CHECKING:
    from thawline.tasks.photos.features import Prompts

PROMPTS = "prompts"  # what was chosen, in a fit's `chosen.json`
_FORM = "it needs names of classes with a list of prompts each, such as 'wedding: [a bride and a groom]'"


def class_prompts(settings: PromptSettings, classes: Sequence[str]) -> list[list[str]]:
    """The prompts of each class: the templates with its name, then its own descriptions.

    Raises:
        UserError: A class has no prompt at all, or a template does not read `{label}`.
    """
    found = _prompts_of(settings.templates, settings.classes, classes)
    for name, prompts in zip(classes, found, strict=True):
        if not prompts:
            raise UserError(f"class '{name}' has no prompt; add prompts.templates, or prompts.classes.{name}")
    return found


def read_candidates(path: Path, classes: Sequence[str]) -> list[list[str]]:
    """Further prompts of each class from a YAML file: lists by class, or `templates` and `classes` as conf/prompts has.

    Raises:
        UserError: The file is absent or malformed, or names a class that there is not.
    """
    given = read_yaml(path.expanduser(), _FORM)
    if not isinstance(given, dict) or not given:
        raise UserError(f"{path} holds no candidates; {_FORM}")
    whole = given if set(given) <= {"templates", "classes"} else {"classes": given}
    templates: Any
    lists: Any
    templates, lists = whole.get("templates") or [], whole.get("classes") or {}
    if not isinstance(lists, dict) or not all(map(_is_list, [templates, *lists.values()])):
        raise UserError(f"{path} holds something else than lists of texts; {_FORM}")
    known = {_plain(name) for name in classes}
    for name in map(str, lists):
        if _plain(name) not in known:
            raise UserError(
                f"{path} has prompts for {name!r}, and there is no such class; there are {', '.join(classes)}"
            )
    found = _prompts_of(templates, {str(name): prompts for name, prompts in lists.items()}, classes)
    if not any(found):
        raise UserError(f"{path} holds no candidates; {_FORM}")
    return found


def chosen_prompts(prompts: "Prompts", classes: Sequence[str]) -> dict[str, Any]:
    """Of each class the prompts that were chosen, and what each one was worth by itself, as plain JSON."""
    found: dict[str, Any] = {name: {"used": [], "gains": {}} for name in classes}
    used = [True] * len(prompts.texts) if prompts.used is None else prompts.used.tolist()
    gains = prompts.gains or [None] * len(prompts.texts)
    for text, one, taken, gain in zip(prompts.texts, prompts.class_of_prompt.tolist(), used, gains, strict=True):
        of = found[classes[one]]
        of["used"] += [text] if taken else []
        of["gains"][text] = None if gain is None else gain.to_json()
    return found


def _prompts_of(
    templates: Sequence[str], lists: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> list[list[str]]:
    for template in templates:
        if "{label}" not in template:
            raise UserError(f"the prompt template '{template}' does not say where the class goes; put {{label}} there")
    described = {_plain(name): list(prompts) for name, prompts in lists.items()}
    labels = [_plain(name) for name in classes]
    return [
        list(dict.fromkeys([*(one.replace("{label}", label) for one in templates), *described.get(label, [])]))
        for label in labels
    ]


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text.strip() for text in value)


def _plain(name: str) -> str:
    """A folder's name as words: `Beach_Day` is `beach day`."""
    return " ".join(name.replace("_", " ").replace("-", " ").lower().split())
