"""What people say of what was answered."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from thawline.serving.corrections import append_correction
from thawline.serving.routes.schemas import MANAGEMENT, FeedbackIn, FeedbackOut
from thawline.serving.service import BundleService
from thawline.tasks.task import find_task
from thawline.versions.feedback import item_of, record
from thawline.versions.registry import Registry
from thawline.versions.results import UnknownResultError, give_feedback
from thawline.versions.schema import ModelVersion, now

CORRECTIONS = "corrections.csv"


def add_routes(guarded: APIRouter, service: BundleService) -> None:
    """Add them."""

    @guarded.post("/results/{result_id}/feedback", responses=MANAGEMENT)
    async def feedback(
        result_id: Annotated[str, Path(max_length=64, description="Of an answer.")], said: FeedbackIn
    ) -> FeedbackOut:
        """Note what somebody says of a result; what was said last counts.

        A `label` goes to `corrections.csv` in the registry's folder. An `answer` about a file that is an item of the
        registry, by its content, is an answer about that item.
        """
        registry = service.need_registry()
        word = _checked(said, service)
        try:
            try:
                return await run_in_threadpool(_note, registry, result_id, said, word)
            except UnknownResultError:  # it may be on its way to the database
                await run_in_threadpool(service.flush)
                return await run_in_threadpool(_note, registry, result_id, said, word)
        except UnknownResultError as error:
            raise HTTPException(404, str(error)) from error


def _checked(said: FeedbackIn, service: BundleService) -> str:
    """The one thing that is said, if it is one that the model served knows."""
    bundle = service.served.bundle
    answers = find_task(bundle.task).answers
    kind, known = ("answer", answers) if answers else ("label", bundle.labels)
    given = {name: value for name, value in (("answer", said.answer), ("label", said.label)) if value is not None}
    if set(given) != {kind}:
        raise HTTPException(422, f"give '{kind}' alone, one of: {', '.join(known)}")
    word = given[kind]
    if word not in known:
        raise HTTPException(422, f"there is no {kind} '{word}'; there are: {', '.join(known)}")
    return word


def _note(registry: Registry, result_id: str, said: FeedbackIn, word: str) -> FeedbackOut:
    at = now()
    with registry.database.session() as session:
        result = give_feedback(session, result_id, word, at)
        if said.answer is not None and (item := item_of(session, result.digest)) is not None:
            version = result.model_version_id
            shown = None if version is None else session.get_one(ModelVersion, version)
            record(session, item, word, version=shown, score=result.score, at=at)
    if said.label is not None:
        append_correction(registry.root / CORRECTIONS, result, word, at)
    return FeedbackOut(result_id=result_id, answer=said.answer, label=said.label, at=at)
