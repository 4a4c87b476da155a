"""A track by its file's name, and what a folder or table holds of them."""

from dataclasses import dataclass
from pathlib import Path

from thawline.data.listing import PLAIN, LeftOut, Listed, Listing, Media

TRACKS = Media(
    "track",
    (
        *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".au", ".aif", ".aiff", ".aifc", ".caf", ".w64"),
        *(".m4a", ".mp4", ".aac", ".wma", ".wv", ".ape", ".mka", ".webm", ".amr", ".spx"),  # by ffmpeg
    ),
    {".mid": "MIDI", ".midi": "MIDI"},
)


@dataclass(frozen=True)
class ListedTrack:
    """A file that looks like a track by its name.

    Attributes:
        path: absolute.
        name: relative to the root, "/" between folders, always valid Unicode; what predictions and reports call it.
        label: the first of `labels`.
        labels: what the track is, in the order given.
        artist: who made it; None: not known.
        album: where it appeared; None: not known.
        side: "train", "val" or "test" where the collection comes split, else None.
        themes: of the lyrics, as they were told; none: not known.
    """

    path: Path
    name: str
    label: str
    labels: tuple[str, ...]
    artist: str | None = None
    album: str | None = None
    side: str | None = None
    themes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrackListing:
    """What a folder or table holds, before any file is read: classes sorted, tracks and left_out sorted by name.

    Attributes:
        root: the folder that names start from.
        classes: the tracks' first labels.
        tracks: each file once.
        left_out: files and rows that are not used.
        notes: sentences on the table, the split files or the folders themselves.
        layout: what folders were taken for, a sentence; "" of a table.
    """

    root: Path
    classes: tuple[str, ...]
    tracks: tuple[ListedTrack, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()
    layout: str = ""


def from_folders(listing: Listing, *, artists: bool = False) -> TrackListing:
    """Tracks of a folder per class; with `artists` the folders below say who made them and where they appeared."""
    tracks = tuple(_track_of_file(file, artists) for file in listing.photos)
    notes = () if listing.layout == PLAIN else (listing.layout,)
    return TrackListing(listing.root, listing.classes, tracks, listing.left_out, notes, listing.layout)


def _track_of_file(file: Listed, artists: bool) -> ListedTrack:
    artist, _, below = file.folder.partition("/") if artists else ("", "", "")
    album = below.partition("/")[0]
    return ListedTrack(
        file.path, file.name, file.label, (file.label,), artist=artist or None, album=album or None, side=file.side
    )
