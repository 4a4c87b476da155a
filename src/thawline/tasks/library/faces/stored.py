"""The faces of photos: from the feature store, or looked for and put there, once for each content.

A photo has as many rows of a shelf as it has faces, one at least, whose `count` says how many.
"""

import hashlib
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from thawline.encoders.encoder import Features
from thawline.features.facts import find_facts
from thawline.features.media import Photos
from thawline.features.passes.helping import HelpingProcesses
from thawline.features.progress import bar
from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore, Shelf, healing
from thawline.files import JSON
from thawline.tasks.library.faces.found import LOOKS, DetectedFaces
from thawline.tasks.library.faces.looking import Answer, Photo, load_network, look
from thawline.tasks.library.faces.settings import FacesSettings

_TOGETHER = 16  # photos whose faces are stored at once
_WORTH = 24  # photos for which a process of its own is started
_ENDED = (
    "a process that looked for faces was ended by the system, for want of memory perhaps; what was found is kept: try "
    "again, with faces.processes=1 if memory is short"
)


@dataclass(frozen=True)
class LookedAt:
    """What photos show.

    Attributes:
        found: By path: the faces, perhaps none, of each photo that can be used.
        problems: By path: why a photo can't be used.
        computed: Contents that were looked at now, not taken from the store.
    """

    found: Mapping[Path, DetectedFaces]
    problems: Mapping[Path, str]
    computed: int


@dataclass(frozen=True)
class _Named:
    path: Path
    name: str


@dataclass
class _Work:
    """A pass over photos, by their contents' digests."""

    shelf: Shelf
    photos: Mapping[str, Photo]
    settings: FacesSettings
    problems: dict[str, str] = field(default_factory=dict)
    computed: int = 0

    def read(self) -> dict[str, DetectedFaces]:
        """The faces of all that are in the store, after looking at the others."""
        lacking = self._lacking()
        if lacking:
            with self.shelf.filling():
                self._fill(self._lacking())  # another process may have filled it meanwhile
        usable = [digest for digest in self.photos if digest not in self.problems]
        counts = self._counts(usable)
        digests = [row_digest(digest, number) for digest in usable for number in range(max(1, counts[digest]))]
        if not digests:
            return {}
        rows = self.shelf.rows(digests)[:]
        encodings, looks = rows["encoding"].numpy(), rows["looks"].numpy()
        found, at = {}, 0
        for digest in usable:
            count = counts[digest]
            found[digest] = DetectedFaces(encodings[at : at + count], looks[at : at + count])
            at += max(1, count)
        return found

    def _lacking(self) -> list[str]:
        """Photos of which a row is missing."""
        there = self.shelf.digests() if self.shelf.index.exists() else set()
        begun = [digest for digest in self.photos if digest in there]
        counts = self._counts(begun)
        whole = {d for d in begun if all(row_digest(d, number) in there for number in range(counts[d]))}
        return [digest for digest in self.photos if digest not in whole and digest not in self.problems]

    def _counts(self, digests: Sequence[str]) -> dict[str, int]:
        """How many faces stored photos have."""
        if not digests:
            return {}
        counts = self.shelf.rows(digests)[:]["count"].flatten().tolist()
        return dict(zip(digests, counts, strict=True))

    def _fill(self, lacking: Sequence[str]) -> None:
        with bar("faces", "photos", len(lacking)) as tick, ExitStack() as stack:
            answers = _answers([self.photos[digest] for digest in lacking], self.settings, stack)
            pairs = zip(lacking, answers, strict=True)
            while some := list(islice(pairs, _TOGETHER)):
                found = [(digest, answer) for digest, answer in some if isinstance(answer, DetectedFaces)]
                self.problems |= {digest: answer for digest, answer in some if isinstance(answer, str)}
                if found:
                    self.shelf.append(*_rows(found))
                    self.computed += len(found)
                tick(len(some))


def find_faces(paths: Iterable[Path], store: FeatureStore, settings: FacesSettings) -> LookedAt:
    """The faces of photos. Each content is looked at once, ever, by one process.

    Args:
        paths: Of the photos.
        store: Where what is found is kept.
        settings: How they are found.

    Raises:
        UserError: The network is not installed, or the store can't be written.
    """
    key = load_network(settings).key()
    named = [_Named(path, str(path)) for path in dict.fromkeys(paths)]
    seen = find_facts(named, store, Photos(None, settings.max_megapixels))
    problems = {Path(name): facts.problem for name, facts in seen.items() if facts.problem is not None}
    photos: dict[str, Photo] = {}
    digests: dict[Path, str] = {}
    for name, facts in seen.items():
        if facts.problem is None:
            digests[Path(name)] = facts.digest
            photos.setdefault(facts.digest, Photo(Path(name), facts.digest, facts.width, facts.height))
    pixels: dict[str, JSON] = {"side": settings.side, "pillow": version("pillow")}
    shelf = store.shelf(shelf_key(key, pixels, cut=1, dtype="float32", device="cpu"), f"faces by {settings.network}")
    work = _Work(shelf, photos, settings)
    found = healing(work.read)
    problems |= {path: work.problems[digest] for path, digest in digests.items() if digest in work.problems}
    return LookedAt(
        {path: found[digest] for path, digest in digests.items() if digest in found}, problems, work.computed
    )


def row_digest(photo: str, number: int) -> str:
    """What names a face of a photo in the store: 64 hex digits, the photo's own for the first."""
    return photo if number == 0 else hashlib.sha256(f"{photo} face {number}".encode()).hexdigest()


def _answers(photos: Sequence[Photo], settings: FacesSettings, stack: ExitStack) -> Iterator[Answer]:
    """What is found in each photo, in order; by several processes where there are enough photos."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(settings.processes or cores, len(photos) // _WORTH)
    if count < 2:
        return (look(photo, settings) for photo in photos)
    # dlib holds the interpreter while it encodes, so that threads would wait for each other.
    pool = HelpingProcesses(count, multiprocessing.get_context("forkserver"), _ENDED)
    stack.callback(pool.shutdown, cancel_futures=True)
    return pool.map(look, photos, [settings] * len(photos))


def _rows(found: Sequence[tuple[str, DetectedFaces]]) -> tuple[list[str], Features]:
    """Rows of a shelf: those of each face, or one without a face."""
    digests, counts, encodings, looks = [], [], [], []
    for digest, faces in found:
        rows = max(1, len(faces))
        digests += [row_digest(digest, number) for number in range(rows)]
        counts += [len(faces)] * rows
        encodings.append(faces.encodings if len(faces) else np.zeros((1, faces.encodings.shape[1]), np.float32))
        looks.append(faces.looks if len(faces) else np.zeros((1, len(LOOKS)), np.float32))
    return digests, {
        "count": torch.tensor(counts, dtype=torch.int32)[:, None],
        "encoding": torch.from_numpy(np.concatenate(encodings)),
        "looks": torch.from_numpy(np.concatenate(looks)),
    }
