"""Photos, or the images of pairs, to the thaw lines of runs: what every task that looks at pictures begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from thawline.data.listing import Listed, Listing
from thawline.data.photos.augmentation import Augmentation
from thawline.data.photos.collection import Collection
from thawline.data.photos.photo import PhotoFacts
from thawline.data.photos.report import data_report, print_report
from thawline.data.settings import DataSettings
from thawline.encoders.encoder import Encoder
from thawline.errors import UserError
from thawline.features.media import Photos
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey, survey
from thawline.features.wanted import Wanted, wanted_features
from thawline.fitting.fit import imported_to_fit
from thawline.tasks.settings import RunSettings

# Bytes of one photo's features at the head, for the widest encoder that has a conf file (ResNet50, 2,048 numbers).
HEAD_BYTES = 4 * 2048


def survey_photos(
    photos: Sequence[Listed], runs: Sequence[RunSettings], encoder: Encoder, device: torch.device
) -> tuple[Survey[PhotoFacts], Wanted[PhotoFacts]]:
    """Bring photos to the thaw lines of `runs` in one pass. The runs differ in what lies above these lines.

    Raises:
        UserError: The encoder can't be cut where a run wants it.
    """
    first = runs[0]
    assert encoder.preprocessing is not None  # noqa: S101  # image encoders have one
    store = FeatureStore(first.store.root)
    wanted = wanted_features(
        encoder,
        store,
        Photos(replace(encoder.preprocessing, decode=first.data.decode), first.data.max_megapixels),
        cuts=[encoder.cut_for(run.cut) for run in runs],
        views=first.augmentation.views,
        dtype=first.store.dtype,
        device=device,
        label=encoder_name(first),
        augment=Augmentation(first.augmentation).view,
        augmentation=first.augmentation.key(),
        compiled=first.trainer.compile,
    )
    return survey(photos, store, wanted, later=imported_later(first), cluster=first.cluster), wanted


def imported_later(run: RunSettings) -> list[str]:
    """What fitting and judging a run need and its pass over the files does not, by name."""
    # The first is what threads that read photos import as well: whoever is second waits for it alone.
    first = ["scipy.fftpack"]
    pictures = [] if run.logger.name == "none" else ["matplotlib.figure", "matplotlib.backends.backend_agg"]
    return [*first, *imported_to_fit(run.method), "scipy.special", *pictures]


def encoder_name(settings: RunSettings) -> str:
    """What to call the image encoder on screen."""
    return settings.encoder.model or settings.encoder.name


def has_line(encoder: Encoder, run: RunSettings, refusals: list[UserError]) -> bool:
    """Whether the encoder can be cut where the run wants it; if not, `refusals` gets the reason."""
    try:
        encoder.cut_for(run.cut)
    except UserError as error:
        refusals.append(error)
        return False
    return True


def photo_facts(listing: Listing, data: DataSettings, store: Path) -> Mapping[str, PhotoFacts]:
    """What is known of the photos of `listing`, by their names, where no network looks at them."""
    return survey(listing.photos, FeatureStore(store), Photos(max_megapixels=data.max_megapixels)).facts


def show_collection(collection: Collection, console: Console, report: dict[str, Any] | None = None) -> dict[str, Any]:
    """Show what `thawline data check` says of photos, their `report` or that of classes, and give it as plain JSON."""
    size = HEAD_BYTES * len({fact.digest for fact in collection.facts})
    report = {**(report or data_report(collection)), "store_bytes": size}
    print_report(report, console)
    return report
