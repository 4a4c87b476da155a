"""A track to be judged: a file, or its samples in memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from thawline.data.tracks.sound.memory import InMemory
from thawline.errors import UserError

AnyTrack = str | os.PathLike[str] | InMemory
T = TypeVar("T")


def source_of(track: Any) -> Path | InMemory:
    """What `read_track` reads for a track.

    Raises:
        UserError: It is none.
    """
    if isinstance(track, str | os.PathLike):
        return Path(track)
    if _in_memory(track):
        array, rate = track
        if isinstance(array, np.ndarray):
            return array, rate
        raise UserError("a track in memory is (array, rate), and not (rate, array)")
    kind = type(track).__name__
    raise UserError(
        f"a track is a path or (array, rate), NumPy's samples and how many there are a second, and no {kind}"
    )


def read_ahead(tracks: AnyTrack | Iterable[AnyTrack], read: Callable[[AnyTrack], T]) -> Iterator[tuple[str, T]]:
    """What each of `tracks`, or a single one, is called, and what `read` gives, on all cores a little ahead of its use.

    A file is called by its path, and an array by its shape and rate.
    """
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores, "thawline-read") as pool:
        waiting: deque[tuple[str, Future[T]]] = deque()
        try:
            for track in _each(tracks):
                waiting.append((_name_of(track), pool.submit(read, track)))
                if len(waiting) > 2 * cores:
                    name, future = waiting.popleft()
                    yield name, future.result()
            while waiting:
                name, future = waiting.popleft()
                yield name, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _each(tracks: Any) -> Iterable[AnyTrack]:
    return [tracks] if isinstance(tracks, str | os.PathLike) or _in_memory(tracks) else tracks


def _in_memory(track: Any) -> bool:
    """Whether it is one track: an array and a number."""
    return isinstance(track, tuple) and len(track) == 2 and sum(isinstance(part, np.ndarray) for part in track) == 1


def _name_of(track: Any) -> str:
    if isinstance(track, str | os.PathLike):
        return os.fspath(track)
    if not _in_memory(track):
        return ""  # `source_of` says what it is
    array, rate = track
    return f"array of {' x '.join(map(str, np.shape(array)))} at {rate} Hz"
