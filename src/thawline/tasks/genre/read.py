"""The tracks of a run, read, grouped, cut into windows and brought to the thaw line."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch

from thawline.data.tracks.collection import build_tracks
from thawline.tasks.classes import given_sides, number_classes
from thawline.tasks.genre.features import load_encoder, survey_tracks
from thawline.tasks.genre.labels import mark
from thawline.tasks.genre.listed import list_task, tracks_settings
from thawline.tasks.genre.problem import GenreProblem
from thawline.tasks.genre.tags import TagsProblem
from thawline.tasks.genre.themes import themed, themes_of
from thawline.tasks.settings import RunSettings


def read_genre(settings: RunSettings, device: torch.device, classes: Sequence[str] | None = None) -> GenreProblem:
    """Read the tracks of `settings.data`, group them, and bring their windows to the thaw line.

    Args:
        settings: The run's settings.
        device: What the frozen part is computed on.
        classes: The classes of a finished run, when other tracks are judged by it; None: those of the collection.

    Raises:
        UserError: The tracks, the encoder or the split can't be used.
    """
    data = tracks_settings(settings)
    listing = list_task(data, new=classes is not None)
    encoder = load_encoder(settings)
    cut = encoder.cut_for(settings.cut)
    found, wanted = survey_tracks(listing.tracks, [settings], encoder, device)
    marked = None
    if data.several_labels:
        marked = mark(
            listing,
            found.facts,
            wanted=data.classes,
            known=classes,
            min_groups=data.min_groups,
            folds=settings.cv,
        )
    collection = build_tracks(listing, found.facts, min_groups=data.min_groups) if marked is None else marked.collection
    names, labels = number_classes(collection, classes) if marked is None else (marked.names, marked.strata)
    counts = [len(wanted.medium.rows(facts)) for facts in collection.facts]
    owners = np.repeat(np.arange(len(counts)), counts)
    themes = themes_of(settings, data.themes, collection)
    read = GenreProblem(
        settings=settings,
        classes=names,
        collection=collection,
        labels=labels,
        sides=given_sides(collection, data.split),
        encoder=encoder,
        cut=cut,
        rows=themed(found.rows(collection.names), owners, themes, collection),
        owners=owners,
        themes=themes,
        computed=found.computed,
        read=found.read,
    )
    if marked is None:
        return read
    return TagsProblem(**{each.name: getattr(read, each.name) for each in fields(read)}, marked=marked)
