"""How many samples `thawline predict` gave each answer."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What was said of samples, counted as they come.

    Attributes:
        several: Whether a sample can be given several answers, or none: it counts for each that it is given.
        answers: How many samples were given each answer.
        samples: How many were asked about.
        unusable: How many of these can't be used.
        without: How many were given no answer, though they can be used.
    """

    several: bool = False
    answers: Counter[str] = field(default_factory=Counter)
    samples: int = 0
    unusable: int = 0
    without: int = 0

    def add(self, *answers: str) -> None:
        """Count a sample that was given `answers`."""
        self.samples += 1
        self.without += not answers
        self.answers.update(answers)

    def add_unusable(self) -> None:
        """Count a sample that can't be used."""
        self.samples += 1
        self.unusable += 1
