"""Passes that read the store alone: what is not there is refused rather than computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from thawline.errors import UserError
from thawline.features.facts import find_facts
from thawline.features.files import FileIndex
from thawline.features.kinds import File
from thawline.features.media import Medium
from thawline.features.passes.looking import Pass
from thawline.features.rehearsing.going_on import rehearsing
from thawline.features.store.store import FeatureStore, Shelf
from thawline.features.wanted import Wanted


@contextmanager
def stored_only() -> Iterator[None]:
    """Within, no network is run for features: a pass that would raises UserError before it begins."""
    with rehearsing(_Stored()):
        yield


class _Stored:
    """Looks what a pass would have to compute."""

    def survey(
        self,
        files: Sequence[File],
        store: FeatureStore,
        wanted: Wanted[Any] | Medium[Any],
        survey: Callable[[Sequence[File], FeatureStore, Any], Mapping[str, Any]],
    ) -> None:
        """Refuse a pass over files some of which have no features."""
        if not isinstance(wanted, Wanted):
            return
        medium = wanted.medium
        find_facts(files, store, medium)  # a file that was moved is known again by its content, without a network
        work = Pass(FileIndex(store.root, medium.kind), medium, wanted)
        work.look_up(files)
        lacking = sorted(name for name, targets in work.lacking.items() if targets)
        if lacking:
            raise _absent(store, f"{len(lacking)} of {len(files)} {medium.unit}, such as {lacking[0]}")

    def texts(self, shelf: Shelf, digests: Sequence[str], encode: Callable[[Sequence[str]], None]) -> None:
        """Refuse texts that have no features."""
        if missing := shelf.missing(digests):
            raise _absent(shelf.store, f"{len(missing)} of {len(digests)} texts")


def _absent(store: FeatureStore, what: str) -> UserError:
    return UserError(
        f"the store {store.root} has no features of {what}, and none are computed here; train once more, which stores "
        "them"
    )
