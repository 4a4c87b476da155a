"""The text that stands for a class."""

from collections.abc import Sequence

from thawline.errors import UserError
from thawline.tasks.settings import PromptSettings


def class_prompts(settings: PromptSettings, classes: Sequence[str]) -> list[list[str]]:
    """The prompts of each class: the templates with its name, then its own descriptions.

    Raises:
        UserError: A class has no prompt at all, or a template does not read `{label}`.
    """
    for template in settings.templates:
        if "{label}" not in template:
            raise UserError(f"the prompt template '{template}' does not say where the class goes; put {{label}} there")
    described = {_plain(name): prompts for name, prompts in settings.classes.items()}
    found = []
    for name in classes:
        label = _plain(name)
        prompts = [template.replace("{label}", label) for template in settings.templates] + described.get(label, [])
        if not prompts:
            raise UserError(f"class '{name}' has no prompt; add prompts.templates, or prompts.classes.{name}")
        found.append(list(dict.fromkeys(prompts)))
    return found


def _plain(name: str) -> str:
    """A folder's name as words: `Beach_Day` is `beach day`."""
    return " ".join(name.replace("_", " ").replace("-", " ").lower().split())
