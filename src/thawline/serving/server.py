"""The process that serves: its port, its signals, its end."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from thawline.errors import UserError

_BACKLOG = 2048  # connections that wait to be taken
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def listen(host: str, port: int) -> socket.socket:
    """A socket at `host` and `port` (0: any that is free).

    Raises:
        UserError: Another program has it, or this one may not.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # The protocol by its number: only where asyncio reads that it is TCP do small packets wait for no others.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise _taken(host, port, error) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _taken(host, port, error) from error
    return listening


def _taken(host: str, port: int, error: OSError) -> UserError:
    reason, place = (error.strerror or str(error)).lower(), address(host, port)
    return UserError(f"the service can't listen at {place}: {reason}; choose another port=…")


def address(host: str, port: int) -> str:
    """What is typed to reach it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(app: ASGIApp, listening: socket.socket, grace: int, started: Callable[[], object]) -> None:
    """Serve until a signal asks for the end, and then until the running requests have their answers.

    Args:
        app: What answers.
        listening: Where.
        grace: Seconds that running requests may take then.
        started: Called when it answers.

    Raises:
        KeyboardInterrupt: It was Ctrl-C.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=grace,
    )
    server = _Server(config, started)
    server.run(sockets=[listening])
    if server.interrupted:
        raise KeyboardInterrupt


class _Server(uvicorn.Server):
    """Ends in order at a signal, as uvicorn does, and does not raise it once more: asked to end, it has succeeded."""

    def __init__(self, config: uvicorn.Config, began: Callable[[], object]) -> None:
        super().__init__(config)
        self.interrupted = False
        self._began = began

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals over while it serves."""
        before = {number: signal.signal(number, self.handle_exit) for number in _ENDS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order; at a second Ctrl-C, at once."""
        self.interrupted = self.interrupted or sig == signal.SIGINT
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        if self.started:
            self._began()
