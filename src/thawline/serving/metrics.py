"""What Prometheus is told, in a registry of the service's own."""

import time
from collections.abc import Sequence

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

__all__ = ["CONTENT_TYPE", "Measured", "Metrics"]


class Metrics:
    """Counters of one service."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "thawline_requests", "Requests that were answered.", ("method", "path", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "thawline_request_seconds",
            "From a request's head to the end of its answer.",
            ("path",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._files = Counter(
            "thawline_files",
            "Files that were judged, by their answer; one with several labels counts for each.",
            ("model", "label"),
            registry=self.registry,
        )
        self._unusable = Counter("thawline_unusable_files", "Files that can't be used.", registry=self.registry)
        self._together = Histogram(
            "thawline_batch_files",
            "Files that were judged together.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        self._network = Histogram(
            "thawline_batch_seconds",
            "Reading and judging of files that were judged together.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.waiting = Gauge("thawline_waiting_files", "Files that wait for the network.", registry=self.registry)
        self._model = Gauge("thawline_model", "The model that answers now.", ("model", "task"), registry=self.registry)
        self.problems = Gauge("thawline_problems", "Problems that /health names.", registry=self.registry)

    def count_request(self, method: str, path: str, status: int, seconds: float) -> None:
        """A request was answered; `path` is its route's pattern."""
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def count_answer(self, model: str, answers: Sequence[str], *, usable: bool) -> None:
        """A file was judged, with these answers if there are any, or can't be used."""
        if not usable:
            self._unusable.inc()
            return
        for answer in answers or ("(none)",):
            self._files.labels(model, answer).inc()

    def observe_batch(self, count: int, seconds: float) -> None:
        """So many files were judged together."""
        self._together.observe(count)
        self._network.observe(seconds)

    def serve(self, model: str, task: str) -> None:
        """Another model answers from now on."""
        self._model.clear()
        self._model.labels(model, task).set(1)

    def text(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self.registry)


class Measured:
    """Counts the requests that pass."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Stand in front of `app`."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            # The pattern, and not what was asked for, of which there may be any number.
            path = getattr(scope.get("route"), "path", None) or "(none)"
            method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD", "OPTIONS") else "(other)"
            self._metrics.count_request(method, path, status, time.perf_counter() - started)
