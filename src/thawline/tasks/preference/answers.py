"""What can be said of a photo, and what is learnt of it."""

from collections.abc import Iterable, Mapping

DISLIKE, LIKE, SUPER_LIKE = "dislike", "like", "super_like"
# All answers, and the two classes that they make: a super-like is a like that counts more.
ANSWERS = (DISLIKE, LIKE, SUPER_LIKE)
CLASSES = (DISLIKE, LIKE)

# With fewer answers of one class than these, what a model says is little more than a guess.
ENOUGH = 50

_BETWEEN = str.maketrans("", "", " _-\t\u00a0")
_WORDS = {
    **dict.fromkeys(("dislike", "dislikes", "disliked"), DISLIKE),
    **dict.fromkeys(("like", "likes", "liked"), LIKE),
    **dict.fromkeys(("superlike", "superlikes", "superliked"), SUPER_LIKE),
}


def answer_of(cell: str) -> str | None:
    """The answer that a cell of a table gives, in any case, with blanks or hyphens for underscores; None: none."""
    return _WORDS.get(cell.strip().lower().translate(_BETWEEN))


def class_of(answer: str) -> str:
    """The class that an answer makes: `like` or `dislike`."""
    return DISLIKE if answer == DISLIKE else LIKE


def count_classes(answers: Iterable[str]) -> dict[str, int]:
    """How many answers make each class."""
    counts = dict.fromkeys(CLASSES, 0)
    for answer in answers:
        counts[class_of(answer)] += 1
    return counts


def guesses(counts: Mapping[str, int]) -> bool:
    """Whether a model of so many answers of each class says little more than a guess."""
    return min(counts.get(name, 0) for name in CLASSES) < ENOUGH


def guess_sentence(counts: Mapping[str, int]) -> str:
    """What is said of such a model."""
    said = " and ".join(f"{counts.get(name, 0)} {name}s" for name in reversed(CLASSES))
    return f"It guesses: it has learnt from {said}, and {ENOUGH} of each are needed to know a taste."
