"""What the service's JSON looks like; OpenAPI describes it from here."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_SAYS_WHY = "Why not, one sentence."


class Problem(BaseModel):
    """Why a request was not answered."""

    detail: str = Field(description=_SAYS_WHY)


class Result(BaseModel):
    """What is said of one file."""

    result_id: str | None = Field(description="By which feedback on it is given; null: it is not kept.")
    model: str = Field(description="What judged it.")
    version: int | None = Field(description="The model's number in the registry; null: it is in none.")
    name: str = Field(description="What the file is called, as it was sent.")
    label: str | None = Field(
        description="The answer, of several (`details.tags`) the most probable; null: it can't be used."
    )
    score: float | None = Field(description="The probability of that answer.")
    probabilities: dict[str, float] = Field(description="Of each possible answer.")
    problem: str | None = Field(description="Why the file can't be used; null if it can.")
    details: dict[str, Any] = Field(description="What the model's task says besides.")


class Results(BaseModel):
    """What is said of each file, in their order."""

    results: list[Result]


class Health(BaseModel):
    """How the service is."""

    status: str = Field(description="`ok`, or `degraded`: it answers, and `problems` say what is wrong.")
    model: str = Field(description="What answers now.")
    version: int | None = Field(description="Its number in the registry; null: it is in none.")
    task: str = Field(description="What it was trained for.")
    labels: list[str] = Field(description="What it can answer.")
    problems: list[str] = Field(description="A sentence each: a version that is not used, a model that stands in.")
    thawline: str = Field(description="The program's version.")


class FeedbackIn(BaseModel):
    """What somebody says of a result: one of the two."""

    model_config = ConfigDict(extra="forbid")

    answer: str | None = Field(None, description="For a model that learns from answers: one of its task's.")
    label: str | None = Field(None, description="For a model of classes: which one the file is of.")


class FeedbackOut(BaseModel):
    """What was noted. It is on the disk."""

    result_id: str
    answer: str | None
    label: str | None
    at: datetime


class Share(BaseModel):
    """A share of the answers to what a version showed, with its 95 % interval."""

    name: str
    value: float
    low: float
    high: float


class Version(BaseModel):
    """A version of the model."""

    number: int
    type: str = Field(description="base, prior, logistic, gda, blocks or imported.")
    metrics: dict[str, Any] = Field(description="What it is worth; `headline` names the figure that counts.")
    samples: int = Field(description="How many answers it was trained on.")
    parent: int | None = Field(description="The number of the version that it came from.")
    created_at: datetime
    is_active: bool
    predictions: int = Field(description="How many files it was asked about.")
    answers: dict[str, int] = Field(description="How often each answer was given to what it showed.")
    rates: list[Share] = Field(description="Of versions that were active at different times they are not comparable.")
    stale_since: datetime | None = Field(description="When an answer that it was trained on was deleted.")
    pruned_at: datetime | None = Field(description="When its directory was removed.")


class Versions(BaseModel):
    """All versions, by number."""

    versions: list[Version]


class ActivateIn(BaseModel):
    """How a version is made the active one."""

    model_config = ConfigDict(extra="forbid")

    force: bool = Field(False, description="Whether it need not be as good as the active one, nor meet its gates.")


class Activated(BaseModel):
    """What came of it."""

    version: Version
    answers: str = Field(description="The model that answers now.")
    gate: str | None = Field(description="What was found when it was held against the version before; null: nothing.")


class Job(BaseModel):
    """A training."""

    id: int
    status: str = Field(description="pending, running, completed or failed.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    hyperparameters: dict[str, Any]
    epoch: int | None
    loss: float | None
    accuracy: float | None
    reason: str | None = Field(description="Why it failed, waits, or made no version of its own.")
    version: int | None = Field(description="The number of the version that it made.")


# What may come of any request, for the description of each route.
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The token is missing or wrong."},
    403: {
        "model": Problem,
        "description": "Another site's page asked, or one by another name than the service's.",
    },
}
MANAGEMENT: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    404: {"model": Problem, "description": "There is nothing of that name."},
    409: {"model": Problem, "description": "That can't be done with what is served, or not now."},
    413: {"model": Problem, "description": "The request is too large."},
    422: {"model": Problem, "description": "The request can't be read, or its values are out of their range."},
    500: {"model": Problem, "description": "The database or the model refuses."},
}
UPLOADS: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    400: {"model": Problem, "description": "The form can't be read."},
    413: {"model": Problem, "description": "The request is too large, or has too many files."},
    422: {"model": Problem, "description": "A field is missing or wrong, or none of the files can be used."},
    500: {"model": Problem, "description": "The model can't be asked."},
    503: {"model": Problem, "description": "Too many files wait; try again in a moment."},
}
