"""Settings of the verbs on the database."""

from dataclasses import dataclass

from omegaconf import MISSING

from thawline.data.photos.preprocessing import MAX_MEGAPIXELS
from thawline.data.settings import check_megapixels
from thawline.features.settings import StoreSettings
from thawline.runs.settings import PathsSettings
from thawline.versions.settings import VersionsSettings


@dataclass
class AnswersSettings:
    """`thawline preference import|export|add|answer|remove`.

    Attributes:
        file: `import`: the table of answers.
        folder: `add`: the folder of photos.
        item: `answer`, `remove`: the path, number or digest of an item.
        answer: `answer`: like, dislike, super_like, or none, which deletes what was answered.
        out: `export`: the CSV to write.
        all: `export`: whether answers that were corrected or deleted are written too.
        by_folder: `add`: whether the photos in one folder below are of one group, a person or a shoot.
        max_megapixels: `add`: a larger photo is left out.
        versions: The registry and its database.
        store: The feature store, where facts of files are kept.
        paths: Where the registry lies.
    """

    file: str | None = None
    folder: str | None = None
    item: str | None = None
    answer: str | None = None
    out: str = "feedback.csv"
    all: bool = False
    by_folder: bool = False
    max_megapixels: float = MAX_MEGAPIXELS
    versions: VersionsSettings = MISSING
    store: StoreSettings = MISSING
    paths: PathsSettings = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_megapixels(self.max_megapixels)
