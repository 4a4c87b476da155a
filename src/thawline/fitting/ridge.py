"""Settings of ridge regression, which tells scores."""

from dataclasses import dataclass, field

from thawline.errors import UserError
from thawline.fitting.settings import SCORES, MethodSettings, require_at_least


@dataclass
class RidgeSettings(MethodSettings):
    """Ridge regression of scores on the features, in closed form (Hoerl and Kennard 1970).

    Attributes:
        alpha: Strengths of the L2 penalty to choose from; features are scaled to unit variance on average, and the
            scores of the training samples to unit variance.
        folds: Inner grouped folds by whose mean squared error `alpha` is chosen.
    """

    fit: str = "ridge"
    alpha: list[float] = field(default_factory=list)
    folds: int = 5

    @property
    def targets(self) -> tuple[str, ...]:
        """Scores."""
        return (SCORES,)

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if self.head != "linear":
            raise UserError(f"method.head={self.head} is not what ridge regression fits; use linear")
        if not self.alpha or min(self.alpha) <= 0:
            raise UserError(f"method.alpha={self.alpha} must list at least one number, all above 0")
        require_at_least("method.folds", self.folds, 2)
