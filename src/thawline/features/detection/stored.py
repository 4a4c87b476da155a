"""What a detector says of photos: from the feature store, or asked and put there, once for each content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch

from thawline.data.listing import Listed
from thawline.errors import UserError
from thawline.features.detection.detector import SIDE, Detector, DetectorInput
from thawline.features.detection.of_ultralytics import SUFFIXES, UltralyticsDetector
from thawline.features.detection.settings import PeopleFilterSettings
from thawline.features.facts import find_facts
from thawline.features.media import Photos
from thawline.features.progress import bar
from thawline.features.rehearsing.going_on import rehearsal
from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore, Shelf, healing

_TOGETHER = 16  # photos whose answers are stored at once


@dataclass(frozen=True)
class LookedAt:
    """What photos show.

    Attributes:
        confidences: How sure the detector is of the surest person, 0 to 1, by the name of each photo that can be used.
        problems: Why photos that seemed usable can't be looked at, by name.
        computed: Contents that were looked at now, not taken from the store.
    """

    confidences: Mapping[str, float]
    problems: Mapping[str, str]
    computed: int


@dataclass
class _Work:
    """A pass over photos, by their contents' digests."""

    shelf: Shelf
    photos: Mapping[str, DetectorInput]
    detector: Detector
    problems: dict[str, str] = field(default_factory=dict)
    computed: int = 0

    def read(self) -> dict[str, float]:
        """What is said of all, after the others were looked at."""
        if self._lacking():
            if rehearsal() is not None:
                raise UserError(
                    "people.detector has not looked at all of the photos yet, and what it says can't be foreseen; "
                    "'thawline data check' with the same people=… has it look, and keeps that"
                )
            with self.shelf.filling():
                self._fill(self._lacking())  # another process may have filled it meanwhile
        usable = [digest for digest in self.photos if digest not in self.problems]
        if not usable:
            return {}
        said = self.shelf.rows(usable)[:]["confidence"].flatten().tolist()
        return dict(zip(usable, said, strict=True))

    def _lacking(self) -> list[str]:
        there = self.shelf.digests() if self.shelf.index.exists() else set()
        return [digest for digest in self.photos if digest not in there and digest not in self.problems]

    def _fill(self, lacking: Sequence[str]) -> None:
        with bar("looking for people", "photos", len(lacking)) as tick:
            pairs = zip(lacking, self.detector.look([self.photos[digest] for digest in lacking]), strict=True)
            while some := list(islice(pairs, _TOGETHER)):
                self.problems |= {digest: said for digest, said in some if isinstance(said, str)}
                found = [(digest, said) for digest, said in some if not isinstance(said, str)]
                if found:
                    said = torch.tensor([one for _, one in found], dtype=torch.float32)[:, None]
                    self.computed += self.shelf.append([digest for digest, _ in found], {"confidence": said})
                tick(len(some))


def look_for_people(
    photos: Sequence[Listed],
    root: Path,
    settings: PeopleFilterSettings,
    max_megapixels: float,
    device: torch.device,
) -> LookedAt:
    """Which photos show people. Each content is looked at once, ever, by one process.

    Args:
        photos: Of a collection; those that can't be used are in nothing that is given back.
        root: Of the feature store.
        settings: Who looks, `settings.detector`.
        max_megapixels: Larger photos can't be used.
        device: What a detector of transformers computes on; ultralytics has the CPU.

    Raises:
        UserError: The detector can't be used, or the store can't be written.
    """
    detector = _detector(settings.detector or "", device)
    key = detector.key()
    store = FeatureStore(root)
    facts = find_facts(photos, store, Photos(None, max_megapixels))
    usable = {photo.name: facts[photo.name].digest for photo in photos if facts[photo.name].problem is None}
    shown = {
        usable[one.name]: DetectorInput(one.path, usable[one.name], max_megapixels)
        for one in photos
        if one.name in usable
    }
    shelf = store.shelf(
        shelf_key(key, {"side": SIDE}, cut=1, dtype="float32", device=detector.device), f"people by {settings.detector}"
    )
    work = _Work(shelf, shown, detector)
    said = healing(work.read)
    return LookedAt(
        {name: said[digest] for name, digest in usable.items() if digest in said},
        {name: work.problems[digest] for name, digest in usable.items() if digest in work.problems},
        work.computed,
    )


def _detector(name: str, device: torch.device) -> Detector:
    if Path(name).suffix.lower() in SUFFIXES:
        return UltralyticsDetector(name)
    from thawline.features.detection.of_transformers import TransformersDetector  # late, as the libraries are

    return TransformersDetector(name, device)
