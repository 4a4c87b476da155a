"""Whatever goes wrong becomes `{"detail": "…"}`, one sentence."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from thawline.errors import RunError, UserError
from thawline.files import printable

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # a line's end among them


def add_handlers(app: FastAPI) -> None:
    """Have `app` answer every error in this way."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(UserError, _failed)
    app.add_exception_handler(RunError, _failed)
    app.add_exception_handler(Exception, _broken)


class CutOff:
    """Answers a request that still runs when the service has to end: uvicorn cancels it then, and says a plain 500."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if begun or scope["type"] != "http":
                raise
            detail = "the service is ending, and this request was not done in time; send it again"
            await refuse(scope, receive, send, 503, detail, {"Retry-After": "10", "Connection": "close"})


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> None:
    """Answer a request outside of any route."""
    await _said(detail, status, headers)(scope, receive, send)


def _said(detail: str, status: int, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A sentence on one line; it may quote what was sent, of which UTF-8 can't say everything."""
    line = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), printable(detail))
    return JSONResponse({"detail": line}, status, dict(headers or {}))


def _refused(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:  # Starlette's own
        what = f"{request.method} {request.url.path}"
        detail = {
            404: f"there is no {what}; /openapi.json lists what there is",
            405: f"there is no {what}; the path takes another method, see /openapi.json",
        }.get(error.status_code, f"{what} was refused: {detail.lower()}")
    elif error.status_code == 400:  # FastAPI's, of a body
        sent = "JSON" if "json" in request.headers.get("content-type", "") else "form"
        detail = f"the {sent} can't be read: {detail[:1].lower()}{detail[1:].partition('. ')[0]}"
    return _said(detail, error.status_code, error.headers)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    found: Sequence[dict[str, Any]] = error.errors() if isinstance(error, RequestValidationError) else ()
    first: dict[str, Any] = found[0] if found else {"loc": (), "msg": "it can't be read", "type": ""}
    place = [part for part in first["loc"] if part not in ("body", "query", "path")]
    names = [str(part) for part in place if isinstance(part, str)]
    name = names[0] if names else "the request"
    if first["type"] == "missing":
        return _said(f"{name} is missing; /openapi.json says what is asked for", 422)
    if "UploadFile" in first["msg"]:
        return _said(f"{name} is text; send a file (curl -F {name}=@photo.jpg)", 422)
    said = first["msg"].removeprefix("Value error, ")
    return _said(f"{name} can't be used: {said[:1].lower()}{said[1:]}", 422)


def _failed(_: Request, error: Exception) -> JSONResponse:
    """A model that can't be asked: the sentence says how to mend it."""
    return _said(str(error), 500)


def _broken(_: Request, error: Exception) -> JSONResponse:
    """A defect; its traceback is in the service's own log."""
    return _said(f"the service failed ({type(error).__name__}); its log says more", 500)
