"""What was listed under other labels, or only part of it: of photos and tracks alike."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from thawline.data.listing import Listing, choose
from thawline.data.tracks.listed import TrackListing


def relabel_photos(listing: Listing, name: Mapping[str, str]) -> Listing:
    """The listing with `name` of each label in its place; labels without one stay. Several may become one."""
    photos = []
    for photo in listing.photos:
        labels, correction = _named(photo.each_label, name), photo.correction
        if correction is not None:
            correction = replace(correction, labels=_named(correction.labels, name))
        photos.append(replace(photo, label=labels[0], labels=labels if photo.labels else (), correction=correction))
    classes = tuple(sorted({name.get(label, label) for label in listing.classes}))
    return replace(listing, photos=tuple(photos), classes=classes)


def relabel_tracks(listing: TrackListing, name: Mapping[str, str]) -> TrackListing:
    """The same of tracks."""
    tracks = []
    for track in listing.tracks:
        labels = _named(track.labels, name)
        tracks.append(replace(track, label=labels[0], labels=labels))
    return replace(listing, tracks=tuple(tracks), classes=tuple(sorted({track.label for track in tracks})))


def choose_photos(listing: Listing, classes: Collection[str]) -> Listing:
    """What has one of `classes` for its first label."""
    photos = tuple(photo for photo in listing.photos if photo.label in classes)
    return replace(listing, photos=photos, classes=tuple(name for name in listing.classes if name in classes))


def take_classes(listing: Listing, wanted: Sequence[str]) -> Listing:
    """The photos of the classes `wanted` alone.

    Raises:
        UserError: There is no such class.
    """
    return choose_photos(listing, choose(wanted, listing.classes, listing.root))


def choose_tracks(listing: TrackListing, classes: Collection[str]) -> TrackListing:
    """The same of tracks."""
    tracks = tuple(track for track in listing.tracks if track.label in classes)
    return replace(listing, tracks=tracks, classes=tuple(sorted({track.label for track in tracks})))


def _named(labels: tuple[str, ...], name: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.get(label, label) for label in labels))
