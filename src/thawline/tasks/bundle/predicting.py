"""What `thawline predict` asks of a task."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from thawline.data.datasets.settings import READER, DatasetSettings
from thawline.data.photos.preprocessing import MAX_MEGAPIXELS
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.tasks.settings import PromptSettings


@dataclass
class PredictData:
    """What `thawline predict base` is asked for.

    Attributes:
        classes: Names of the classes.
        reader: `datasets` where a data set of that library is judged, of bundles too; `auto`: files and folders are.
        dataset: What is read of a data set.
        decode: `reduced` (JPEGs at a reduced scale, at least twice the target) or `full`.
        max_megapixels: A larger photo, or one that takes as much memory to decode, is not judged; for bundles too.
    """

    classes: list[str] | None = None
    reader: str = "auto"
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    decode: str = "reduced"
    max_megapixels: float = MAX_MEGAPIXELS

    def __post_init__(self) -> None:
        """Check the reader."""
        if self.reader not in ("auto", READER):
            raise UserError(f"data.reader={self.reader} is not known; use auto or {READER}")
        if self.reader != READER and self.dataset != DatasetSettings():
            raise UserError(f"data.dataset says what is read of a data set; add data.reader={READER}, or leave it out")


# In place of a bundle: the pretrained encoder, zero-shot.
BASE = "base"


@dataclass
class PredictSettings:
    """`thawline predict`.

    Attributes:
        bundle: A directory that `thawline export` wrote; `base`: the pretrained encoder, zero-shot.
        files: Files, folders, and `-` for a list on standard input.
        out: A file that ends in .jsonl or .parquet; null: standard output. Of a data set a file that ends in .parquet,
            or a folder: the same rows, with columns of what is said of them.
        nul: Whether the list on standard input is separated by NUL instead of newlines.
        calibrated: Whether probabilities are at the bundle's temperature; null: of tracks, whose record has both.
        top: Of tracks: how many genres are listed as predictions.
        percent: Of tracks: whether scores are 0 to 100 in place of 0 to 1.
        accelerator: What to compute on.
        data: For `base`.
        encoder: For `base`.
        prompts: For `base`.
        store: For `base`: where the prompts' features are kept.
    """

    bundle: str = MISSING
    files: list[str] = MISSING
    out: str | None = None
    nul: bool = False
    calibrated: bool | None = None
    top: int = 3
    percent: bool = False
    accelerator: str = "auto"
    data: PredictData = field(default_factory=PredictData)
    encoder: EncoderSettings = MISSING
    prompts: PromptSettings = field(default_factory=PromptSettings)
    store: StoreSettings = MISSING

    def __post_init__(self) -> None:
        """Check the range."""
        if self.top < 1:
            raise UserError(f"top={self.top} must be at least 1")

    def refuse_of_tracks(self) -> None:
        """Refuse what only a record of a track has; raises UserError."""
        if self.percent or self.top != type(self).top:
            raise UserError("top and percent are for bundles of tracks; leave them out")
