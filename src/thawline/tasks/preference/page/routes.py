"""The page at `/`, and what it asks for."""

from collections.abc import Callable
from pathlib import Path as File
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from thawline.errors import UnusableError, UserError
from thawline.tasks.bundle.serving import Served, Service
from thawline.tasks.preference.answers import ANSWERS
from thawline.tasks.preference.asking.settings import two_versions
from thawline.tasks.preference.page.asked import Asking
from thawline.tasks.preference.page.overview import newest_plot, overview
from thawline.tasks.preference.page.pictures import small_jpeg
from thawline.tasks.preference.page.schemas import AnswerIn, AnswerOut, Items, Overview, Undone
from thawline.versions.registry import Registry
from thawline.versions.schema import Item

_HERE = File(__file__).parent
_FILES = {
    "/": ("page.html", "text/html"),
    "/page/page.css": ("page.css", "text/css"),
    "/page/page.js": ("page.js", "text/javascript"),
}
# Nothing is loaded from elsewhere, no other page may frame this one, and pictures come as blobs, by a header's token.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_Id = Annotated[int, Path(ge=1, lt=2**31)]


_Between = Annotated[
    str | None,
    Query(max_length=40, description="Two versions, '3,5': what they pick in turn, to be compared by the answers."),
]


def add_routes(router: APIRouter, service: Service) -> None:
    """Add the page and what it asks for; see `tasks.bundle.serving.RouteAdder`."""
    _add_files(router, service)
    asking, refusals = Asking(), _refusals(service)

    @router.get("/preference/overview", responses=refusals)
    async def look(between: _Between = None) -> Overview:
        """Counts, versions with their rates, and the training that runs."""
        return await run_in_threadpool(_overview, _registry(service), service.served, between)

    @router.get("/preference/items", responses=refusals)
    async def items(
        n: Annotated[int, Query(ge=1, le=200, description="How many.")] = 8,
        strategy: Annotated[str, Query(max_length=40, description="How they are chosen.")] = asking.strategy,
        between: _Between = None,
    ) -> Items:
        """Photos to judge next, each with the reason why."""
        if (pair := _pair(between)) is not None:
            return await run_in_threadpool(asking.next_between, _registry(service), n, pair, service.store)
        return await run_in_threadpool(asking.next, _registry(service), n, strategy, service.store)

    @router.get("/preference/items/{item_id}/picture", response_class=Response, responses={**refusals, **_JPEG})
    async def picture(item_id: _Id) -> Response:
        """The photo, at most 1,024 pixels a side."""
        registry = _registry(service)
        return await run_in_threadpool(_picture, registry, item_id, service.served.terms.max_megapixels)

    @router.post("/preference/items/{item_id}/answer", responses=refusals)
    async def answer(item_id: _Id, said: AnswerIn) -> AnswerOut:
        """Note what is said of a photo. The same once more changes nothing, so it may be sent again."""
        if said.answer not in ANSWERS:
            raise HTTPException(422, f"there is no answer '{said.answer}'; there are: {', '.join(ANSWERS)}")
        return await run_in_threadpool(asking.note, _registry(service), item_id, said.answer)

    @router.delete("/preference/feedback/{feedback_id}", responses=refusals)
    async def undo(feedback_id: _Id) -> Undone:
        """Have an answer count no longer."""
        return await run_in_threadpool(asking.undo, _registry(service), feedback_id)

    @router.get("/preference/simulation", response_class=Response, responses={**refusals, **_PNG})
    async def simulation() -> FileResponse:
        """The plot of the newest simulation."""
        plot = newest_plot(_registry(service).root)
        if plot is None:
            raise HTTPException(404, "there is no simulation; 'thawline preference simulate' makes one")
        return FileResponse(plot, media_type="image/png")


def _pair(between: str | None) -> tuple[int, int] | None:
    try:
        return None if between is None else two_versions(between.split(","))
    except UserError as error:
        raise HTTPException(422, str(error)) from error


def _overview(registry: Registry, served: Served, between: str | None) -> Overview:
    """What there is now; 409 where two versions can't be compared."""
    try:
        return overview(registry, served, _pair(between))
    except UserError as error:
        raise HTTPException(409, str(error)) from error


def _refusals(service: Service) -> dict[int | str, dict[str, Any]]:
    """What may come of a request besides its answer: what may of any, but for files."""
    known, wanted = service.responses, (401, 403, 422, 500)
    about = {404: "There is nothing of that number.", 409: "That can't be done with what is served, or not now."}
    same: dict[int | str, dict[str, Any]] = {code: said for code, said in known.items() if code in wanted}
    return same | {code: {**known[422], "description": text} for code, text in about.items()}


def _described(kind: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {kind: {}}}}


_JPEG, _PNG = _described("image/jpeg"), _described("image/png")


def _add_files(router: APIRouter, service: Service) -> None:
    """Add the page's own files, which need no token: the page asks for it."""
    for path, (name, kind) in _FILES.items():
        service.open_path(path)
        router.add_api_route(path, _giver(_HERE / name, kind), include_in_schema=False)


def _giver(file: File, kind: str) -> Callable[[], Response]:
    def give() -> Response:
        return Response(file.read_bytes(), media_type=f"{kind}; charset=utf-8", headers=_HEADERS)

    return give


def _registry(service: Service) -> Registry:
    if service.registry is None:
        raise HTTPException(409, "this service keeps nothing, so there is nothing to judge; start it with results=true")
    return service.registry


def _picture(registry: Registry, item_id: int, max_megapixels: float) -> Response:
    with registry.database.reading() as session:
        item = session.get(Item, item_id)
    if item is None:
        raise HTTPException(404, f"there is no item {item_id}")
    try:
        return Response(small_jpeg(item, max_megapixels), media_type="image/jpeg", headers=_HEADERS)
    except UnusableError as error:
        raise HTTPException(404, f"{File(item.path).name} can't be shown: {error}.") from error
