"""Settings of feedback, and what goes with them."""

import re
from dataclasses import dataclass
from typing import ClassVar

from thawline.data.datasets.settings import IMAGE, Fields
from thawline.data.settings import DataSettings
from thawline.encoders.settings import Gift
from thawline.errors import UserError
from thawline.fitting.settings import GradientSettings, ZeroShotSettings
from thawline.tasks.settings import RunSettings


@dataclass
class FeedbackSettings(DataSettings):
    """A file of answers to photos.

    Attributes:
        path: A CSV or Parquet file with the columns `path,feedback` and perhaps `group` and `split`.
        super_like: How many likes a super-like counts for in the training.
        likes: What is liked in words, with commas between; what the text encoder makes of it is where learning begins.
        dislikes: What is disliked in words.
    """

    fields: ClassVar[Fields] = Fields(
        IMAGE,
        "path",
        {"feedback": ("feedback", "answer", "label"), "group": ("group",), "split": ("split",)},
        needed=("feedback",),
    )

    super_like: float = 2.0
    likes: str = ""
    dislikes: str = ""

    def __post_init__(self) -> None:
        """Check the range, and that nothing is asked that only folders of classes have."""
        super().__post_init__()
        if not 0 < self.super_like <= 100:
            raise UserError(f"data.super_like={self.super_like:g} must be above 0 and at most 100; a like has 1")
        self._refuse_classes(": an answer is a like or a dislike")
        self.refuse_corrections("answer anew: of a photo's answers the last counts")
        for key in ("likes", "dislikes"):
            if getattr(self, key) and not phrases(getattr(self, key)):
                raise UserError(f"data.{key} says nothing; write words with commas between, or leave it out")

    @property
    def has_words(self) -> bool:
        """Whether anything is said in words."""
        return bool(self.likes or self.dislikes)


def phrases(text: str) -> list[str]:
    """What stands between commas, semicolons or bars, each once; brackets and quotes about it don't count."""
    parts = (part.strip().strip("'\"").strip() for part in re.split(r"[,;|\n]", text.strip().strip("[]")))
    return list(dict.fromkeys(part for part in parts if part))


def check_run(run: RunSettings) -> None:
    """Do the method and the encoder suit what is learnt, and what is said of it in words?

    Raises:
        UserError: They don't.
    """
    data, method = feedback_of(run.data), run.method
    if data.has_words and Gift.TEXT not in run.encoder.gifts:
        raise UserError(
            f"data.likes and data.dislikes are words, which encoder '{run.encoder.model or run.encoder.name}' can't "
            "read; use encoder=clip, or leave them out"
        )
    if Gift.TEXT in method.needs and not isinstance(method, GradientSettings) and not data.has_words:
        what = "goes by words alone" if isinstance(method, ZeroShotSettings) else "begins with words"
        raise UserError(
            f"method={method.name} {what}; give data.likes='sunsets, mountains' or data.dislikes, or another method"
        )
    if isinstance(method, GradientSettings) and method.head == "prompts":
        raise UserError(
            f"method={method.name} trains what tells classes by prompts; a taste takes logistic, gda, linear, mlp or "
            "finetune"
        )


def feedback_of(data: DataSettings) -> FeedbackSettings:
    """`data`, which is feedback."""
    if not isinstance(data, FeedbackSettings):
        raise TypeError(f"the data of this task are FeedbackSettings, not {type(data).__name__}")
    return data
