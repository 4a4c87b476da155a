"""Settings of asking and of its simulation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.fitting.settings import LogisticSettings
from thawline.runs.settings import PathsSettings
from thawline.tasks.preference.settings import FeedbackSettings
from thawline.versions.settings import VersionsSettings

# `strategies` has a function of each; this is read wherever there is help.
STRATEGIES = ("uncertainty", "diversity", "badge", "random")


@dataclass(frozen=True)
class Rounds:
    """How often is asked.

    Attributes:
        start: Answers to begin with, about items drawn at random.
        batch: Answers between two fits.
        answers: Answers in the end.
    """

    start: int
    batch: int
    answers: int

    @property
    def goals(self) -> list[int]:
        """The numbers of answers after which the model is fitted."""
        return [*range(self.start, self.answers, self.batch), self.answers]


@dataclass
class SimulateSettings:
    """`thawline preference simulate`.

    Attributes:
        data: Photos whose answers are known: a file of answers, or a folder of classes; `data.holdout` is the share of
            the groups that is judged and never asked about.
        like: Of a folder: the class that is liked, or several.
        super_like: Of a folder: the class that is liked most, or several.
        wrong: Chance of each answer to be wrong.
        strategies: What is tried; `random` always is.
        start: Answers to begin with, about photos drawn at random.
        batch: Answers between two fits.
        answers: Answers in the end.
        seeds: How often everything is done, each time with other photos to judge, other first answers and mistakes.
        encoder: Whose features are learnt from.
        c: Strengths of the logistic regression to choose from, as in `method.c`.
        folds: Inner folds by which it is chosen, as in `method.folds`.
        store: The feature store.
        paths: Where the results are written.
        accelerator: What computes the features: `auto`, `cpu`, `gpu` or `mps`.
        seed: Fixes everything.
    """

    data: FeedbackSettings = MISSING
    like: Any = None
    super_like: Any = None
    wrong: float = 0.0
    strategies: list[str] = field(default_factory=lambda: list(STRATEGIES))
    start: int = 20
    batch: int = 20
    answers: int = 200
    seeds: int = 20
    encoder: EncoderSettings = MISSING
    c: list[float] = field(default_factory=list)
    folds: int = 3
    store: StoreSettings = MISSING
    paths: PathsSettings = MISSING
    accelerator: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.wrong <= 0.5:
            raise UserError(f"wrong={self.wrong:g} must be 0 to 0.5, the share of answers that are mistaken")
        for key, least in (("start", 2), ("batch", 1), ("seeds", 2)):
            if (value := getattr(self, key)) < least:
                raise UserError(f"{key}={value} must be at least {least}")
        if self.answers < self.start:
            raise UserError(f"answers={self.answers} must be at least start={self.start}, the first answers")
        if unknown := sorted(set(self.strategies) - set(STRATEGIES)):
            raise UserError(f"strategies has '{unknown[0]}', which is not known; use {', '.join(STRATEGIES)}")
        if not self.c or min(self.c) <= 0 or self.folds < 2:
            raise UserError(f"c={self.c} must list numbers above 0, and folds={self.folds} be at least 2")

    @property
    def rounds(self) -> Rounds:
        """How often is asked."""
        return Rounds(self.start, self.batch, self.answers)

    @property
    def logistic(self) -> LogisticSettings:
        """What is fitted after each round."""
        return LogisticSettings(name="logistic", head="linear", c=self.c, folds=self.folds)

    @property
    def tried(self) -> list[str]:
        """The strategies, `random` among them, in the order in which they are shown."""
        return [name for name in STRATEGIES if name in self.strategies or name == "random"]


@dataclass
class AskSettings:
    """`thawline preference ask`.

    Attributes:
        versions: The registry, whose database has the photos, and whose active version scores them.
        n: How many photos to ask about.
        strategy: Which: `uncertainty`, `diversity`, `badge` or `random`.
        between: Two versions, whose favourites are mixed to be compared by the answers, in place of `strategy`; null:
            the active version alone is asked.
        out: A table to write, path,feedback,score,why,picked_by, to be filled in and imported; null: only the screen.
        store: The feature store.
        paths: Where the registry lies if it is nowhere else.
        accelerator: What computes features that are not stored: `auto`, `cpu`, `gpu` or `mps`.
        seed: Fixes what is drawn.
    """

    versions: VersionsSettings = MISSING
    n: int = 20
    strategy: str = "uncertainty"
    between: list[str] | None = None
    out: str | None = None
    store: StoreSettings = MISSING
    paths: PathsSettings = MISSING
    accelerator: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the names and the range."""
        if self.n < 1:
            raise UserError(f"n={self.n} must be at least 1, the photos to ask about")
        if self.strategy not in STRATEGIES:
            raise UserError(f"strategy={self.strategy} is not known; use {', '.join(STRATEGIES)}")
        if self.between is not None:
            two_versions(self.between)


def two_versions(words: Sequence[str]) -> tuple[int, int]:
    """The numbers of two versions, as `3` or `v3`.

    Raises:
        UserError: They are none, or not two.
    """
    numbers = [int(found[1]) for word in words if (found := re.fullmatch(r"v?(\d{1,9})", word.strip(), re.ASCII))]
    if len(words) != 2 or len(set(numbers)) != 2:
        raise UserError(f"between=[{','.join(words)}] must be two versions, as in between=[3,5]")
    return numbers[0], numbers[1]
