"""Settings of tracks, and what goes with them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from thawline.data.datasets.settings import AUDIO, READER, Fields
from thawline.data.settings import DataSettings
from thawline.encoders.settings import EncoderSettings, Gift
from thawline.errors import UserError
from thawline.tasks.settings import RunSettings

# The themes of lyrics that are inputs of a fit, in what was chosen for it.
THEMES = "themes"


@dataclass
class TracksSettings(DataSettings):
    """A folder of tracks, one folder a genre, or a CSV.

    Attributes:
        path: The folder, or a CSV with the columns `audio_path,label` and perhaps `artist,album,split,themes`.
        reader: `auto`; `artists` where each class folder has a folder for each artist; `gtzan` for that collection;
            `datasets` where `path` is a data set of that library.
        splits: Published split files of GTZAN, for `reader=gtzan`; null: none.
        reference: What a run is compared with, fitted on the same folds: `mfcc_svm`; null: the majority class. Not used
            with `labels=several`.
        themes: Themes of lyrics that are inputs beside descriptors; null: all that the package knows, where the CSV
            tells some; []: none.
    """

    fields: ClassVar[Fields] = Fields(
        AUDIO,
        "audio_path",
        {"label": ("label", "genre", "labels", "genres"), **{n: (n,) for n in ("artist", "album", "split", "themes")}},
    )
    readers: ClassVar[tuple[str, ...]] = ("auto", "artists", "gtzan", READER)

    splits: list[str] | None = None
    reference: str | None = "mfcc_svm"
    themes: list[str] | None = None

    def __post_init__(self) -> None:
        """Check the names."""
        super().__post_init__()
        if self.scored:
            raise UserError("data.labels=scores is for photos that a table names; tracks take one or several")
        self.refuse_corrections("move the tracks, or correct their table")
        if self.splits is not None and self.reader != "gtzan":
            raise UserError("data.splits names GTZAN's split files; add data.reader=gtzan, or use data.split")
        if self.reference not in (None, "mfcc_svm"):
            raise UserError(f"data.reference={self.reference} is not known; use mfcc_svm or null")

    def as_fitted(self, chosen: Mapping[str, Any]) -> Self:
        """The same with the themes that were inputs then, for which the fit has columns, whatever these tracks tell."""
        return replace(self, themes=chosen.get(THEMES, []))


def takes_themes(encoder: EncoderSettings) -> bool:
    """Whether themes of lyrics can be inputs beside what `encoder` gives."""
    return Gift.DESCRIPTORS in encoder.gifts


def check_run(run: RunSettings) -> None:
    """Is nothing asked that only photos have, or single classes, or descriptors?

    Raises:
        UserError: It is.
    """
    wanted, data = run.augmentation, run.data
    if wanted.changes_pixels:
        raise UserError(f"augmentation={wanted.name} varies photos; tracks take specaugment, mixup or none")
    if run.logger.thumbnails:
        raise UserError(f"logger.thumbnails={run.logger.thumbnails} shows photos, not tracks; set it to 0")
    if isinstance(data, TracksSettings) and data.themes and not takes_themes(run.encoder):
        raise UserError(
            f"data.themes={','.join(data.themes)} has themes, which are inputs of encoder=descriptors alone; "
            "leave it out"
        )
