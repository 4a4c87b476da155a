"""Who may ask: whoever brings the token; without one, programs of this machine and no web page of another site."""

import hmac
import ipaddress
import socket
from collections.abc import Container
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from thawline.errors import UserError
from thawline.serving.problems import refuse

_BEARER = "bearer "


def is_loopback(host: str) -> bool:
    """Whether all that `host` stands for is this machine alone.

    Raises:
        UserError: It stands for nothing.
    """
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError) as error:
        raise UserError(f"host={host} is no address of this machine; use host=127.0.0.1 or host=0.0.0.0") from error
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def check_token(host: str, token: str | None) -> None:
    """Refuse to listen to other machines without a token, and one that anyone could guess; raises UserError."""
    if token is None and not is_loopback(host):
        raise UserError(
            f"host={host} can be reached from other machines, so requests need a token: set THAWLINE_TOKEN in the "
            "environment or in .env, say to what 'openssl rand -hex 32' prints"
        )
    if token is not None and (not token.isascii() or not token.isprintable() or " " in token):
        raise UserError("the token must be of letters, digits and signs without blanks, as a header can hold it")


class Guard:
    """Lets through what may ask."""

    def __init__(self, app: ASGIApp, token: str | None, is_open: Container[str]) -> None:
        """Stand in front of `app`; paths that `is_open` has need no token."""
        self._app, self._token, self._open = app, token, is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._token is None:
            if (reason := _foreign(headers)) is not None:
                await refuse(scope, receive, send, 403, reason)
                return
        elif scope["path"] not in self._open and not self._knows(headers.get("authorization", "")):
            detail = "this needs the service's token, in the header 'Authorization: Bearer TOKEN'"
            await refuse(scope, receive, send, 401, detail, {"WWW-Authenticate": "Bearer"})
            return
        await self._app(scope, receive, send)

    def _knows(self, said: str) -> bool:
        given = said[len(_BEARER) :].strip() if said[: len(_BEARER)].lower() == _BEARER else ""
        return hmac.compare_digest(given.encode("latin-1", "replace"), str(self._token).encode("latin-1"))


def _foreign(headers: Headers) -> str | None:
    """Why a request without a token is not this machine's own.

    A page of another site can have a browser ask, and can let its own name stand for this machine.
    """
    asked = _name(f"//{headers.get('host', '')}")
    if asked and not _is_own(asked):
        return f"without a token the service answers to localhost, not to '{asked}'"
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        return "another site's page may not ask the service"
    return None


def _is_own(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return "?"
