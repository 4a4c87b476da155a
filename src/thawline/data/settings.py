"""Settings of the data: which photos, how they are decoded, how they are split."""

from dataclasses import dataclass

from omegaconf import MISSING

from thawline.errors import UserError


@dataclass
class DataSettings:
    """A folder of photos.

    Attributes:
        path: The folder; one folder a class.
        classes: The class folders to use; null: all.
        decode: `reduced` (JPEGs at a reduced scale, at least twice the target) or `full`.
        split: A CSV with the columns `path,split` that overrides the split; null: groups are split by the seed.
        holdout: Share of the groups that is held out for the reported result.
        inner: Share of the training groups on which early stopping and the best epoch are chosen.
    """

    path: str = MISSING
    classes: list[str] | None = None
    decode: str = "reduced"
    split: str | None = None
    holdout: float = 0.2
    inner: float = 0.2

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.decode not in ("reduced", "full"):
            raise UserError(f"data.decode={self.decode} is not known; use reduced or full")
        for key, share in (("holdout", self.holdout), ("inner", self.inner)):
            if not 0 < share < 1:
                raise UserError(f"data.{key}={share} must lie between 0 and 1, 0.2 for a fifth")
