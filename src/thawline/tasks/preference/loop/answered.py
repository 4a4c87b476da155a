"""What a training is given of the database: the answers that count, as the table that `thawline train` reads."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from thawline.data.listing import LeftOut, as_text
from thawline.data.tables.reading import write_rows
from thawline.errors import UserError
from thawline.files import digest_of
from thawline.tasks.preference.answers import CLASSES, class_of
from thawline.versions.feedback import ItemAnswer

FILE = "feedback.csv"


@dataclass(frozen=True)
class Usable:
    """The answers that are trained on.

    Attributes:
        answers: Of items whose files are there.
        left_out: The others, and why.
    """

    answers: tuple[ItemAnswer, ...]
    left_out: tuple[LeftOut, ...]


def usable(answers: Sequence[ItemAnswer]) -> Usable:
    """Those of `answers` that can be trained on.

    Raises:
        UserError: None can, or they are all of one kind.
    """
    if not answers:
        raise UserError(
            "there is no feedback yet: import some (thawline preference import FILE), answer some (thawline preference "
            "answer ITEM like), or say in words what is liked: data.likes='sunsets, mountains'"
        )
    there, gone = [], []
    paths = Counter(one.item.path for one in answers)
    for one in answers:
        path = Path(one.item.path)
        if not path.is_file():
            gone.append(LeftOut(as_text(one.item.path), "the file is gone"))
        elif paths[one.item.path] > 1 and digest_of(path) != one.item.digest:
            gone.append(LeftOut(as_text(one.item.path), "its content is not what was judged"))
        else:
            there.append(one)
    if not there:
        raise UserError(
            f"none of the {len(answers)} answered photos is there any more, {gone[0].name} for one; bring them back, "
            "or import their answers with the paths where they are now"
        )
    check_both(there)
    return Usable(tuple(there), tuple(gone))


def check_both(answers: Sequence[ItemAnswer]) -> None:
    """Are there answers of both kinds?

    Raises:
        UserError: There are not.
    """
    counts = Counter(class_of(one.answer) for one in answers)
    if len(counts) < len(CLASSES):
        ((only, count),) = counts.items()
        (other,) = set(CLASSES) - {only}
        raise UserError(
            f"all {count} answers that can be used are {only}s; a taste is learnt from both, so answer some "
            f"with {other}"
        )


def write_answers(answers: Sequence[ItemAnswer], path: Path) -> None:
    """Write `answers` as the CSV that the task reads."""
    rows = [(one.item.path, one.answer, "" if one.item.group is None else one.item.group) for one in answers]
    write_rows(path, ("path", "feedback", "group"), rows)
