"""What the service's JSON looks like; OpenAPI describes it from here."""

from typing import Any

from pydantic import BaseModel, Field

_SAYS_WHY = "Why not, one sentence."


class Problem(BaseModel):
    """Why a request was not answered."""

    detail: str = Field(description=_SAYS_WHY)


class Result(BaseModel):
    """What is said of one file."""

    result_id: str = Field(description="By which feedback on it is given.")
    model: str = Field(description="What judged it.")
    version: int | None = Field(description="The model's number in the registry; null: it is in none.")
    name: str = Field(description="What the file is called, as it was sent.")
    label: str | None = Field(description="The answer; null where the file can't be used.")
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


# What may come of any request, for the description of each route.
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The token is missing or wrong."},
    403: {
        "model": Problem,
        "description": "Another site's page asked, or one by another name than the service's.",
    },
}
UPLOADS: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    400: {"model": Problem, "description": "The form can't be read."},
    413: {"model": Problem, "description": "The request is too large, or has too many files."},
    422: {"model": Problem, "description": "A field is missing or wrong, or none of the files can be used."},
    500: {"model": Problem, "description": "The model can't be asked."},
    503: {"model": Problem, "description": "Too many files wait; try again in a moment."},
}
