"""How large a request may be, judged while it comes in, before any of it is parsed or kept."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from thawline.serving.problems import refuse

MB = 10**6


class SizeLimit:
    """Refuses a request whose body is larger than so many bytes, as soon as that is known.

    FastAPI's own `max_body_size` answers in plain text where the length is told beforehand.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        """Stand in front of `app`."""
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on while it is small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "")
        if told.isdecimal() and int(told) > self._most:
            await refuse(scope, receive, send, 413, self._sentence())
            return
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._most:
                    raise HTTPException(413, self._sentence())
            return message

        await self._app(scope, limited, send)

    def _sentence(self) -> str:
        return f"the request is larger than {self._most / MB:g} MB, the most that is taken; send fewer or smaller files"


def check_count(files: int, most: int) -> None:
    """Refuse more than `most` files in one request."""
    if files > most:
        raise HTTPException(413, f"{files} files are more than the {most} that are taken at once; send some at a time")
