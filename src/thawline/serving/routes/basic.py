"""What any service has: files to be judged, how it is, and its figures."""

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from thawline.serving.metrics import CONTENT_TYPE
from thawline.serving.routes.schemas import REFUSALS, UPLOADS, Health, Result, Results
from thawline.serving.service import BundleService
from thawline.tasks.bundle.serving import ServedAnswer
from thawline.version import __version__


def add_routes(open_to_all: APIRouter, guarded: APIRouter, service: BundleService) -> None:
    """Add them to the routers of what needs no token and of what does."""

    @open_to_all.get("/health")
    async def health() -> Health:
        """How the service is, and which model answers."""
        served, problems = service.served, service.problems
        return Health(
            status="degraded" if problems else "ok",
            model=served.name,
            version=served.version,
            task=served.bundle.task,
            labels=list(served.bundle.labels),
            problems=problems,
            thawline=__version__,
        )

    @guarded.get("/metrics", response_class=Response, responses={**REFUSALS, 200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    @guarded.post("/predict", responses=UPLOADS)
    async def predict(
        files: Annotated[list[UploadFile], File(description="What is to be judged, one part each.")],
        text: Annotated[
            list[str] | None, Form(description="For a model of pairs: one text for all of them, or one for each.")
        ] = None,
    ) -> Results:
        """Say what each file is.

        A file that can't be used has its `problem` among the others' answers; where that is so of all of them, the
        request is refused with the first one's.
        """
        return Results(results=[to_result(one) for one in await service.analyse(files, text or ())])


def to_result(asked: ServedAnswer) -> Result:
    """What came of a file, as the service says it."""
    answer, served = asked.answer, asked.served
    return Result(
        result_id=asked.result_id,
        model=served.name,
        version=served.version,
        name=asked.sample.name,
        label=answer.label,
        score=answer.score,
        probabilities=answer.probabilities,
        problem=answer.problem,
        details=answer.details,
    )
