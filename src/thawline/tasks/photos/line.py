"""Photos, or the images of pairs, to the thaw lines of runs: what every task that looks at pictures begins with."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from thawline.data.listing import Listed
from thawline.data.photos.augmentation import Augmentation
from thawline.data.photos.photo import PhotoFacts
from thawline.encoders.encoder import Encoder
from thawline.errors import UserError
from thawline.features.media import Photos
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey, survey
from thawline.features.wanted import Wanted, wanted_features
from thawline.fitting.fit import imported_to_fit
from thawline.tasks.settings import RunSettings


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
    texts = ["transformers.models.clip.tokenization_clip"] if run.encoder.family == "clip" else []
    pictures = [] if run.logger.name == "none" else ["matplotlib.figure", "matplotlib.backends.backend_agg"]
    return [*first, *texts, *imported_to_fit(run.method), "scipy.special", *pictures]


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
