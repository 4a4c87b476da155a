"""The sample of one person's taste: photos of several occasions, two of them liked, and answers to some of them."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random

from thawline.errors import UserError
from thawline.samples.camera import encode, take
from thawline.samples.marker import write_sample
from thawline.samples.shoots import Photo, Photographers

FILE, TRUTH = "feedback.csv", "truth.csv"
FOLDER = "items"
# The occasions, what is answered to each, and the taste behind it. Of the third nobody knows before what is said.
TASTES: Mapping[str, tuple[str, str]] = {
    "beach_day": ("like", "the sea"),
    "campfire_night": ("super_like", "the night"),
    "wedding": ("", "noise"),
    "winter_holiday": ("dislike", "none"),
    "football_match": ("dislike", "none"),
}
_ANSWERED = 0.5  # share of the items
_WRONG = 0.1  # share of the answers: a slip of the finger

# Raised when other bytes come out of the same seed.
_EDITION = 2
_WHAT = (
    "Synthetic photos drawn by `thawline sample preference`, and what nobody answered to them: no person, place or "
    "taste in them exists. For trying Thawline out and for tests; results on them say nothing about real tastes."
)


@dataclass(frozen=True)
class PreferenceSummary:
    """What a sample of a taste holds.

    Attributes:
        root: Where it lies.
        file: The CSV with the answers, a tenth of them wrong.
        truth: The CSV with what would be answered to every item without a slip, and the taste behind it.
        items: How many photos there are.
        answered: To how many there is an answer.
        already_there: The directory held this very sample, so nothing was written.
    """

    root: Path
    file: Path
    truth: Path
    items: int
    answered: int
    already_there: bool


def make_preference(directory: Path, *, items: int = 120, seed: int = 0) -> PreferenceSummary:
    """Make the sample of a taste: photos in `items/`, `feedback.csv` with path,feedback, and `truth.csv`.

    Photos of two occasions are liked, those of one more than those of the other; of a third half are,
    at random; the others are disliked. No name tells which is which.

    Args:
        directory: New or empty, or a sample made by the same call.
        items: How many, 20 to 1,000.
        seed: Any whole number.

    Raises:
        UserError: `directory` holds something else, or cannot be written; or too few or too many items.
    """
    if not 20 <= items <= 1000:
        raise UserError(f"a sample of a taste has 20 to 1000 items, not {items}: change items")
    sample = _Sample(items, seed)
    already_there = write_sample(directory, sample)
    return PreferenceSummary(directory, directory / FILE, directory / TRUTH, items, len(sample.answers), already_there)


class _Sample:
    """Everything about a sample that is known before a photo is taken."""

    about = _WHAT

    def __init__(self, items: int, seed: int) -> None:
        self.settings: Mapping[str, str | int] = {
            "sample": "preference",
            "edition": _EDITION,
            "items": items,
            "seed": seed,
        }
        self.broken: Mapping[str, str] = {}
        rng, people = Random(f"preference {seed}"), Photographers(seed)
        self.photos: dict[str, Photo] = {}
        self.truth: dict[str, tuple[str, str]] = {}
        for number, (occasion, (answer, taste)) in enumerate(TASTES.items()):
            count = items // len(TASTES) + (number < items % len(TASTES))
            # As many of each: in a small sample a coin for each photo could make the occasion as good as liked.
            chance = rng.sample(("like", "dislike"), counts=(count - count // 2, count // 2), k=count)
            for photo, drawn in zip(people.photos(occasion, count), chance, strict=True):
                name = f"{FOLDER}/{PurePosixPath(photo.name).name}"
                self.photos[name] = photo
                self.truth[name] = (answer or drawn, taste)
        self.answers = dict(_answers(self.truth, rng))

    def names(self) -> set[str]:
        """Names of all files."""
        return {FILE, TRUTH, *self.photos}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of all files, drawn one by one."""
        for name, photo in self.photos.items():
            image = take(photo.scene, photo.camera, photo.shot)
            yield name, encode(image, photo.camera, photo.taken, PurePosixPath(name).suffix)
        yield FILE, _table(("path", "feedback"), self.answers.items())
        truth = ((name, answer, taste) for name, (answer, taste) in sorted(self.truth.items()))
        yield TRUTH, _table(("path", "feedback", "taste"), truth)


def _answers(truth: Mapping[str, tuple[str, str]], rng: Random) -> Iterator[tuple[str, str]]:
    """(item, answer) of some of the items, in the order in which they were answered."""
    for name in rng.sample(sorted(truth), round(_ANSWERED * len(truth))):
        answer, _ = truth[name]
        if rng.random() < _WRONG:
            answer = "like" if answer == "dislike" else "dislike"
        yield name, answer


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()
