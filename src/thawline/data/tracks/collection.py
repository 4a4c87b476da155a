"""A collection of tracks: the usable ones with their labels and groups, and what was left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from thawline.data.groups import Grouping, scarce_classes
from thawline.data.listing import LeftOut
from thawline.data.tracks.groups import group_tracks
from thawline.data.tracks.listed import ListedTrack, TrackListing
from thawline.data.tracks.track import TrackFacts
from thawline.errors import UserError


@dataclass(frozen=True, eq=False)
class TrackCollection:
    """N usable tracks, in the order of their names.

    Attributes:
        root: the folder that names start from.
        classes: the C classes that have usable tracks, sorted: the tracks' first labels.
        tracks: N.
        facts: N, none with a problem.
        labels: int64 [N], indices into `classes`.
        grouping: who must stay together.
        left_out: what is not used, sorted by name.
        layout: what the folders were taken for, a sentence; "" of a table.
    """

    root: Path
    classes: tuple[str, ...]
    tracks: tuple[ListedTrack, ...]
    facts: tuple[TrackFacts, ...]
    labels: npt.NDArray[np.int64]
    grouping: Grouping
    left_out: tuple[LeftOut, ...]
    layout: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """[N] names relative to the root."""
        return tuple(track.name for track in self.tracks)

    @property
    def sides(self) -> npt.NDArray[np.str_] | None:
        """[N] "train", "val" or "test" if the collection came split, else None."""
        sides = [track.side for track in self.tracks if track.side is not None]
        return np.array(sides) if sides else None

    def marked(self) -> tuple[tuple[str, ...], npt.NDArray[np.bool_]]:
        """All L labels, sorted, and which a track has, bool [N, L]: a track can have several."""
        names = tuple(sorted({label for track in self.tracks for label in track.labels}))
        return names, np.array([[name in track.labels for name in names] for track in self.tracks])


def build_tracks(
    listing: TrackListing, facts: Mapping[str, TrackFacts], *, fewest: int = 2, min_groups: int = 1
) -> TrackCollection:
    """Join a listing with what reading the files gave.

    Args:
        listing: the tracks.
        facts: of every listed track, by `ListedTrack.name`.
        fewest: first labels that there must be: 1, where a track's other labels count as well.
        min_groups: classes of fewer groups are left out.

    Raises:
        UserError: no usable track, or fewer than `fewest` classes with usable tracks.
    """
    tracks = [track for track in listing.tracks if facts[track.name].problem is None]
    broken = [LeftOut(track.name, reason) for track in listing.tracks if (reason := facts[track.name].problem)]
    first = f"{broken[0].name}: {broken[0].reason}" if broken else ""
    if not tracks:
        raise UserError(f"none of the {len(broken)} tracks in {listing.root} can be used; {first}")
    classes = sorted({track.label for track in tracks})
    if len(classes) < fewest:
        emptied = f" ({first})" if broken else ""
        raise UserError(
            f"{listing.root} has usable tracks of one class only, {classes[0]!r}{emptied}; at least two are needed"
        )
    usable = [facts[track.name] for track in tracks]
    grouping = group_tracks(tracks, usable)
    scarce = scarce_classes([track.label for track in tracks], grouping, min_groups)
    if scarce:
        kept = tuple(track for track in listing.tracks if track.label not in scarce)
        left_out = tuple(LeftOut(name, reason) for name, reason in scarce.items())
        if not kept:
            raise UserError(f"every class in {listing.root} has fewer than data.min_groups={min_groups} groups")
        fewer = replace(listing, tracks=kept, left_out=listing.left_out + left_out)
        return build_tracks(fewer, facts, fewest=fewest, min_groups=min_groups)
    return TrackCollection(
        root=listing.root,
        classes=tuple(classes),
        tracks=tuple(tracks),
        facts=tuple(usable),
        labels=np.array([classes.index(track.label) for track in tracks], dtype=np.int64),
        grouping=grouping,
        left_out=tuple(sorted([*listing.left_out, *broken], key=lambda left: left.name)),
        layout=listing.layout,
    )
