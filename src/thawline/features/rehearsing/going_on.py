"""Whether passes are only rehearsed: what they ask before they begin. See `rehearsal.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from thawline.features.kinds import File
    from thawline.features.media import Medium
    from thawline.features.store.store import FeatureStore, Shelf
    from thawline.features.wanted import Wanted


class Rehearses(Protocol):
    """Has a store know what a pass will ask it for, so that the pass computes nothing."""

    def survey(
        self,
        files: Sequence[File],
        store: FeatureStore,
        wanted: Wanted[Any] | Medium[Any],
        survey: Callable[[Sequence[File], FeatureStore, Any], Mapping[str, Any]],
    ) -> None:
        """Before a survey, or a look at facts alone: either is `survey`, which gives the facts by the files' names."""

    def texts(self, shelf: Shelf, digests: Sequence[str], encode: Callable[[Sequence[str]], None]) -> None:
        """Before texts are encoded, of which `encode` keeps the features of some."""


_now: list[Rehearses] = []


def rehearsal() -> Rehearses | None:
    """The one that is going on, if any."""
    return _now[-1] if _now else None


@contextmanager
def rehearsing(one: Rehearses | None) -> Iterator[None]:
    """Within, passes are rehearsed; with None they are what they are otherwise."""
    saved, _now[:] = list(_now), [] if one is None else [one]
    try:
        yield
    finally:
        _now[:] = saved
