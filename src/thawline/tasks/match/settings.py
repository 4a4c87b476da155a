"""The settings of the verbs that only files of pairs have."""

from dataclasses import dataclass

from omegaconf import MISSING

from thawline.data.settings import PairsSettings
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings


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
        for key, count in (("random", self.random), ("hard", self.hard)):
            if not 0 <= count <= 100:
                raise UserError(f"{key}={count} must be 0 to 100, the mismatches made for each match")
        if not self.random + self.hard:
            raise UserError("random=0 hard=0 makes nothing; give one of them, random=1 say")
        if self.similar not in (None, "texts", "images"):
            raise UserError(f"similar={self.similar} is not known; use texts or images")


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
