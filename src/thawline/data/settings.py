"""Settings of the data: which samples, how they are decoded, how they are split; tasks add their own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from omegaconf import MISSING

from thawline.data.listing import LAYOUTS
from thawline.data.photos.preprocessing import MAX_MEGAPIXELS
from thawline.errors import UserError


@dataclass
class DataSettings:
    """A folder of photos.

    Attributes:
        path: The folder; one folder a class.
        classes: The class folders to use; null: all.
        layout: Whether folders called train, val and test are the `split` or `classes`; `auto`: the split where they
            have folders in them.
        join_alike: Whether classes whose names differ in case, spaces or hyphens alone are one.
        min_groups: Classes of fewer groups are left out.
        decode: `reduced` (JPEGs at a reduced scale, at least twice the target) or `full`.
        max_megapixels: A larger photo, or one that takes as much memory to decode, is left out.
        corrections: A table of corrected labels with the columns `path,label` and perhaps `when,by`; null: the folders'
            labels count.
        split: A CSV with the columns `path,split` that overrides the split; null: groups are split by the seed.
        holdout: Share of the groups that is held out for the reported result.
        inner: Share of the training groups on which early stopping and the best epoch are chosen.
    """

    path: str = MISSING
    classes: list[str] | None = None
    layout: str = "auto"
    join_alike: bool = False
    min_groups: int = 1
    decode: str = "reduced"
    max_megapixels: float = MAX_MEGAPIXELS
    corrections: str | None = None
    split: str | None = None
    holdout: float = 0.2
    inner: float = 0.2

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.layout not in LAYOUTS:
            raise UserError(f"data.layout={self.layout} is not known; use {', '.join(LAYOUTS)}")
        if self.decode not in ("reduced", "full"):
            raise UserError(f"data.decode={self.decode} is not known; use reduced or full")
        if self.min_groups < 1:
            raise UserError(f"data.min_groups={self.min_groups} must be at least 1, 2 for a hold-out")
        check_megapixels(self.max_megapixels)
        for key, share in (("holdout", self.holdout), ("inner", self.inner)):
            if not 0 < share < 1:
                raise UserError(f"data.{key}={share} must lie between 0 and 1, 0.2 for a fifth")

    def at(self, path: str) -> Self:
        """The same for other data at `path`, whose own classes and sides count."""
        return replace(self, path=path, classes=None, corrections=None, split=None, layout="auto", min_groups=1)

    def refuse_corrections(self, how: str) -> None:
        """Refuse corrections of what is in no folders of photos; `how` says how such are corrected."""
        if self.corrections is not None:
            raise UserError(f"data.corrections is for folders of photos; leave it out, and {how}")

    @property
    def several_labels(self) -> bool:
        """Whether a sample has several labels at once, not one class."""
        return False

    def as_fitted(self, chosen: Mapping[str, Any]) -> Self:
        """The same with what the data of a fit gave it as inputs; `chosen` is what was chosen for that fit."""
        return self


def check_megapixels(most: float) -> None:
    """Refuse a `data.max_megapixels` that lets nothing through; raises UserError."""
    if not most > 0:
        raise UserError(f"data.max_megapixels={most:g} must be more than 0, {MAX_MEGAPIXELS:g} for the largest phones'")
