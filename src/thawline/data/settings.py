"""Settings of the data: which samples, how they are decoded, how they are split; tasks add their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from omegaconf import MISSING

from thawline.data.datasets.settings import IMAGE, READER, DatasetSettings, Fields, refuse_saved
from thawline.data.listing import LAYOUTS
from thawline.data.photos.preprocessing import MAX_MEGAPIXELS
from thawline.data.renaming import one_name, read_renames
from thawline.errors import UserError


@dataclass
class DataSettings:
    """A folder of photos, or a table that names them.

    Attributes:
        path: The folder, one folder a class; or a CSV with the columns `path,label`, or one of 0 and 1 for each label.
        reader: `auto`; `datasets` where `path` is a data set of that library: a name on the Hub, a folder that
            `save_to_disk` wrote, or Parquet.
        dataset: What is read of a data set.
        classes: The classes to use; null: all.
        layout: Whether folders called train, val and test are the `split` or `classes`; `auto`: the split where they
            have folders in them.
        join_alike: Whether classes whose names differ in case, spaces or hyphens alone are one.
        rename: A table of classes that get another name, or become one, with the columns `from,to`, or what it says,
            `[[from, to], …]`, as a run keeps it; null: all keep theirs.
        labels: `one` class a sample, the first that it has; `several`: all that it has, each told by itself; `scores`:
            a number each, of a table with the columns `path,score`.
        min_groups: Classes of fewer groups are left out.
        decode: `reduced` (JPEGs at a reduced scale, at least twice the target) or `full`.
        max_megapixels: A larger photo, or one that takes as much memory to decode, is left out.
        corrections: A table of corrected labels with the columns `path,label` and perhaps `when,by`; with several
            labels a row holds all of its photo's; null: the folders' labels count.
        split: A CSV with the columns `path,split` that overrides the split; null: groups are split by the seed.
        holdout: Share of the groups that is held out for the reported result.
        inner: Share of the training groups on which early stopping and the best epoch are chosen.
    """

    fields: ClassVar[Fields] = Fields(
        IMAGE, "path", {"label": ("label", "labels"), "group": ("group",), "split": ("split",)}
    )
    readers: ClassVar[tuple[str, ...]] = ("auto", READER)

    path: str = MISSING
    reader: str = "auto"
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    classes: list[str] | None = None
    layout: str = "auto"
    join_alike: bool = False
    rename: Any = None
    labels: str = "one"
    min_groups: int = 1
    decode: str = "reduced"
    max_megapixels: float = MAX_MEGAPIXELS
    corrections: str | None = None
    split: str | None = None
    holdout: float = 0.2
    inner: float = 0.2

    def __post_init__(self) -> None:
        """Check the ranges."""
        self._check_reader()
        if self.layout not in LAYOUTS:
            raise UserError(f"data.layout={self.layout} is not known; use {', '.join(LAYOUTS)}")
        if self.labels not in ("one", "several", "scores"):
            raise UserError(f"data.labels={self.labels} is not known; use one, several or scores")
        self._read_renames()
        if self.scored:
            self._refuse_of_classes()
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
        dataset = replace(self.dataset, splits=None)
        return replace(
            self,
            path=path,
            dataset=dataset,
            classes=None,
            corrections=None,
            split=None,
            layout="auto",
            min_groups=1,
        )

    def read_by(self, reader: str | None, given: DatasetSettings) -> Self:
        """The same for other data: with another reader, if one is given, and with what is given of a data set."""
        name = reader or self.reader
        if name != READER:
            return replace(self, reader=name, dataset=given)
        columns = (self.dataset.columns or {}) | (given.columns or {})
        return replace(self, reader=name, dataset=replace(given, columns=columns or None))

    def opened(self, store: Path) -> Self:
        """The same with the table of a data set, below the feature store in `store`; itself where `path` is none.

        Raises:
            UserError: There is no such data set, or it lacks a column.
        """
        if self.reader != READER:
            refuse_saved(self.path)
            return self
        from thawline.data.datasets.unpacking import unpack  # late: folders need none of it

        path = unpack(self.path, self.dataset, self.fields, store, self.fields.needed)
        return replace(self, path=str(path), reader="auto", dataset=DatasetSettings())

    def _check_reader(self) -> None:
        if self.reader not in self.readers:
            *others, last = self.readers
            raise UserError(f"data.reader={self.reader} is not known; use {', '.join(others)} or {last}")
        if self.reader == READER and self.split and not Path(self.split).expanduser().is_file():
            raise UserError(
                f"data.split={self.split} is no table of a split; the splits of a data set are chosen by "
                f"data.dataset.splits=[{self.split}]"
            )
        if self.reader != READER and self.dataset != DatasetSettings():
            raise UserError("data.dataset says what is read of a data set; add data.reader=datasets, or leave it out")

    def refuse_corrections(self, how: str) -> None:
        """Refuse corrections of what is in no folders of photos; `how` says how such are corrected."""
        if self.corrections is not None:
            raise UserError(f"data.corrections is for folders of photos; leave it out, and {how}")

    @property
    def several_labels(self) -> bool:
        """Whether a sample has several labels at once, not one class."""
        return self.labels == "several"

    @property
    def scored(self) -> bool:
        """Whether a sample has a score, not a class."""
        return self.labels == "scores"

    def _refuse_of_classes(self) -> None:
        """Refuse what only classes or labels have.

        Raises:
            UserError: Such a setting is given.
        """
        given = {"classes": None, "layout": "auto", "join_alike": False, "rename": None, "corrections": None}
        for key, usual in {**given, "min_groups": 1}.items():
            if getattr(self, key) != usual:
                raise UserError(f"data.{key} is for classes, and with data.labels=scores there are none; leave it out")
        if self.reader == READER:
            raise UserError("data.labels=scores reads a table with the columns path,score; leave out data.reader")

    def _read_renames(self) -> None:
        """Have the new names of classes at hand, whatever becomes of their table.

        Raises:
            UserError: They are neither a table's nor names.
        """
        if isinstance(self.rename, str):
            self.rename = read_renames(Path(self.rename))
        elif self.rename is not None and not isinstance(self.rename, Mapping):
            try:
                self.rename = {one_name(before): one_name(now) for before, now in self.rename}
            except (TypeError, ValueError, AttributeError):
                raise UserError(f"data.rename={self.rename} must be a table with the columns from,to") from None

    def _refuse_classes(self, instead: str) -> None:
        """Refuse what only classes of samples have; `instead` says what to do without `classes`.

        Raises:
            UserError: Such a setting is given.
        """
        if self.classes is not None:
            raise UserError(f"data.classes is for folders of photos; leave it out{instead}")
        for key, usual in (("layout", "auto"), ("join_alike", False), ("rename", None), ("labels", "one")):
            if getattr(self, key) != usual:
                raise UserError(f"data.{key} is for folders of photos and for tracks; leave it out")

    def as_fitted(self, chosen: Mapping[str, Any]) -> Self:
        """The same with what the data of a fit gave it as inputs; `chosen` is what was chosen for that fit."""
        return self


def check_megapixels(most: float) -> None:
    """Refuse a `data.max_megapixels` that lets nothing through; raises UserError."""
    if not most > 0:
        raise UserError(f"data.max_megapixels={most:g} must be more than 0, {MAX_MEGAPIXELS:g} for the largest phones'")
