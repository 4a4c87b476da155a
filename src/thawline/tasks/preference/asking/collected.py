"""The photos of a simulation: their features, groups and true answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.data.listing import Listed, list_photos
from thawline.data.photos.collection import Collection, build_collection
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.features.encoders import load_late
from thawline.features.media import Photos
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey, survey
from thawline.features.wanted import wanted_features
from thawline.tasks.preference.answers import DISLIKE, LIKE, SUPER_LIKE
from thawline.tasks.preference.asking.replay import HeldFeatures, LabelledItems
from thawline.tasks.preference.asking.settings import SimulateSettings
from thawline.tasks.preference.table import collect, read_feedback


@dataclass(frozen=True, eq=False)
class Collected:
    """What a simulation is made on.

    Attributes:
        known: The photos.
        answers: The true answer to each, [N].
        computed: Features that were computed now.
        read: Features that the store had.
    """

    known: LabelledItems
    answers: NDArray[np.str_]
    computed: int
    read: int


def collected(settings: SimulateSettings, device: torch.device) -> Collected:
    """Read the photos and bring them to the end of the encoder, in one pass.

    Raises:
        UserError: They can't be used, or it isn't said which are liked.
    """
    path = Path(settings.data.path).expanduser()
    if path.is_dir():
        listing = list_photos(path)
        wanted = _liked_classes(settings, listing.classes)
        found = _surveyed(listing.photos, settings, device)
        collection = build_collection(listing, found.facts, settings.data.min_groups)
        answers = [wanted.get(photo.label, DISLIKE) for photo in collection.photos]
    else:
        if settings.like is not None or settings.super_like is not None:
            raise UserError(f"like= and super_like= name classes of a folder; {path} has the answers itself")
        feedback = read_feedback(settings.data)
        found = _surveyed(feedback.listing.photos, settings, device)
        collection, feedback = collect(feedback, found.facts, settings.data)
        answers = list(feedback.answers(collection.names))
    return _known(collection, answers, found, settings)


def _known(collection: Collection, answers: Sequence[str], found: Survey[Any], settings: SimulateSettings) -> Collected:
    said = np.array(answers)
    weights = np.where(said == SUPER_LIKE, settings.data.super_like, 1.0)
    matrix = found.rows(collection.names)[:]["features"].float().numpy()
    known = LabelledItems(HeldFeatures(matrix), collection.grouping.ids, (said != DISLIKE).astype(np.int64), weights)
    return Collected(known, said, found.computed, found.read)


def _surveyed(photos: Sequence[Listed], settings: SimulateSettings, device: torch.device) -> Survey[Any]:
    loaded = load_late(settings.encoder, settings.store.root)
    encoder = loaded.image if isinstance(loaded, ClipTowers) else loaded
    if encoder.preprocessing is None:
        raise UserError(f"encoder={settings.encoder.name} sees no photos; use encoder=clip, say")
    store = FeatureStore(settings.store.root)
    wanted = wanted_features(
        encoder,
        store,
        Photos(replace(encoder.preprocessing, decode=settings.data.decode), settings.data.max_megapixels),
        cuts=[encoder.cut_for("head")],
        dtype=settings.store.dtype,
        device=device,
        label=settings.encoder.model or settings.encoder.name,
    )
    return survey(photos, store, wanted)


def _liked_classes(settings: SimulateSettings, classes: Sequence[str]) -> dict[str, str]:
    """The answer to the photos of each class that is liked.

    Raises:
        UserError: None is, all are, one is liked in two ways, or there is no such class.
    """
    answers: dict[str, str] = {}
    for answer, given in ((LIKE, settings.like), (SUPER_LIKE, settings.super_like)):
        for name in map(str, given if isinstance(given, list) else [] if given is None else [given]):
            if name not in classes:
                raise UserError(f"{answer}={name} is no class of {settings.data.path}; there are: {', '.join(classes)}")
            if name in answers:
                raise UserError(f"{answer}={name} names a class twice; it is liked in one way")
            answers[name] = answer
    if not answers or len(answers) == len(classes):
        which = "which classes are liked" if not answers else "a class that is not liked"
        raise UserError(
            f"a simulation on a folder must be told {which}: like=CLASS super_like=CLASS, of {', '.join(classes)}"
        )
    return answers
