"""What is known of files of which no features are wanted: without a network, and without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from thawline.features.ahead import forget, stop
from thawline.features.files import FileIndex
from thawline.features.kinds import F, File
from thawline.features.passes.apart import processes
from thawline.features.passes.looking import Pass
from thawline.features.passes.workers import readers
from thawline.features.progress import bar
from thawline.features.rehearsing.going_on import rehearsal

if TYPE_CHECKING:
    from thawline.features.media import Medium
    from thawline.features.store.store import FeatureStore


def find_facts(files: Sequence[File], store: FeatureStore, medium: Medium[F]) -> Mapping[str, F]:
    """The facts of files, by their names. Those that are new or have changed are read, and remembered.

    A file that cannot be read now has a problem, whatever was known of it.

    Args:
        files: Of a collection, each under a name of its own.
        store: Keeps what is known of files.
        medium: What they are.

    Raises:
        UserError: The system ended a process that read some of them.
    """
    stop()
    if (rehearsed := rehearsal()) is not None:
        rehearsed.survey(files, store, medium, find_facts)
    work = Pass(FileIndex(store.root, medium.kind), medium, None)
    try:
        if unread := work.look_up(files):
            with (
                processes(len(work.new), medium.unit) as apart,
                readers() as threads,
                bar(f"reading {medium.unit}", medium.unit, len(unread)) as advance,
            ):
                for _ in work.read(unread, replace(threads, apart=apart), advance):
                    pass
    finally:
        forget()
    return {file.name: work.facts[file.name] for file in files}
