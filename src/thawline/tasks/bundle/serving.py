"""What a service asks of a task, and what a task's own routes are given: the record's `serve` and `routes`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from thawline.features.settings import StoreSettings
from thawline.tasks.bundle.load import AnyBundle
from thawline.tasks.task import capability
from thawline.versions.registry import Registry
from thawline.versions.schema import ModelVersion


@dataclass(frozen=True)
class Sample:
    """One thing to be judged, as it was sent.

    Attributes:
        path: The file.
        name: What the sender calls it.
        digest: sha256 of its bytes, hex.
        text: What was sent along with it; None: nothing was.
    """

    path: Path
    name: str
    digest: str
    text: str | None = None


@dataclass(frozen=True)
class Answer:
    """What is said of a sample.

    Attributes:
        label: The answer; None where the sample can't be used. Where it can have several labels, the most probable one.
        score: Its probability, or where the task has one, that of the label that it scores by; 0 to 1.
        probabilities: Of each possible answer.
        problem: Why the sample can't be used, one phrase; None if it can.
        details: What the task says besides, as plain JSON; empty: nothing.
        tags: The labels that reach their thresholds, where a sample can have several; None: it has one.
    """

    label: str | None = None
    score: float | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    problem: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """Its label or, where it can have several, those that reach their thresholds; none where there is no label."""
        if self.tags is not None:
            return self.tags
        return () if self.label is None else (self.label,)


Ask = Callable[[Sequence[Sample]], Iterator[Answer]]


@dataclass(frozen=True)
class Terms:
    """On what terms a model answers.

    Attributes:
        calibrated: Whether probabilities are at the bundle's temperature; None: as `predict` has them by itself.
        max_megapixels: A larger picture can't be used.
    """

    calibrated: bool | None = None
    max_megapixels: float = 50.0


class Answerer(Protocol):
    """The record's `serve`: says what samples are, in their order, while the answers are drawn."""

    def __call__(self, bundle: Any, samples: Sequence[Sample], terms: Terms) -> Iterator[Answer]:
        """Judge `samples` by `bundle`, one of the task's, as `thawline predict` does; say why one can't be used."""


@dataclass(frozen=True, eq=False)
class Served:
    """A model that answers.

    Attributes:
        bundle: It.
        name: What it is called; no path.
        row: Its row in the registry's database; None: it is in none.
        terms: On what terms.
    """

    bundle: AnyBundle
    name: str
    row: ModelVersion | None = None
    terms: Terms = field(default_factory=Terms)

    @property
    def version(self) -> int | None:
        """Its number in the registry; None: it is in none."""
        return None if self.row is None else self.row.number

    @cached_property
    def ask(self) -> Ask:
        """Judge samples by it, as its task does."""
        answer: Answerer = capability(self.bundle.task, "serve")

        def ask(samples: Sequence[Sample]) -> Iterator[Answer]:
            return answer(self.bundle, samples, self.terms)

        return ask


@dataclass(frozen=True)
class ServedAnswer:
    """What came of a sample.

    Attributes:
        result_id: By which it can be spoken of later; None: it is not kept, since there is no answer or no database.
        sample: It.
        served: What judged it.
        answer: What was said.
    """

    result_id: str | None
    sample: Sample
    served: Served
    answer: Answer


class Service(Protocol):
    """What the routes of a task are given."""

    @property
    def served(self) -> Served:
        """The model that answers now. Take it once in a request: it may be another a moment later."""

    @property
    def registry(self) -> Registry | None:
        """The versions, with their database; None: the service keeps nothing."""

    @property
    def store(self) -> StoreSettings:
        """The feature store."""

    @property
    def responses(self) -> dict[int | str, dict[str, Any]]:
        """What may come of a request with files besides its answer, for the description of a route."""

    def open_path(self, path: str) -> None:
        """Let `path` be asked for without a token, as a page must be that asks for it."""

    async def analyse(
        self, files: Sequence[Any], texts: Sequence[str], ask: Ask | None = None, served: Served | None = None
    ) -> list[ServedAnswer]:
        """Judge files as they were uploaded (FastAPI's `UploadFile`), together with those of other requests.

        Args:
            files: As many as the settings allow.
            texts: One for all of them, one for each, or none.
            ask: What judges them; None: the task of the model that is served.
            served: The model that `ask` asks; None: the one that answers now.

        Raises:
            HTTPException: They are too many, or none of them can be used.
        """


class RouteAdder(Protocol):
    """The record's `routes`: adds what a service over the task's bundles can do besides judging files."""

    def __call__(self, router: Any, service: Service) -> None:
        """Add routes to FastAPI's `router`, all of which need the token but for `service.open_path`'s."""


def answer_photos(bundle: Any, samples: Sequence[Sample], terms: Terms) -> Iterator[Answer]:
    """What a bundle of classes of photos says of each file; see `Answerer`."""
    bundle.max_megapixels = terms.max_megapixels
    for said in bundle.predict([sample.path for sample in samples], calibrated=terms.calibrated is True):
        # Where photos have a score, that is the probability of one label, whatever the answer.
        scored = getattr(bundle, "scored", None)
        score = None if said.label is None else said.probabilities[scored] if scored else said.probability
        details = {} if said.tags is None else {"tags": list(said.tags)}
        if (why := getattr(said, "why", None)) is not None:
            details["why"] = why
        if notes := getattr(bundle, "notes", ()):
            details["notes"] = list(notes)
        yield Answer(said.label, score, said.probabilities, said.problem, details, said.tags)
