"""What the routes share: the model, the files of requests, and the one thread that judges them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from thawline.features.settings import StoreSettings
from thawline.serving.batching import Batcher, BusyError
from thawline.serving.limits import check_count
from thawline.serving.metrics import Metrics
from thawline.serving.recording import Recorder
from thawline.serving.routes.schemas import UPLOADS
from thawline.serving.settings import ServeSettings
from thawline.serving.source import Source
from thawline.serving.uploads import Kept, drop_all, keep_all
from thawline.tasks.bundle.serving import Answer, Ask, Served, ServedAnswer
from thawline.versions.registry import Registry
from thawline.versions.schema import ClassificationResult, now

_LONGEST = 10_000  # characters of a text
_SMALL = 2**19  # bytes, a millisecond's work


class BundleService:
    """A model that answers over HTTP; see `tasks.bundle.serving.Service`.

    Attributes:
        settings: Those of the verb.
        metrics: What is counted.
        registry: The versions, with the database of what was said; None: nothing is kept.
        open_paths: What may be asked for without a token.
    """

    def __init__(self, source: Source, settings: ServeSettings, registry: Registry | None) -> None:
        """Serve what `source` has; `registry` takes what it says. Nothing is begun before `open`."""
        self.settings, self.metrics, self.registry = settings, Metrics(), registry
        self.open_paths = {"/health"}
        self._source = source
        self._recorder: Recorder | None = None

    @property
    def served(self) -> Served:
        """The model that answers now."""
        return self._source.served

    @property
    def problems(self) -> list[str]:
        """What is wrong with the model or the database, a sentence each."""
        trouble = None if self._recorder is None else self._recorder.trouble
        if self.registry is not None and self.registry.database.read_only:
            trouble = f"the database {self.registry.database.place} may not be written"
        return [*self._source.problems, *([] if trouble is None else [f"answers are not kept: {trouble}"])]

    def need_registry(self) -> Registry:
        """The versions, for a route that can't do without."""
        if self.registry is None:
            raise HTTPException(409, "this service keeps no results and knows no versions; start it with results=true")
        return self.registry

    def refresh(self) -> None:
        """See to it that the active version answers."""
        self._source.refresh(again=True)

    @property
    def store(self) -> StoreSettings:
        """The feature store."""
        return self.settings.store

    @property
    def responses(self) -> dict[int | str, dict[str, Any]]:
        """What may come of a request with files besides its answer."""
        return UPLOADS

    def open(self) -> None:
        """Be ready for requests."""
        self._folder = TemporaryDirectory(prefix="thawline-serve-")
        settings = self.settings
        self._batcher = Batcher(settings.wait_ms / 1000, settings.max_waiting, self.metrics.observe_batch)
        if self.registry is not None and not self.registry.database.read_only:
            self._recorder = Recorder(self.registry.database)
        self.metrics.waiting.set_function(lambda: self._batcher.waiting)
        self.metrics.problems.set_function(lambda: len(self.problems))
        self._note_model()
        self._source.watch(self._note_model)

    def close(self) -> None:
        """Finish what was begun."""
        self._source.close()
        self._batcher.close()
        if self._recorder is not None:
            self._recorder.close()
        self._folder.cleanup()

    def open_path(self, path: str) -> None:
        """Let `path` be asked for without a token."""
        self.open_paths.add(path)

    async def analyse(
        self, files: Sequence[Any], texts: Sequence[str], ask: Ask | None = None, served: Served | None = None
    ) -> list[ServedAnswer]:
        """Judge files as they were uploaded; see `tasks.bundle.serving.Service`."""
        check_count(len(files), self.settings.max_files)
        served = served or self.served
        given = files, _texts_of(texts, len(files)), Path(self._folder.name)
        # To have another thread do it takes longer than small files do.
        small = sum(file.size or 0 for file in files) <= _SMALL
        kept = keep_all(*given) if small else await run_in_threadpool(keep_all, *given)
        try:
            answers = await self._judge(kept, ask or served.ask)
        finally:
            drop_all(kept)
        for answer in answers:
            self.metrics.count_answer(served.name, answer.answers, usable=answer.problem is None)
        if all(answer.problem is not None for answer in answers):
            raise HTTPException(422, _none_usable(kept, answers))
        asked = [ServedAnswer(None, one.sample, served, answer) for one, answer in zip(kept, answers, strict=True)]
        return asked if self._recorder is None else _keep(asked, self._recorder)

    def flush(self) -> None:
        """Wait until what was said is in the database, or known not to be."""
        if self._recorder is not None:
            self._recorder.flush()

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


def _keep(asked: list[ServedAnswer], recorder: Recorder) -> list[ServedAnswer]:
    """Have answers written, while no request waits for the disk; with their ids, unless the database refuses them."""
    named = [replace(one, result_id=uuid4().hex) if one.answer.label is not None else one for one in asked]
    rows = [_row(one) for one in named if one.result_id is not None]
    return named if not rows or recorder.keep(rows) else asked


def _row(asked: ServedAnswer) -> ClassificationResult:
    answer, version = asked.answer, asked.served.row
    return ClassificationResult(
        id=asked.result_id,
        model_version_id=None if version is None else version.id,
        name=asked.sample.name,
        digest=asked.sample.digest,
        label="|".join(answer.answers),
        score=answer.score,
        created_at=now(),
    )


def _texts_of(texts: Sequence[str], files: int) -> list[str | None]:
    """The text that goes with each file."""
    if len(texts) not in (0, 1, files):
        raise HTTPException(422, f"{len(texts)} texts don't go with {files} files; send one for all or one for each")
    if (longest := max(map(len, texts), default=0)) > _LONGEST:
        raise HTTPException(422, f"the text has {longest} characters; send at most {_LONGEST}")
    given: list[str | None] = list(texts) or [None]
    return given * (files if len(given) == 1 else 1)


def _none_usable(kept: Sequence[Kept], answers: Sequence[Answer]) -> str:
    first = f"'{kept[0].sample.name}'" if kept[0].sample.name else "the file"
    if len(kept) == 1:
        return f"{first} can't be used: {answers[0].problem}"
    return f"none of the {len(kept)} files can be used; of the first, {first}: {answers[0].problem}"
