"""Photos that are read while the program still imports its libraries, which takes seconds on one core.

What is begun here is taken by the survey, which reads whatever was not begun.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from thawline.data.listing import Listed
from thawline.data.photos.photo import PhotoFacts, read_photo
from thawline.data.photos.preprocessing import Preprocessing
from thawline.features.files import FileIndex, Stamp, stamps_of
from thawline.features.kinds import PHOTOS
from thawline.process import short_turns

if TYPE_CHECKING:
    import torch

_HELD_BYTES = 128 * 2**20  # of pixels that wait to be taken


@dataclass(frozen=True)
class Early:
    """A photo that was read: its stamp before that, its facts, its pixels."""

    stamp: Stamp | None
    facts: PhotoFacts
    pixels: torch.Tensor | None

    @property
    def entering(self) -> dict[str, dict[str, torch.Tensor]]:
        """What enters a network for each of its rows, which is one."""
        return {} if self.pixels is None else {self.facts.digest: {"pixels": self.pixels}}


_begun: dict[tuple[Path, Preprocessing], Future[Early]] = {}
_pools: list[ThreadPoolExecutor] = []
_reading = ExitStack()


def begin(photos: Sequence[Listed], store: Path, preprocessing: Preprocessing, max_megapixels: float) -> None:
    """Begin to read photos that the store does not know, on all cores but the one that imports.

    Args:
        photos: In the order in which a survey will ask for them.
        store: Root of the feature store, which need not exist.
        preprocessing: What their pixels go through.
        max_megapixels: Larger ones are refused.
    """
    known = FileIndex(store, PHOTOS).recall(stamps_of(photos)) if (store / PHOTOS.index).exists() else {}
    most = _HELD_BYTES // (3 * preprocessing.size**2)
    unknown = [photo.path for photo in photos if photo.path not in known][:most]
    if not unknown:
        return
    import scipy.fftpack  # noqa: F401  # what the threads would import: two threads that import can get in each other's way

    pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "thawline-ahead")
    _pools.append(pool)
    _reading.enter_context(short_turns())
    _begun.update({(path, preprocessing): pool.submit(_read, path, preprocessing, max_megapixels) for path in unknown})


def stop() -> None:
    """Begin no more; what is done, or under way, can still be taken."""
    while _pools:
        _pools.pop().shutdown(wait=False, cancel_futures=True)
    _reading.close()


def forget() -> None:
    """Drop what nobody took."""
    stop()
    _begun.clear()


def take(path: Path, preprocessing: Preprocessing | None) -> Early | None:
    """What was read of a photo, once; None if it was not begun for this preprocessing."""
    future = _begun.pop((path, preprocessing), None) if preprocessing else None
    return None if future is None or future.cancel() else future.result()


def _read(path: Path, preprocessing: Preprocessing, max_megapixels: float) -> Early:
    stamp = Stamp.found(path)
    return Early(stamp, *read_photo(path, preprocessing, max_megapixels))
