"""Settings of pairs, of the verbs on them, and what goes with them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from omegaconf import MISSING

from thawline.data.datasets.settings import IMAGE, READER, Fields
from thawline.data.settings import DataSettings
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.fitting.settings import GradientSettings
from thawline.tasks.settings import RunSettings


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

    fields: ClassVar[Fields] = Fields(
        IMAGE,
        "image_path",
        {"text": ("text", "caption"), **{name: (name,) for name in ("label", "difficulty", "split")}},
        needed=("text",),
        asked=("text",),
        shared=True,
    )

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
        if sides and self.reader == READER:
            raise UserError(f"data.reader=datasets takes one data set; leave out data.{sides[0]}_csv and its like")
        self._refuse_classes(" for pairs")
        self.refuse_corrections("correct the table of pairs")
        if self.split is not None:
            raise UserError("data.split is for folders of photos; give pairs a column split with train, val or test")

    def at(self, path: str) -> Self:
        """The same for another file, whose own folder relative image paths start from."""
        dataset = replace(self.dataset, splits=None)
        return replace(self, path=path, dataset=dataset, image_base=None, train_csv=None, val_csv=None, test_csv=None)

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


def check_run(run: RunSettings) -> None:
    """Is nothing asked that only classes of photos have?

    Raises:
        UserError: It is.
    """
    if run.augmentation.mixup:
        raise UserError("augmentation.mixup mixes classes, which pairs don't have; set it to 0")
    if run.logger.thumbnails:
        raise UserError(f"logger.thumbnails={run.logger.thumbnails} shows photos, not pairs; set it to 0")
    if isinstance(run.method, GradientSettings) and isinstance(run.method.penalty, str):
        raise UserError(f"method.penalty={run.method.penalty} counts photos of a class; use a number or null")


@dataclass
class MismatchesSettings:
    """`thawline data mismatches`.

    Attributes:
        data: The file of pairs.
        encoder: Whose features say what is similar.
        store: The feature store.
        random: How many to make for each match with the text of any other row.
        hard: How many with the most similar text that is not true of the image.
        similar: What is similar: `texts` (like the true one) or `images` (texts of images like this one); null: texts
            where the encoder has text.
        out: The file to write; null: the file's name with -mismatches, beside it.
        accelerator: What to compute on: `auto`, `cpu`, `gpu` or `mps`.
        seed: Fixes which are drawn.
    """

    data: PairsSettings = MISSING
    encoder: EncoderSettings = MISSING
    store: StoreSettings = MISSING
    random: int = 1
    hard: int = 1
    similar: str | None = None
    out: str | None = None
    accelerator: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check_out(self.data, self.out)
        for key, count in (("random", self.random), ("hard", self.hard)):
            if not 0 <= count <= 100:
                raise UserError(f"{key}={count} must be 0 to 100, the mismatches made for each match")
        if not self.random + self.hard:
            raise UserError("random=0 hard=0 makes nothing; give one of them, random=1 say")
        if self.similar not in (None, "texts", "images"):
            raise UserError(f"similar={self.similar} is not known; use texts or images")


def _check_out(data: PairsSettings, out: str | None) -> None:
    """Refuse to write beside what is no file of the user's; raises UserError."""
    if data.reader == READER and out is None:
        raise UserError(f"{data.path} is a data set, beside which nothing is written; say where to write by out=…")


@dataclass
class DataSplitSettings:
    """`thawline data split`.

    Attributes:
        data: The file of pairs; `data.holdout` is the share of test.csv, `data.inner` that of val.csv in the rest.
        store: Where the facts of images are kept.
        out: The folder to write to; null: beside the file.
        seed: Fixes the split.
    """

    data: PairsSettings = MISSING
    store: StoreSettings = MISSING
    out: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that there is a place to write to."""
        _check_out(self.data, self.out)
