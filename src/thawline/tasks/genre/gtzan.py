"""GTZAN, as it is handed round: a thousand clips of 30 s, ten genres (G. Tzanetakis, P. Cook, IEEE TSAP 10(5), 2002).

Its faults (B. Sturm, The GTZAN dataset, arXiv:1306.1461): copies, several clips of one recording, and wrong labels; one
file of the usual download, jazz.00054.wav, is broken. Copies and the broken file are found as in any collection. Of the
rest the published split files (C. Kereliuk, B. Sturm, J. Larsen, IEEE TMM 17(11), 2015) take care: they leave faulty
clips out and keep each artist on one side.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from thawline.data.listing import SIDES, LeftOut, list_files
from thawline.data.tables.encodings import read_text
from thawline.data.tables.places import one_form
from thawline.data.tracks.listed import TRACKS, TrackListing, from_folders
from thawline.errors import UserError

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")

_INSIDE = ("", "genres", "genres_original", "Data/genres_original", "gtzan/genres")


def list_gtzan(root: Path, classes: Sequence[str] | None = None, splits: Sequence[Path] = ()) -> TrackListing:
    """List GTZAN's clips; no artists are known.

    Args:
        root: the folder of the genres, or one that holds it as genres/ or genres_original/.
        classes: take only these; None takes all.
        splits: split files with a clip in each line (`blues/blues.00029.wav`), their names beginning with train,
            valid (val, validation) or test, such as train_filtered.txt. Clips in none of them are left out.

    Raises:
        UserError: no genre folder there, or a split file that cannot be read or names a clip that another names.
    """
    listing = list_files(_genres_folder(root), TRACKS, classes)
    found = from_folders(listing)
    if not splits:
        return found
    notes: list[str] = []
    sides = _sides(splits, notes)
    tracks, left_out = [], list(found.left_out)
    for track in found.tracks:
        side = sides.pop(one_form(track.path.stem), None)
        if side is None:
            left_out.append(LeftOut(track.name, "in none of the split files"))
        else:
            tracks.append(replace(track, side=side[0]))
    wanted = None if classes is None else set(found.classes)
    left_out += [
        LeftOut(line, f"named by {file}, but not there")
        for _, file, line in sides.values()
        if wanted is None or line.split("/")[0] in wanted
    ]
    if not tracks:
        raise UserError(f"the split files name none of the clips in {found.root}; check that they are GTZAN's")
    return replace(
        found,
        classes=tuple(sorted({track.label for track in tracks})),
        tracks=tuple(tracks),
        left_out=tuple(sorted(left_out, key=lambda left: left.name)),
        notes=tuple(notes),
    )


def _genres_folder(root: Path) -> Path:
    for inside in _INSIDE:
        folder = root / inside
        if any((folder / genre).is_dir() for genre in GENRES):
            return folder
    raise UserError(f"{root} holds none of GTZAN's genre folders (blues, classical, country, …); check the path")


def _sides(splits: Sequence[Path], notes: list[str]) -> dict[str, tuple[str, str, str]]:
    """(side, split file, line) of each clip, by its name without folder and suffix; `notes` gets sentences."""
    sides: dict[str, tuple[str, str, str]] = {}
    for path in splits:
        side = next((side for word, side in SIDES.items() if path.stem.lower().startswith(word)), None)
        if side is None:
            raise UserError(
                f"the split file {path} does not say which side it is; let its name begin with train, valid or test"
            )
        decoded = read_text(path)
        notes += [decoded.note] if decoded.note else []
        for line in (line.strip().strip('"').replace("\\", "/") for line in decoded.text.splitlines()):
            if not line or line.startswith("#"):
                continue
            other = sides.setdefault(_clip(line), (side, path.name, line))
            if other[0] != side:
                raise UserError(f"both {other[1]} and {path.name} name {line}; a clip can be on one side only")
    return sides


def _clip(line: str) -> str:
    """A clip's name without folder and suffix; a line may leave the suffix out, and `blues.00029` has none."""
    path = Path(one_form(line))
    return path.stem if path.suffix.lower() in TRACKS.suffixes else path.name
