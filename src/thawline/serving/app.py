"""The service as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from thawline.serving.guard import Guard
from thawline.serving.limits import MB, SizeLimit
from thawline.serving.metrics import Measured
from thawline.serving.problems import CutOff, add_handlers
from thawline.serving.routes import basic, feedback, versions
from thawline.serving.service import BundleService
from thawline.serving.settings import ServeSettings
from thawline.serving.source import Source
from thawline.tasks.bundle.serving import RouteAdder
from thawline.tasks.task import capability, find_task, task_names
from thawline.version import __version__
from thawline.versions.registry import Registry


def create_app(source: Source, settings: ServeSettings, registry: Registry | None = None) -> FastAPI:
    """The service of what `source` has, with what tasks add to it.

    Args:
        source: One bundle, or the registry's active version.
        settings: Those of the verb; `token` is what requests must bring.
        registry: The versions, and the database that keeps what is said; None: nothing is kept.
    """
    service = BundleService(source, settings, registry)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.open()
        try:
            yield
        finally:
            service.close()

    app = FastAPI(
        title="Thawline",
        version=__version__,
        summary="What a tuned model says of files.",
        lifespan=lifespan,
        # Their pages fetch scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    add_handlers(app)
    open_to_all, guarded = APIRouter(), APIRouter(dependencies=_security(settings.token))
    basic.add_routes(open_to_all, guarded, service)
    feedback.add_routes(guarded, service)
    versions.add_routes(guarded, service)
    for name in task_names():
        if find_task(name).routes is not None:
            add: RouteAdder = capability(name, "routes")
            add(guarded, service)
    app.include_router(open_to_all)
    app.include_router(guarded)
    # The last one added is the first that a request meets.
    app.add_middleware(SizeLimit, most=int(settings.max_upload_mb * MB))
    app.add_middleware(Guard, token=settings.token, is_open=service.open_paths)
    app.add_middleware(Measured, metrics=service.metrics)
    app.add_middleware(HeadAsGet)
    app.add_middleware(CutOff)
    return app


class HeadAsGet:
    """Answers HEAD as GET, without a body: FastAPI's routes know GET alone."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


def _security(token: str | None) -> list[Any]:
    """What has OpenAPI say that a token is needed; `Guard` sees to it."""
    return [] if token is None else [Depends(HTTPBearer(auto_error=False))]
