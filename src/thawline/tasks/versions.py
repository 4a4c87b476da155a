"""The registry with what only tasks know: golden examples, what a bundle says of an item, which answers say yes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from thawline.errors import UserError
from thawline.tasks.bundle.load import load_bundle
from thawline.tasks.task import Task, find_task
from thawline.versions.contents import check_registry, task_in
from thawline.versions.database import open_database
from thawline.versions.gate import CandidateVerdict, PairedScores, judge, judged_by_both, judged_since
from thawline.versions.jobs import note_ends, sweep_scratch
from thawline.versions.registry import Registry
from thawline.versions.schema import Item, ModelVersion
from thawline.versions.settings import VersionsSettings


@contextmanager
def open_registry(settings: VersionsSettings, *, made: bool = False) -> Iterator[Registry]:
    """The registry of `settings`, with its database; made where there is none, unless it must be `made` already.

    What killed processes left is put in order: half a version goes, a training that was said to run has failed.

    Raises:
        UserError: It can't be used, or there is none.
    """
    check_registry(settings.root, made=made)
    settings.root.mkdir(parents=True, exist_ok=True)
    with open_database(settings.url) as database:
        registry = Registry(settings.root, database, golden)
        if not database.read_only:
            sweep_scratch(settings.root)
        note_ends(database, settings.root)
        yield registry


def golden(folder: Path) -> float:
    """By how much what the bundle in `folder` computes of its golden inputs differs from its export, at most."""
    return load_bundle(folder, device="cpu").check()


def activate(
    registry: Registry, number: int, *, margin: float, force: bool = False
) -> tuple[ModelVersion, CandidateVerdict | None]:
    """Make version `number` active if the gate lets it, or by `force`; with what the gate says, None where not asked.

    Raises:
        UserError: It may not; the version that was active still is.
    """
    before, version = registry.active(), registry.find(number)
    asked = before is not None and before.id != version.id
    verdict = gate(registry, version, margin=margin) if asked and not force else None
    return registry.activate(number, force=force, gate=verdict), verdict


def gate(registry: Registry, candidate: ModelVersion, *, margin: float) -> CandidateVerdict:
    """What the gate says of `candidate` against the active version.

    Raises:
        UserError: One of them is not there or not sound.
    """
    active = registry.active()
    if active is None:
        return CandidateVerdict(
            met=True, better=False, sentence="no version is active, so there is none to be worse than"
        )
    try:
        with registry.database.reading() as session:
            judged = judged_since(session, active, candidate, _yes(registry, candidate), Scores(registry))
    except UserError as error:
        if (damage := registry.verify(active.number)[0][1]) is None:
            raise
        raise UserError(
            f"v{candidate.number} can't be held against the active version, which is damaged: {damage}; put a copy of "
            f"it back, or have force=true activate v{candidate.number} without asking it"
        ) from error
    return judge(judged, names=(f"v{active.number}", f"v{candidate.number}"), margin=margin)


def both_judged(registry: Registry, first: ModelVersion, second: ModelVersion) -> PairedScores:
    """The answers that both versions have a fair score of; they are asked about those of which they showed none."""
    with registry.database.reading() as session:
        return judged_by_both(session, first, second, _yes(registry, first), Scores(registry))


class Scores:
    """What versions say now of items: a `Scorer`."""

    def __init__(self, registry: Registry) -> None:
        """Ask versions of this registry."""
        self._registry = registry

    def __call__(self, version: ModelVersion, items: Sequence[Item]) -> list[float | None]:
        """The probability of the last of the bundle's labels, which says yes; None where a file can't be used."""
        bundle = load_bundle(self._registry.folder(version))
        said = bundle.predict([item.path for item in items])
        return [None if one.problem is not None else one.probabilities[bundle.labels[-1]] for one in said]


def task_of(registry: Registry) -> Task | None:
    """The record of the task that the versions answer; None: there is no sound version yet."""
    for version in registry.versions():
        try:
            return find_task(task_in(registry.folder(version)))
        except UserError:  # it was pruned, or is damaged
            continue
    return None


def _yes(registry: Registry, version: ModelVersion) -> tuple[str, ...]:
    return find_task(task_in(registry.folder(version))).yes
