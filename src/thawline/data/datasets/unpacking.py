"""A data set's files and labels on disk, as tasks read them: written once, found again by what the data set is.

Files that the data set names by their paths are used where they lie; those that it holds are written as they are.
"""

import hashlib
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import filelock
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from thawline import screen
from thawline.data.datasets.columns import SEVERAL, find_columns, rows_of
from thawline.data.datasets.opening import open_splits
from thawline.data.datasets.settings import IMAGE, DatasetSettings, Fields
from thawline.data.foreign import is_foreign, is_hidden
from thawline.data.listing import SIDES, SUFFIXES
from thawline.data.photos.headers import HEAD, sniff
from thawline.data.tables.places import Absent, Finder
from thawline.data.tracks.listed import TRACKS
from thawline.data.tracks.sound.kinds import sniff as sniff_sound
from thawline.errors import UserError
from thawline.files import write_folder, write_json

FOLDER = "datasets"  # below the feature store
TABLE = "table.parquet"
ABOUT = "about.json"
FILES = "files"
_VERSION = 1  # of what is written


def unpack(path: str, wanted: DatasetSettings, fields: Fields, store: Path, needed: Sequence[str]) -> Path:
    """The folder or table of a data set's rows, which is written unless it is there.

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
    room = store / FOLDER
    room.mkdir(parents=True, exist_ok=True)
    local = os.path.lexists(place)
    if local:
        # Known before the library is imported, which takes longer than most runs whose features are stored.
        known = room / _key({**said, "path": str(place.absolute()), "files": _stamps(place)})
        if known.is_dir():
            return _entry(known, fields)
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
                unpacked.tell(known)
    return _entry(known, fields)


def is_sided(unpacked: Path) -> bool:
    """Whether the folder of classes that `unpack` gave has its splits as folders around the classes."""
    return bool(json.loads((unpacked.parent / ABOUT).read_text(encoding="utf-8"))["sided"])


def _entry(folder: Path, fields: Fields) -> Path:
    return folder / TABLE if fields.path else folder / FILES


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
    if fields.path and "split" not in fields.columns:
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
        notes: What there is to say of rows, and of how many.
    """

    path: str
    fields: Fields
    place: Path | None
    notes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Begin with no row."""
        self._rows: list[dict[str, str]] = []
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
        """Fill `folder`: files, a table where the task reads one, and what this is."""
        base = folder if self.fields.path else folder / FILES
        for name, split in splits.items():
            inside = base / name if len(splits) > 1 else base
            inside.mkdir(parents=True, exist_ok=True)
            for number, (file, cells) in enumerate(rows_of(split, columns[name], self.fields.media)):
                stem = inside / f"{number:06d}"
                if self.fields.path:
                    told = {"split": side} if (side := sides[name]) else {}
                    if self.fields.numbered:
                        cells.setdefault(self.fields.numbered, str(number))
                    self._rows.append({self.fields.path: self._for_table(file, stem, folder), **cells, **told})
                else:
                    self._for_folder(file, stem, cells.get("label", ""))
        if self.fields.path:
            table = {name: [row.get(name, "") for row in self._rows] for name in self._names()}
            pq.write_table(pa.table(table), folder / TABLE)
        counts = {name: len(split) for name, split in splits.items()}
        write_json(folder / ABOUT, {"data set": self.path, "rows": counts, "sided": any(sides.values())})

    def tell(self, known: Path) -> None:
        """Say what was done, and what could not be used."""
        console = Console(stderr=True)
        screen.say(console, f"{self.path}: its files lie in {known} now, and are found there again")
        for note, count in self.notes.items():
            screen.say(console, f"{self.path}: {count:,} rows {note}")

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for row in self._rows for name in row))

    def _for_table(self, file: Mapping[str, Any], stem: Path, folder: Path) -> str:
        """What the table calls a row's file: relative where it is written here, absolute where it lies elsewhere."""
        if file["bytes"] is not None:
            digest = hashlib.sha256(file["bytes"]).hexdigest() if self.fields.shared else str(stem)
            if digest not in self._known:
                self._known[digest] = self._written(file, stem).relative_to(folder).as_posix()
            return self._known[digest]
        named = file["path"] or ""
        return str(self._found(named) or named)

    def _for_folder(self, file: Mapping[str, Any], stem: Path, labels: str) -> None:
        """Put a row's file into the folder of its class, or of each of its classes; without any, beside them."""
        folders = [stem.parent / self._folder(label) for label in labels.split(SEVERAL) if label] or [stem.parent]
        named, lies = file["path"] or "", None
        if file["bytes"] is None and (lies := self._found(named)) is None:
            self.notes[f"name no file that is there, such as {named!r}" if named else "have no file"] += 1
            return
        first: Path | None = None
        for folder in folders:
            folder.mkdir(exist_ok=True)
            beside = folder / stem.name
            if lies is not None:
                beside.with_name(f"{stem.name}{lies.suffix}").symlink_to(lies)
            elif first is None:
                first = self._written(file, beside)
            else:
                os.link(first, folder / first.name)

    def _folder(self, label: str) -> str:
        """The name of a class's folder."""
        name = unicodedata.normalize("NFC", label.strip()).replace("/", "-")
        if not name or is_hidden(name) or is_foreign(name) or "\0" in name:
            raise UserError(f"{self.path} has a class {label!r}, which can't name a folder; give it another name there")
        return name

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
