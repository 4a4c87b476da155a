"""A data set's files and labels on disk, as tasks read them: written once, found again by what the data set is.

Files that the data set names by their paths are used where they lie; those that it holds are written as they are.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from thawline import output, screen
from thawline.data.datasets.columns import find_columns, rows_of
from thawline.data.datasets.opening import open_splits
from thawline.data.datasets.settings import FOLDER, IMAGE, DatasetSettings, Fields
from thawline.data.listing import SIDES, SUFFIXES
from thawline.data.photos.decoding.headers import HEAD, sniff
from thawline.data.tables.places import Absent, Finder, is_url
from thawline.data.tracks.listed import TRACKS
from thawline.data.tracks.sound.kinds import sniff as sniff_sound
from thawline.errors import UserError
from thawline.files import write_folder, write_json

TABLE = "table.parquet"
ABOUT = "about.json"
_ABSENT = "absent"  # a folder that there is not
_VERSION = 1  # of what is written


def unpack(path: str, wanted: DatasetSettings, fields: Fields, store: Path, needed: Sequence[str]) -> Path:
    """The table of a data set's rows beside their files, which is written unless it is there.

    Args:
        path: The data set, see `opening.open_splits`.
        wanted: What is read of it.
        fields: What the task reads.
        store: The feature store, below which it is kept.
        needed: The columns that must be there, besides the files.

    Raises:
        UserError: The data set, a split or a column is not there, or can't be used.
    """
    place = Path(path).expanduser()
    said: dict[str, Any] = {
        "version": _VERSION,
        "wanted": asdict(wanted),
        "fields": asdict(fields),
        "needed": list(needed),
    }
    (store / FOLDER).mkdir(parents=True, exist_ok=True)
    room = (store / FOLDER).resolve()  # a plan's own store has a link to that of the store that counts
    local = os.path.lexists(place)
    if local:
        # Known before the library is imported, which takes longer than most runs whose features are stored.
        known = room / _key({**said, "path": str(place.absolute()), "files": _stamps(place)})
        if known.is_dir():
            return known / TABLE
    with open_splits(path, wanted, room) as splits:
        if not local:
            prints = {name: split._fingerprint for name, split in splits.items()}
            known = room / _key({**said, "path": path, "splits": prints})
        sides = _sides(path, list(splits), fields)
        columns = {
            name: find_columns(split.features, path, fields, wanted.columns or {}, needed)
            for name, split in splits.items()
        }
        with filelock.FileLock(room / f"{known.name}.lock"):
            if not known.is_dir():
                unpacked = _Unpacked(path, fields, place if local else None)
                write_folder(known, lambda folder: unpacked.write(folder, splits, columns, sides), many=True)
                note = f"{path}: its files lie in {known} now, and are found there again"
                screen.say(Console(stderr=True, quiet=output.form().quiet), note)
    return known / TABLE


def _key(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def _stamps(place: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of the file, or of all files in the folder."""
    files = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
    found = [(str(path.relative_to(place)), path.stat()) for path in files]
    return [(name, status.st_size, status.st_mtime_ns) for name, status in found]


def _sides(path: str, splits: Sequence[str], fields: Fields) -> dict[str, str | None]:
    """The side that each split is; None for all where there is one alone, or none is asked for."""
    if len(splits) == 1 or fields.judged:
        return dict.fromkeys(splits)
    sides = {name: SIDES.get(name.lower()) for name in splits}
    if "split" not in fields.columns:
        raise UserError(
            f"{path} has the splits {', '.join(splits)}, and this task takes no given split; choose one by "
            "data.dataset.splits=[…]"
        )
    if odd := [name for name, side in sides.items() if side is None]:
        raise UserError(
            f"{path} has the splits {', '.join(splits)}, and '{odd[0]}' is none of train, validation and test; choose "
            "by data.dataset.splits=[…]"
        )
    return sides


@dataclass
class _Unpacked:
    """What is written of one data set.

    Attributes:
        path: The data set as it was named.
        fields: What the task reads.
        place: The data set on this disk; None: it is the Hub's.
    """

    path: str
    fields: Fields
    place: Path | None

    def __post_init__(self) -> None:
        """Look for files that rows name beside the data set."""
        self._known: dict[str, str] = {}  # files that rows may share, by their digests
        near = Path() if self.place is None else self.place if self.place.is_dir() else self.place.parent
        self._finder = Finder(near.absolute())

    def write(
        self,
        folder: Path,
        splits: Mapping[str, Any],
        columns: Mapping[str, Mapping[str, str]],
        sides: Mapping[str, str | None],
    ) -> None:
        """Fill `folder`: the files, the table, and what this is."""
        rows: list[dict[str, str]] = []
        for name, split in splits.items():
            inside = folder / name if len(splits) > 1 else folder
            inside.mkdir(exist_ok=True)
            told = {"split": side} if (side := sides[name]) else {}
            for number, (file, cells) in enumerate(rows_of(split, columns[name], self.fields.media)):
                if self.fields.numbered:
                    cells.setdefault(self.fields.numbered, str(number))
                called = self._called(file, inside / f"{number:06d}", folder)
                rows.append({self.fields.path: called, **cells, **told})
        names = dict.fromkeys(name for row in rows for name in row)
        pq.write_table(pa.table({name: [row.get(name, "") for row in rows] for name in names}), folder / TABLE)
        counts = {name: len(split) for name, split in splits.items()}
        write_json(folder / ABOUT, {"data set": self.path, "rows": counts})

    def _called(self, file: Mapping[str, Any], stem: Path, folder: Path) -> str:
        """Write a row's file, unless it lies elsewhere, and say what the table calls it."""
        if file["bytes"] is not None:
            digest = hashlib.sha256(file["bytes"]).hexdigest() if self.fields.shared else str(stem)
            if digest not in self._known:
                self._known[digest] = self._written(file, stem).relative_to(folder).as_posix()
            return self._known[digest]
        named = file["path"] or ""
        if (lies := self._found(named)) is not None:
            return str(lies)
        # No path whose end could be taken for that of another row's file, which is written here.
        return named if is_url(named) or not named else f"{_ABSENT}/{named.lstrip('/')}"

    def _written(self, file: Mapping[str, Any], stem: Path) -> Path:
        """Write what a row holds, as it is."""
        target = stem.with_name(f"{stem.name}{self._suffix(file)}")
        target.write_bytes(file["bytes"])
        return target

    def _suffix(self, file: Mapping[str, Any]) -> str:
        """That of the name that the row gives, or what its bytes are."""
        photo = self.fields.media == IMAGE
        given = Path(file["path"] or "").suffix.lower()
        if given in (SUFFIXES if photo else (*TRACKS.suffixes, *TRACKS.named)):
            return given
        kind = (sniff if photo else sniff_sound)(file["bytes"][:HEAD])
        return f".{kind.lower()}" if kind is not None and kind.isalnum() else ""

    def _found(self, named: str) -> Path | None:
        """The file that a row names.

        Raises:
            UserError: A data set of the Hub names one that was not fetched with it.
        """
        lies = self._finder.find_all([named])[named] if named else None
        if lies is None or isinstance(lies, Absent):
            return None
        if self.place is None and not any(lies.resolve().is_relative_to(one) for one in _fetched()):
            raise UserError(f"{self.path} names {lies}, a file of this machine that is none of its own; it is not read")
        return lies


def _fetched() -> list[Path]:
    """The folders that the libraries fetch into."""
    from datasets import config
    from huggingface_hub import constants

    return [Path(str(one)).resolve() for one in (config.HF_DATASETS_CACHE, constants.HF_HUB_CACHE)]
