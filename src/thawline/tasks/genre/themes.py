"""Themes of lyrics as inputs beside descriptors. They do not follow from a file's bytes: the store has none of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.data.tracks.collection import TrackCollection
from thawline.errors import UserError
from thawline.fitting.feature_set import FeatureRows, Features, FeatureSet
from thawline.fitting.heads.audio import LayersHead
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.tail import Tail, final_features
from thawline.tasks.genre.settings import takes_themes
from thawline.tasks.genre.tables.themes import vocabulary
from thawline.tasks.settings import RunSettings


@dataclass(frozen=True)
class ThemedRows:
    """Descriptors of windows, each with the columns of its track's themes behind.

    Attributes:
        rows: The descriptors.
        columns: float32 [windows, themes], 1 where the theme was told and 0 elsewhere.
    """

    rows: FeatureRows
    columns: torch.Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, indices: NDArray[np.int64]) -> Features:
        """The features of the windows `indices`, [n, descriptors + themes]."""
        described = self.rows[indices]["features"].float()
        return {"features": torch.cat([described, self.columns[indices]], dim=1)}


def themes_of(settings: RunSettings, wanted: Sequence[str] | None, collection: TrackCollection) -> tuple[str, ...]:
    """The themes that are inputs of a run.

    Args:
        settings: The run's settings.
        wanted: What these say of themes: None: all of the vocabulary, where the encoder can have them and a track has
            one of them.
        collection: The tracks.

    Raises:
        UserError: A theme that is wanted is not in the vocabulary.
    """
    known = vocabulary()
    if wanted is not None:
        named = {name: known.theme_of(name) for name in wanted}
        if unknown := [name for name, theme in named.items() if theme is None]:
            raise UserError(f"data.themes has '{unknown[0]}', which is no theme; there are: {', '.join(known.names)}")
        return tuple(dict.fromkeys(theme for theme in named.values() if theme is not None))
    told = takes_themes(settings.encoder) and any(known.among(track.themes) for track in collection.tracks)
    return known.names if told else ()


def themed(
    rows: FeatureRows, owners: NDArray[np.int64], themes: Sequence[str], collection: TrackCollection
) -> FeatureRows:
    """`rows`, of windows of the tracks `owners`, with the columns of `themes` behind; as they are where none are."""
    if not themes:
        return rows
    chosen = vocabulary().only(themes)
    columns = np.stack([chosen.columns(track.themes) for track in collection.tracks])
    return ThemedRows(rows, torch.from_numpy(columns)[owners])


def measure(tail: Tail, samples: FeatureSet, themes: int) -> None:
    """Have a new head, which scales what enters it, take the scale of `samples`, whose last columns are `themes`.

    A theme that all of them have, or none, then adds nothing, where it would add by weights that were never trained.
    """
    if not isinstance(tail.head, DenseHead | LayersHead):
        return
    features = final_features(tail.stages, samples)
    tail.head.standardise.measure(features)
    if themes:
        constant = features[:, -themes:].amax(dim=0) == features[:, -themes:].amin(dim=0)
        tail.head.standardise.scale[-themes:][constant] = torch.inf
