"""A transparent table of rules per genre over ranges of descriptors, evaluated as a head. Nothing is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from thawline.encoders.sound.names import DESCRIPTORS
from thawline.errors import UserError
from thawline.fitting.heads.shaped import ShapedByState
from thawline.tasks.genre.tables.reading import table
from thawline.tasks.genre.tables.themes import theme_shares

# The logit of a class without rules: of no weight beside any that has some, and finite.
UNKNOWN = -100.0


@dataclass(frozen=True)
class Rule:
    """One expectation.

    Attributes:
        genre: Whose it is.
        descriptor: What it looks at.
        low: From here it holds fully; −∞ where it is open.
        high: Up to here; ∞ where it is open.
        edge: How far beyond it has faded to nothing, in the descriptor's unit.
        weight: Its share in the genre's score, beside the genre's other rules.
    """

    genre: str
    descriptor: str
    low: float
    high: float
    edge: float
    weight: float


@cache
def rule_table() -> tuple[Rule, ...]:
    """The rules of `rules.yaml`, in its order."""
    rules = []
    for genre, expected in _table()["genres"].items():
        for each in expected:
            name = each["descriptor"]
            low, high = each.get("low", -float("inf")), each.get("high", float("inf"))
            rules.append(Rule(genre, name, low, high, _table()["edges"][name], each["weight"]))
    return tuple(rules)


@cache
def _table() -> dict[str, Any]:
    return table("rules.yaml")


class RulesHead(ShapedByState):
    """The mean of each class's rules by weight, and what themes of the lyrics add, times a sharpness, as logits.

    The state-dict holds the rules and the shares, so that a bundle goes on saying what it said when the tables have
    changed.

    Attributes:
        without_rules: Classes of which the table says nothing; their probability is 0.
    """

    BY_CLASS = "weight"
    kind = "rules"

    descriptor: torch.Tensor  # int64 [rules]: place among `DESCRIPTORS`
    low: torch.Tensor  # float32 [rules]
    high: torch.Tensor  # float32 [rules]
    edge: torch.Tensor  # float32 [rules]
    weight: torch.Tensor  # float32 [classes, rules]: of each class they sum to the sharpness, or to 0
    themes: torch.Tensor | None  # float32 [themes, classes]: what a theme adds; None where themes are not told

    def __init__(self, classes: Sequence[str], themes: Sequence[str] = ()) -> None:
        """Take the rules of `classes`, which are named as in the taxonomy, and the shares of `themes`.

        Raises:
            UserError: None of them has rules.
        """
        super().__init__()
        self.classes = len(classes)
        rules = [rule for rule in rule_table() if rule.genre in classes]
        known = {rule.genre for rule in rules}
        self.without_rules = tuple(name for name in classes if name not in known)
        if not rules:
            there = ", ".join(dict.fromkeys(rule.genre for rule in rule_table()))
            raise UserError(f"method=rules has no rules for any of {', '.join(classes)}; it knows {there}")
        weight = torch.tensor([[rule.weight * (rule.genre == name) for rule in rules] for name in classes])
        sums = weight.sum(dim=1, keepdim=True).clamp(min=1e-9)
        self.register_buffer("descriptor", torch.tensor([DESCRIPTORS.index(rule.descriptor) for rule in rules]))
        for name in ("low", "high", "edge"):
            self.register_buffer(name, torch.tensor([float(getattr(rule, name)) for rule in rules]))
        self.register_buffer("weight", _table()["sharpness"] * weight / sums)
        shares = torch.tensor(_table()["sharpness"] * theme_shares(themes, classes)).float() if themes else None
        self.register_buffer("themes", shares)

    def holds(self, features: torch.Tensor) -> torch.Tensor:
        """How far each rule holds, [batch, rules], 0 to 1: 1 within its range, falling evenly to 0 over its edge."""
        value = features[:, self.descriptor]
        beyond = torch.maximum(self.low - value, value - self.high).clamp(min=0)
        return (1 - beyond / self.edge).clamp(min=0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The `DESCRIPTORS`, then a column of 0 or 1 for each theme, [batch, columns], to logits [batch, classes]."""
        nothing = UNKNOWN * (self.weight.sum(dim=1) == 0)
        logits = self.holds(features) @ self.weight.T + nothing
        return logits if self.themes is None else logits + features[:, len(DESCRIPTORS) :] @ self.themes

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take over themes too, where `state_dict` has some."""
        shares = state_dict.get(f"{prefix}themes")
        if shares is not None and self.themes is None:
            self.themes = torch.empty_like(shares)
        super()._load_from_state_dict(state_dict, prefix, *rest)
