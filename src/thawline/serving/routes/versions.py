"""The registry's versions and trainings: listed, begun, put in each other's place."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from thawline.errors import UserError
from thawline.serving.routes.schemas import MANAGEMENT, Activated, ActivateIn, Job, Share, Version, Versions
from thawline.serving.service import BundleService
from thawline.serving.training import begin_training
from thawline.tasks.task import Task, find_task
from thawline.tasks.versions import activate
from thawline.versions.jobs import find_job, note_ends
from thawline.versions.registry import Registry
from thawline.versions.schema import ModelVersion, TrainingJob
from thawline.versions.usage import usage

_Number = Annotated[int, Path(ge=1, lt=2**31, description="Of a version: 2 for v2.")]
_Id = Annotated[int, Path(ge=1, lt=2**31, description="Of a training.")]


def add_routes(guarded: APIRouter, service: BundleService) -> None:
    """Add them."""

    @guarded.get("/models/versions", responses=MANAGEMENT)
    async def list_versions() -> Versions:
        """All versions, by number."""
        return Versions(versions=await run_in_threadpool(_versions, service.need_registry(), _task(service)))

    @guarded.post("/models/versions/{number}/activate", responses=MANAGEMENT)
    async def activate_version(number: _Number, how: ActivateIn | None = None) -> Activated:
        """Make a version the active one, if it is sound and not worse than the active one.

        When this is answered, the version answers; no request is dropped meanwhile.
        """
        registry = service.need_registry()
        force, margin = how is not None and how.force, service.settings.versions.margin

        def change() -> str | None:
            verdict = activate(registry, _find(registry, number).number, margin=margin, force=force)[1]
            return None if verdict is None else verdict.sentence

        return await run_in_threadpool(_changed, service, registry, change)

    @guarded.post("/models/rollback", responses=MANAGEMENT)
    async def roll_back() -> Activated:
        """Make the version active again that was so before the active one."""
        registry = service.need_registry()

        def change() -> None:
            registry.rollback()

        return await run_in_threadpool(_changed, service, registry, change)

    @guarded.post("/models/train", status_code=202, responses=MANAGEMENT)
    async def train() -> Job:
        """Begin a training by the answers that there are, in a process of its own; see `GET /jobs/{id}`."""
        registry, task = service.need_registry(), service.served.bundle.task
        words = find_task(task).retrain
        if words is None:
            raise HTTPException(
                409, f"models of task={task} don't learn from answers; 'thawline train' makes one of labelled data"
            )
        job = await run_in_threadpool(begin_training, words, service.settings.versions, registry.database)
        return _to_job(job, None)

    @guarded.get("/jobs/{job_id}", responses=MANAGEMENT)
    async def job(job_id: _Id) -> Job:
        """How a training goes."""
        return await run_in_threadpool(_job, service.need_registry(), job_id)


def _changed(service: BundleService, registry: Registry, change: Callable[[], str | None]) -> Activated:
    """What came of a change of the active version."""
    try:
        sentence = change()
    except UserError as error:
        raise HTTPException(409, str(error)) from error
    service.refresh()
    active = next(version for version in _versions(registry, _task(service)) if version.is_active)
    return Activated(version=active, answers=service.served.name, gate=sentence)


def _find(registry: Registry, number: int) -> ModelVersion:
    try:
        return registry.find(number)
    except UserError as error:
        raise HTTPException(404, str(error)) from error


def _task(service: BundleService) -> Task:
    return find_task(service.served.bundle.task)


def _versions(registry: Registry, task: Task) -> list[Version]:
    with registry.database.reading() as session:
        used = usage(session)
    rows = [one.version for one in used]
    numbers = {row.id: row.number for row in rows}
    return [
        Version(
            number=row.number,
            type=row.type,
            metrics=row.metrics,
            samples=row.samples,
            parent=None if row.parent_id is None else numbers[row.parent_id],
            created_at=row.created_at,
            is_active=row.is_active,
            predictions=row.predictions,
            answers=dict(one.counts),
            rates=[
                Share(name=rate.name, **vars(share))
                for rate in task.rates
                if (share := one.rate(rate.wanted, rate.among)) is not None
            ],
            stale_since=row.stale_since,
            pruned_at=row.pruned_at,
        )
        for one, row in zip(used, rows, strict=True)
    ]


def _job(registry: Registry, number: int) -> Job:
    note_ends(registry.database, registry.root)
    with registry.database.reading() as session:
        try:
            job = find_job(session, number)
        except UserError as error:
            raise HTTPException(404, str(error)) from error
        version = None if job.version_id is None else session.get_one(ModelVersion, job.version_id)
        return _to_job(job, version)


def _to_job(job: TrainingJob, version: ModelVersion | None) -> Job:
    plain = ("id", "status", "created_at", "started_at", "finished_at", "hyperparameters")
    figures = ("epoch", "loss", "accuracy", "reason")
    said = {name: getattr(job, name) for name in (*plain, *figures)}
    return Job(**said, version=None if version is None else version.number)
