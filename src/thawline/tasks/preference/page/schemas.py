"""What the page is told, as JSON; OpenAPI describes it from here."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class ItemOut(BaseModel):
    """A photo to judge."""

    id: int
    name: str = Field(description="Its file's, without the folder.")
    why: str = Field(description="Why it is asked about.")


class Items(BaseModel):
    """What to judge next, in this order."""

    items: list[ItemOut]


class AnswerIn(BaseModel):
    """What somebody says of a photo."""

    model_config = ConfigDict(extra="forbid")

    answer: str = Field(description="One of the task's answers.")


class AnswerOut(BaseModel):
    """What was noted. It is on the disk."""

    feedback_id: int = Field(description="By which it is undone.")
    answer: str
    score: float | None = Field(description="What the version that showed the photo said of it; null: none did.")
    version: int | None = Field(description="Its number.")


class Undone(BaseModel):
    """An answer that counts no longer; that it was given stays a fact."""

    feedback_id: int


class Figure(BaseModel):
    """A share with its 95 % interval."""

    name: str
    value: float
    low: float
    high: float


class VersionOut(BaseModel):
    """A version, as the table shows it."""

    number: int
    type: str
    created_at: datetime
    samples: int = Field(description="How many answers it was trained on.")
    headline: Figure | None = Field(description="What it is worth, held out; null: it was not judged.")
    predictions: int = Field(description="How many files it was asked about.")
    rates: list[Figure] = Field(description="Shares of the answers to what it showed.")
    is_active: bool
    stale: bool = Field(description="Whether an answer that it was trained on was deleted.")
    pruned: bool


class Side(BaseModel):
    """What was answered of one version's picks, of those that were mixed."""

    version: int
    answers: dict[str, int]
    rates: list[Figure]


class Compared(BaseModel):
    """Two versions whose picks were mixed, so that their rates are comparable."""

    sides: list[Side]
    sentence: str = Field(description="Whether one's are liked more, by a test of answers in pairs.")


class Overview(BaseModel):
    """All that the page shows besides the photo."""

    model: str = Field(description="What answers now, a sentence.")
    items: int = Field(description="Photos that there are.")
    answers: dict[str, int] = Field(description="How many photos have each answer.")
    fresh: int = Field(description="Answers, corrections and deletions since the newest training that was completed.")
    versions: list[VersionOut]
    compared: Compared | None = Field(description="Of the two versions that were named; null: none were.")
    can_roll_back: bool
    job: int | None = Field(description="The training that runs or waits.")
    plot: bool = Field(description="Whether there is a simulation's plot.")
    verdict: str | None = Field(description="What the newest simulation came to, a sentence; null: there is none.")
