"""Which tracks a folder or a table holds."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from thawline.data.listing import LeftOut, as_text, choose, list_files
from thawline.data.tables.cells import several, side_of
from thawline.data.tables.named import BadRow, check_sided, find_named, folder_of, name_below, named_file
from thawline.data.tables.places import Absent, is_table, is_url
from thawline.data.tables.reading import Columns, Record, read_table
from thawline.data.tracks.listed import TRACKS, ListedTrack, TrackListing, from_folders
from thawline.data.walking import walk_files
from thawline.errors import UserError

COLUMNS = Columns(("audio_path", "label"), ("artist", "album", "split", "themes"), row="track")

# What a table of tracks to be judged may have.
_TO_JUDGE = Columns(("audio_path",), ("themes",), row="track")


def list_tracks(
    path: Path,
    classes: Sequence[str] | None = None,
    *,
    artists: bool = False,
    layout: str = "auto",
) -> TrackListing:
    """List the tracks of a collection without reading them.

    Args:
        path: a folder per genre, perhaps below train/, val/ and test/; or a table (CSV, Parquet) with the columns
            audio_path and label and, if wanted, artist, album, split and themes. Several labels or themes stand in one
            cell with "|" or ";" between them; relative paths start from the table's folder.
        classes: take only tracks whose first label is one of these; None takes all.
        artists: whether the folder below the genre's is the artist, and the one below that the album.
        layout: of folders, see `listing.list_files`.

    Raises:
        UserError: nothing there, no track, a class that is not there, or a table that cannot be read.
    """
    if is_table(path) or path.is_file():
        return _list_table(path, classes)
    listing = list_files(path, TRACKS, classes, layout=layout)
    return from_folders(listing, artists=artists)


def walk_tracks(
    paths: Iterable[str], unopened: dict[str, str], themes: dict[str, tuple[str, ...]], notes: list[str]
) -> Iterator[str]:
    """`walk_files` of tracks; in place of a table, the tracks that it names.

    Args:
        paths: Files, folders and tables with the column audio_path and perhaps themes.
        unopened: Gets the folders and tables that can't be read and the rows that name no track, which are given as
            well, and the reason.
        themes: Gets the themes that a table tells of its tracks before any of these is given.
        notes: Gets sentences on the tables themselves.
    """
    for path in paths:
        if not is_table(Path(path)):
            yield from walk_files([path], unopened, TRACKS)
            continue
        try:
            yield from _named(Path(path), unopened, themes, notes)
        except UserError as error:  # a table of something else, among tracks
            unopened[path] = str(error)
            yield path


def _named(table: Path, unopened: dict[str, str], themes: dict[str, tuple[str, ...]], notes: list[str]) -> list[str]:
    """The tracks that a table names, for `walk_tracks`."""
    root, names = table.parent, []
    read = read_table(table, _TO_JUDGE)
    found = find_named(read, "audio_path", root, notes, table)
    for record in read.records:
        written = record.values.get("audio_path", "").strip()
        # Not a bare name, which could be that of a file in the working directory.
        name = (written if is_url(written) else str(root / written)) if written else f"{table}, row {record.row}"
        try:
            if record.kind:
                raise BadRow(record.problem)
            name = str(_file(written, found))
            told = several(record.values.get("themes", ""))
            themes[name] = tuple(dict.fromkeys([*themes.get(name, ()), *told]))
        except BadRow as bad:
            unopened[name] = f"row {record.row}: {bad}"
        names.append(name)
    return names


def _list_table(path: Path, classes: Sequence[str] | None) -> TrackListing:
    read = read_table(path, COLUMNS)
    root = folder_of(path)
    notes: list[str] = []
    found = find_named(read, "audio_path", root, notes, path)
    tracks: dict[str, ListedTrack] = {}
    left_out = []
    for record in read.records:
        try:
            track = _track_of_row(record, root, found)
            if track.name in tracks:
                raise BadRow(
                    f"named again, as {track.label!r}" if track.labels != tracks[track.name].labels else "named again"
                )
            tracks[track.name] = track
        except BadRow as bad:
            name = record.values.get("audio_path", "").strip() or path.name
            left_out.append(LeftOut(as_text(name), f"row {record.row}: {bad}"))
    if not tracks:
        raise UserError(f"{path} names no track that is there; {left_out[0].name}, {left_out[0].reason}")
    check_sided(tracks.values(), path, "track")
    names = sorted({track.label for track in tracks.values()})
    wanted = set(names) if classes is None else choose(classes, names, path)
    chosen = [track for track in tracks.values() if track.label in wanted]
    return TrackListing(
        root,
        tuple(sorted({track.label for track in chosen})),
        tuple(sorted(chosen, key=lambda track: track.name)),
        tuple(sorted(left_out, key=lambda left: left.name)),
        tuple(notes),
    )


def _track_of_row(record: Record, root: Path, found: Mapping[str, Path | Absent]) -> ListedTrack:
    if record.kind:
        raise BadRow(record.problem)
    values = {name: unicodedata.normalize("NFC", value.strip()) for name, value in record.values.items()}
    written = record.values["audio_path"].strip()
    labels = several(values["label"])
    if not labels:
        raise BadRow("no label")
    side = side_of(values.get("split", ""))
    if values.get("split") and side is None:
        raise BadRow(f"the split {values['split']!r}, where train, val or test is meant")
    path = _file(written, found)
    return ListedTrack(
        path,
        name_below(path, root),
        labels[0],
        labels,
        artist=values.get("artist") or None,
        album=values.get("album") or None,
        side=side,
        themes=several(values.get("themes", "")),
    )


def _file(written: str, found: Mapping[str, Path | Absent]) -> Path:
    path = named_file(written, found)
    suffix = path.suffix.lower()
    if suffix in TRACKS.named:
        raise BadRow(f"not supported ({TRACKS.named[suffix]})")
    return path
