"""What is liked and disliked in words, as prompts of the two classes."""

from collections.abc import Sequence

from thawline.errors import UserError
from thawline.tasks.photos.prompts import class_prompts
from thawline.tasks.preference.answers import DISLIKE
from thawline.tasks.preference.settings import FeedbackSettings, phrases
from thawline.tasks.settings import PromptSettings

# Whose prompts stand for a class of which nothing is said.
NEUTRAL = "neutral"


def taste_prompts(data: FeedbackSettings, prompts: PromptSettings, classes: Sequence[str]) -> list[list[str]] | None:
    """The prompts of each of `classes`; None where nothing is said in words.

    Where only one class is described, the prompts of `neutral` stand for the other.

    Raises:
        UserError: A template does not read `{label}`, or there are none for `neutral` where these are needed.
    """
    if not data.has_words:
        return None
    found = []
    for name in classes:
        words = phrases(data.dislikes if name == DISLIKE else data.likes)
        if words:
            found.append([text for texts in class_prompts(prompts, words) for text in texts])
            continue
        if not prompts.classes.get(NEUTRAL):
            raise UserError(f"nothing is said of {name}s, and prompts.classes.{NEUTRAL} has nothing to stand for them")
        found.append(list(prompts.classes[NEUTRAL]))
    return found
