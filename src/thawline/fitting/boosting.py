"""Settings of gradient-boosted trees."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from thawline.errors import UserError
from thawline.fitting.settings import MethodSettings, require_at_least


@dataclass
class TreesSettings(MethodSettings):
    """Gradient-boosted trees on the features (scikit-learn's GradientBoostingClassifier).

    Attributes:
        depth: Greatest depths of a tree to choose from.
        rounds: At most so many trees a class; how many is chosen too.
        rate: How much of each tree counts.
        share: Share of the training samples that a tree sees.
        features: Share of the features that a node chooses from.
        leaf: Fewest samples in a leaf.
        folds: Inner grouped folds by whose log-loss depth and number are chosen.
    """

    fit: str = "trees"
    depth: list[int] = field(default_factory=list)
    rounds: int = MISSING
    rate: float = MISSING
    share: float = 1.0
    features: float = 1.0
    leaf: int = 1
    folds: int = 5

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if self.head != "trees":
            raise UserError(f"method.head={self.head} can't be fitted as trees; use head=trees")
        # A tree is kept filled up to its depth.
        if not self.depth or min(self.depth) < 1 or max(self.depth) > 8:
            raise UserError(f"method.depth={self.depth} must list at least one number, each from 1 to 8")
        for key in ("rounds", "leaf"):
            require_at_least(f"method.{key}", getattr(self, key), 1)
        for key in ("rate", "share", "features"):
            if not 0 < getattr(self, key) <= 1:
                raise UserError(f"method.{key}={getattr(self, key)} must be above 0 and at most 1")
        require_at_least("method.folds", self.folds, 2)
