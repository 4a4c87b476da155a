"""What the routes share: the model, the files of requests, and the one thread that judges them."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from thawline.serving.batching import Batcher, BusyError
from thawline.serving.limits import check_count
from thawline.serving.metrics import Metrics
from thawline.serving.schemas import UPLOADS
from thawline.serving.settings import ServeSettings
from thawline.serving.source import Source
from thawline.serving.uploads import Kept, drop_all, keep_all
from thawline.tasks.serving import Answer, Ask, Asked, Served


class BundleService:
    """A model that answers over HTTP; see `tasks.serving.Service`.

    Attributes:
        settings: Those of the verb.
        metrics: What is counted.
        open_paths: What may be asked for without a token.
    """

    def __init__(self, source: Source, settings: ServeSettings) -> None:
        """Serve what `source` has. Nothing is begun before `open`."""
        self.settings, self.metrics = settings, Metrics()
        self.open_paths = {"/health"}
        self._source = source

    @property
    def served(self) -> Served:
        """The model that answers now."""
        return self._source.served

    @property
    def problems(self) -> list[str]:
        """What is wrong with the model, a sentence each."""
        return self._source.problems

    @property
    def responses(self) -> dict[int | str, dict[str, Any]]:
        """What may come of a request with files besides its answer."""
        return UPLOADS

    def open(self) -> None:
        """Be ready for requests."""
        self._folder = TemporaryDirectory(prefix="thawline-serve-")
        settings = self.settings
        self._batcher = Batcher(settings.wait_ms / 1000, settings.max_waiting, self.metrics.observe_batch)
        self.metrics.waiting.set_function(lambda: self._batcher.waiting)
        self.metrics.problems.set_function(lambda: len(self.problems))
        self._note_model()
        self._source.watch(self._note_model)

    def close(self) -> None:
        """Finish what was begun."""
        self._source.close()
        self._batcher.close()
        self._folder.cleanup()

    def open_path(self, path: str) -> None:
        """Let `path` be asked for without a token."""
        self.open_paths.add(path)

    async def analyse(
        self, files: Sequence[Any], texts: Sequence[str], ask: Ask | None = None, served: Served | None = None
    ) -> list[Asked]:
        """Judge files as they were uploaded; see `tasks.serving.Service`."""
        check_count(len(files), self.settings.max_files)
        served = served or self.served
        kept = await run_in_threadpool(keep_all, files, _texts_of(texts, len(files)), Path(self._folder.name))
        try:
            answers = await self._judge(kept, ask or served.ask)
        finally:
            drop_all(kept)
        for answer in answers:
            self.metrics.count_answer(served.name, answer.label, usable=answer.problem is None)
        if all(answer.problem is not None for answer in answers):
            raise HTTPException(422, _none_usable(kept, answers))
        return [Asked(uuid4().hex, one.sample, served, answer) for one, answer in zip(kept, answers, strict=True)]

    async def _judge(self, kept: Sequence[Kept], ask: Ask) -> list[Answer]:
        """What is said of each file, with those of other requests."""
        usable = [one.sample for one in kept if one.problem is None]
        said: list[Answer] = []
        if usable:
            try:
                said = await asyncio.wrap_future(self._batcher.submit(ask, usable))
            except BusyError as error:
                detail = f"{self._batcher.waiting} files wait already; try again in a moment"
                raise HTTPException(503, detail, {"Retry-After": "1"}) from error
        left = iter(said)
        return [next(left) if one.problem is None else Answer(problem=one.problem) for one in kept]

    def _note_model(self) -> None:
        self.metrics.serve(self.served.name, self.served.bundle.task)


def _texts_of(texts: Sequence[str], files: int) -> list[str | None]:
    """The text that goes with each file."""
    if len(texts) not in (0, 1, files):
        raise HTTPException(422, f"{len(texts)} texts don't go with {files} files; send one for all or one for each")
    given: list[str | None] = list(texts) or [None]
    return given * (files if len(given) == 1 else 1)


def _none_usable(kept: Sequence[Kept], answers: Sequence[Answer]) -> str:
    first = f"'{kept[0].sample.name}'" if kept[0].sample.name else "the file"
    if len(kept) == 1:
        return f"{first} can't be used: {answers[0].problem}"
    return f"none of the {len(kept)} files can be used; of the first, {first}: {answers[0].problem}"
