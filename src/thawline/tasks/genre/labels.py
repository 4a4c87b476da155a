"""Tracks that can have several labels: which labels are told, which track has which, and what the split goes by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.data.class_report import FEW_GROUPS
from thawline.data.listing import LeftOut
from thawline.data.tracks.collection import TrackCollection, build_tracks
from thawline.data.tracks.listed import TrackListing
from thawline.data.tracks.report import track_report
from thawline.data.tracks.track import TrackFacts
from thawline.errors import UserError
from thawline.tasks.genre.themes import with_themes

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Marked:
    """A collection of tracks that have several labels.

    Attributes:
        collection: The tracks that have at least one of the labels.
        names: The L labels that are told, sorted, or in the order of a finished run.
        true: Which of them each track has, [N, L].
        strata: The label by which a track is dealt out in a split, [N].
        rare: How many groups each label has that is left out as too rare.
    """

    collection: TrackCollection
    names: tuple[str, ...]
    true: BoolArray
    strata: NDArray[np.int64]
    rare: Mapping[str, int]

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON; tracks are counted under each of their labels."""
        by_label = dict(zip(self.names, self.true.T, strict=True))
        report: dict[str, Any] = track_report(self.collection, labels=by_label, rare_labels=dict(self.rare))
        if self.rare:
            named = ", ".join(f"{name!r} ({count})" for name, count in sorted(self.rare.items()))
            report["warnings"].append(f"Labels left out, since they are on fewer than {FEW_GROUPS} groups: {named}.")
        return with_themes(report, self.collection)


def mark(
    listing: TrackListing,
    facts: Mapping[str, TrackFacts],
    *,
    wanted: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
    folds: int | None = None,
) -> Marked:
    """Choose the labels that are told: those on enough groups; tracks that have none of them are left out.

    Args:
        listing: The tracks.
        facts: Of every listed track, by its name.
        wanted: Take only these labels; None: all.
        known: The labels of a finished run, which are taken as they are; None: there is none.
        folds: Of the cross-validation.

    Raises:
        UserError: No usable track, a wanted label that is not there, or fewer than two labels on enough groups.
    """
    everything = build_tracks(listing, facts, fewest=1)
    names, true = everything.marked()
    groups = {name: _groups(true[:, i], everything) for i, name in enumerate(names)}
    if absent := sorted(set(wanted or ()) - set(names)):
        raise UserError(f"{listing.root} has no usable track with the label {absent[0]!r}; it has {', '.join(names)}")
    asked = names if wanted is None else tuple(name for name in names if name in wanted)
    kept = tuple(known) if known is not None else tuple(name for name in asked if groups[name] >= FEW_GROUPS)
    if len(kept) < 2:
        had = ", ".join(f"{name} {groups[name]}" for name in asked)
        raise UserError(
            f"data.labels=several needs at least two labels on {FEW_GROUPS} groups of tracks each, and {listing.root} "
            f"has: {had}"
        )
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
    mine = np.array([[name in track.labels for name in kept] for track in collection.tracks])
    return Marked(
        collection,
        kept,
        mine,
        _strata(collection, kept, max(FEW_GROUPS, folds or 0)),
        {} if known is not None else {name: groups[name] for name in asked if name not in kept},
    )


def _groups(member: BoolArray, collection: TrackCollection) -> int:
    return len(np.unique(collection.grouping.ids[member]))


def _strata(collection: TrackCollection, names: Sequence[str], fewest: int) -> NDArray[np.int64]:
    """The first of each track's labels that is the first of enough groups for every fold to have some.

    A track that has no such label is dealt out with the label that is the first of most groups.
    """
    index = {name: i for i, name in enumerate(names)}
    own = [[index[label] for label in track.labels if label in index] for track in collection.tracks]
    first = np.array([labels[0] for labels in own], dtype=np.int64)
    sizes = np.array([_groups(first == i, collection) for i in range(len(names))])
    enough = set(np.flatnonzero(sizes >= fewest).tolist())
    most = int(sizes.argmax())
    return np.array([next((i for i in labels if i in enough), most) for labels in own], dtype=np.int64)
