"""Settings of the data: which photos, tracks or pairs, how they are decoded, how they are split."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

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
        return replace(self, path=path, classes=None, split=None, layout="auto", min_groups=1)


def check_megapixels(most: float) -> None:
    """Refuse a `data.max_megapixels` that lets nothing through; raises UserError."""
    if not most > 0:
        raise UserError(f"data.max_megapixels={most:g} must be more than 0, {MAX_MEGAPIXELS:g} for the largest phones'")


@dataclass
class TracksSettings(DataSettings):
    """A folder of tracks, one folder a genre, or a CSV.

    Attributes:
        path: The folder, or a CSV with the columns `audio_path,label` and perhaps `artist,album,split,themes`.
        reader: `auto`; `artists` where each class folder has a folder for each artist; `gtzan` for that collection.
        splits: Published split files of GTZAN, for `reader=gtzan`; null: none.
        reference: What a run is compared with, fitted on the same folds: `mfcc_svm`; null: the majority class. Not used
            with `labels=several`.
        labels: `one` a track, its first, or `several`.
        themes: Themes of lyrics that are inputs beside descriptors; null: all that the package knows, where the CSV
            tells some; []: none.
    """

    reader: str = "auto"
    splits: list[str] | None = None
    reference: str | None = "mfcc_svm"
    labels: str = "one"
    themes: list[str] | None = None

    def __post_init__(self) -> None:
        """Check the names."""
        super().__post_init__()
        if self.labels not in ("one", "several"):
            raise UserError(f"data.labels={self.labels} is not known; use one or several")
        if self.reader not in ("auto", "artists", "gtzan"):
            raise UserError(f"data.reader={self.reader} is not known; use auto, artists or gtzan")
        if self.splits is not None and self.reader != "gtzan":
            raise UserError("data.splits names GTZAN's split files; add data.reader=gtzan, or use data.split")
        if self.reference not in (None, "mfcc_svm"):
            raise UserError(f"data.reference={self.reference} is not known; use mfcc_svm or null")


@dataclass
class PairsSettings(DataSettings):
    """Image–text pairs, in one file or in one for each side.

    Attributes:
        path: The CSV or Parquet file with the columns `image_path,text,label`; empty where there is one for each side.
        image_base: The folder that relative image paths start from and that none may leave; null: each file's own
            folder, and paths may lead anywhere on this machine.
        train_csv: The pairs to train on, in place of `path`.
        val_csv: The pairs to choose by; null: part of those to train on.
        test_csv: The pairs to judge on.
    """

    path: str = ""
    image_base: str | None = None
    train_csv: str | None = None
    val_csv: str | None = None
    test_csv: str | None = None

    def __post_init__(self) -> None:
        """Check what belongs together."""
        super().__post_init__()
        sides = [side for side in ("train", "val", "test") if getattr(self, f"{side}_csv")]
        if self.path and sides:
            raise UserError(f"give one file of pairs, or data.{sides[0]}_csv and its like, not both")
        if not self.path and not {"train", "test"} <= set(sides):
            raise UserError("give one file of pairs, or data.train_csv and data.test_csv (and data.val_csv)")
        if self.classes is not None:
            raise UserError("data.classes is for folders of photos; leave it out for pairs")
        if self.split is not None:
            raise UserError("data.split is for folders of photos; give pairs a column split with train, val or test")

    def at(self, path: str) -> Self:
        """The same for another file, whose own folder relative image paths start from."""
        return replace(self, path=path, image_base=None, train_csv=None, val_csv=None, test_csv=None)

    @property
    def files(self) -> list[tuple[Path, str | None]]:
        """The files, and the side that each is; None: the file is not split."""
        if self.path:
            return [(Path(self.path).expanduser(), None)]
        named = (("train", self.train_csv), ("val", self.val_csv), ("test", self.test_csv))
        return [(Path(name).expanduser(), side) for side, name in named if name]

    @property
    def base(self) -> Path | None:
        """The folder that no image path may leave."""
        return Path(self.image_base).expanduser() if self.image_base else None
