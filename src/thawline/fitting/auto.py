"""Settings of the choice among methods."""

from dataclasses import dataclass, field
from typing import Any

from thawline.errors import UserError
from thawline.fitting.settings import CLASSES, TAGS, MethodSettings, require_at_least

AUTO = "auto"


@dataclass
class AutoSettings(MethodSettings):
    """Several methods, of which the simplest is taken that can't be told from the best on inner samples.

    Attributes:
        head: Not used: it is that of the method that is taken.
        methods: Names of files in `conf/method`. Those that don't suit the encoder and the task are left out.
        blocks: The method that is tried with thawed blocks as well.
        thaw: How many blocks or stages it thaws, each tried: `[1, 2]`.
        folds: Grouped folds of the samples that a fold of the run trains on, by which methods are ranked.
    """

    head: str = "linear"
    fit: str = AUTO
    methods: list[str] = field(default_factory=list)
    blocks: str = "finetune"
    thaw: list[Any] = field(default_factory=list)
    folds: int = 5

    @property
    def targets(self) -> tuple[str, ...]:
        """Of classes and of tags there are several methods."""
        return (CLASSES, TAGS)

    def __post_init__(self) -> None:
        """Check what does not depend on the methods."""
        super().__post_init__()
        if not self.methods or AUTO in self.methods or len({*self.methods}) < len(self.methods):
            raise UserError(f"method.methods={self.methods} must name methods to choose from, each once: [gda, linear]")
        require_at_least("method.folds", self.folds, 2)
