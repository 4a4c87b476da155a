"""Tracks that can have several labels: which labels are told, which track has which, and what the split goes by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thawline.data.class_report import FEW_GROUPS
from thawline.data.listing import LeftOut
from thawline.data.tracks.collection import TrackCollection, build_tracks
from thawline.data.tracks.listed import TrackListing
from thawline.data.tracks.report import track_report
from thawline.data.tracks.track import TrackFacts
from thawline.errors import UserError
from thawline.tasks.genre.tables.theme_report import with_themes
from thawline.tasks.tags.told import Told, choose_labels, choose_strata, count_groups


@dataclass(frozen=True, eq=False)
class Marked(Told):
    """A collection of tracks that have several labels.

    Attributes:
        collection: The tracks that have at least one of the labels.
    """

    collection: TrackCollection

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON; tracks are counted under each of their labels."""
        by_label = dict(zip(self.names, self.true.T, strict=True))
        report: dict[str, Any] = track_report(self.collection, labels=by_label, rare_labels=dict(self.rare))
        report["warnings"] += self.rarity()
        return with_themes(report, self.collection)


def mark(
    listing: TrackListing,
    facts: Mapping[str, TrackFacts],
    *,
    wanted: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
    min_groups: int = 1,
    folds: int | None = None,
) -> Marked:
    """Choose the labels that are told: those on enough groups; tracks that have none of them are left out.

    Args:
        listing: The tracks.
        facts: Of every listed track, by its name.
        wanted: Take only these labels; None: all.
        known: The labels of a finished run, which are taken as they are; None: there is none.
        min_groups: That a label must be on, if that is more than five.
        folds: Of the cross-validation.

    Raises:
        UserError: No usable track, a wanted label that is not there, or fewer than two labels on enough groups.
    """
    everything = build_tracks(listing, facts, fewest=1)
    names, true = everything.marked()
    groups = {name: count_groups(true[:, i], everything.grouping) for i, name in enumerate(names)}
    fewest = max(FEW_GROUPS, min_groups)
    kept, rare, unknown = choose_labels(groups, fewest, wanted=wanted, known=known, where=listing.root, noun="track")
    having = [track for track in listing.tracks if set(track.labels) & set(kept)]
    without = [track for track in listing.tracks if not set(track.labels) & set(kept)]
    left_out = [LeftOut(track.name, "none of its labels is told") for track in without]
    if not having:
        raise UserError(f"no track of {listing.root} has one of the run's labels ({', '.join(kept)})")
    fewer = replace(
        listing,
        tracks=tuple(having),
        left_out=tuple(sorted([*listing.left_out, *left_out], key=lambda left: left.name)),
    )
    collection = build_tracks(fewer, facts, fewest=1)
    index = {name: i for i, name in enumerate(kept)}
    own = [[index[label] for label in track.labels if label in index] for track in collection.tracks]
    true = np.zeros((len(own), len(kept)), dtype=np.bool_)
    for row, labels in zip(true, own, strict=True):
        row[labels] = True
    return Marked(
        names=kept,
        true=true,
        strata=choose_strata(own, len(kept), collection.grouping, max(FEW_GROUPS, folds or 0)),
        rare=rare,
        collection=collection,
        fewest=fewest,
        unknown=unknown,
    )
