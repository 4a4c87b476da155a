"""Settings of the events task."""

from dataclasses import dataclass, field


@dataclass
class PromptSettings:
    """What stands for a class in text.

    Attributes:
        templates: Prompts for a class without its own, `{label}` standing for its name.
        classes: Prompts of a class, by its name (case, `_` and `-` don't matter); they join the templates'.
    """

    templates: list[str] = field(default_factory=list)
    classes: dict[str, list[str]] = field(default_factory=dict)
