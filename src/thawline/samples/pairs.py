"""The sample of image–text pairs: synthetic products with texts that match, and texts that don't."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product as combinations
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from thawline.errors import UserError
from thawline.samples.marker import write_sample
from thawline.samples.products import BACKGROUNDS, COLOURS, FINISHES, KINDS, Product, change_one, describe, draw_product

FILE = "pairs.csv"
_SIDE = 192  # px
_PAGE = 2  # products whose texts are each other's random mismatches
# Texts of each picture.
_TRUE, _RANDOM, _HARD = 2, 2, 1
_TRIES = 40  # wordings for one text

# Raised when other bytes come out of the same seed.
_EDITION = 1
_WHAT = (
    "Synthetic pictures of products drawn by `thawline sample pairs`, with texts: nothing in them exists. For trying "
    "Thawline out and for tests; results on them say nothing about real products."
)

Row = tuple[str, str, int, str]


@dataclass(frozen=True)
class PairsSummary:
    """What a sample of pairs holds.

    Attributes:
        root: Where it lies.
        file: The CSV with the pairs.
        pictures: How many.
        matches: Rows of texts that are true of the picture.
        mismatches: Rows of texts that are not.
        already_there: The directory held this very sample, so nothing was written.
    """

    root: Path
    file: Path
    pictures: int
    matches: int
    mismatches: int
    already_there: bool


def make_pairs(directory: Path, *, pictures: int = 400, seed: int = 0) -> PairsSummary:
    """Make the sample of pairs: `pairs.csv` with the columns image_path,text,label,difficulty, and `images/`.

    A product has one or two pictures before different backgrounds. A picture has up to three true texts: two name its
    background, one does not and stands with the product's other picture as well. A random mismatch is a text of another
    product, of another kind; a hard one differs from the truth in one attribute.

    Args:
        directory: New or empty, or a sample made by the same call.
        pictures: How many, 8 to 1,000.
        seed: Any whole number.

    Raises:
        UserError: `directory` holds something else, or cannot be written; or too few or too many pictures.
    """
    if not 8 <= pictures <= 1000:
        raise UserError(f"a sample of pairs has 8 to 1000 pictures, not {pictures}: change products")
    sample = _Sample(pictures, seed)
    already_there = write_sample(directory, sample)
    matches = sum(label for _, _, label, _ in sample.rows)
    mismatches = len(sample.rows) - matches
    return PairsSummary(directory, directory / FILE, pictures, matches, mismatches, already_there)


class _Sample:
    """Everything about a sample that is known before a picture is drawn."""

    about = _WHAT

    def __init__(self, pictures: int, seed: int) -> None:
        self.settings: Mapping[str, str | int] = {
            "sample": "pairs",
            "edition": _EDITION,
            "pictures": pictures,
            "seed": seed,
        }
        self.broken: Mapping[str, str] = {}
        self._seed = seed
        rng = Random(f"pairs {seed}")
        self.shown = list(_pictures(pictures, rng))
        self.rows = list(_rows(self.shown, rng))

    def names(self) -> set[str]:
        """Names of all files."""
        return {FILE, *(name for _, name, _ in self.shown)}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of all files, drawn one by one."""
        for _, name, shown in self.shown:
            yield name, _jpeg(shown, f"{self._seed} {name}")
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("image_path", "text", "label", "difficulty"))
        writer.writerows(self.rows)
        yield FILE, text.getvalue().encode()


def _pictures(count: int, rng: Random) -> Iterator[tuple[int, str, Product]]:
    """(page, file name, what it shows), `_PAGE` products of different kinds a page."""
    kinds = {kind: list(combinations(COLOURS, FINISHES)) for kind in KINDS}
    for looks in kinds.values():
        rng.shuffle(looks)
    made = page = 0
    while made < count:
        for kind in rng.sample(sorted(kinds, key=lambda kind: -len(kinds[kind]))[: 2 * _PAGE + 2], _PAGE):
            if not kinds[kind]:  # every look was shown: begin again, other shots of it
                kinds[kind] = list(combinations(COLOURS, FINISHES))
                rng.shuffle(kinds[kind])
            colour, finish = kinds[kind].pop()
            for background in rng.sample(list(BACKGROUNDS), rng.choice((1, 2))):
                if made < count:
                    made += 1
                    yield page, f"images/product-{made:04d}.jpg", Product(kind, colour, finish, background)
        page += 1


class _Texts:
    """Words texts so that none stands on two pages: else the pages would hang together, and no split be possible."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._pages: dict[str, int] = {}

    def of(self, page: int, choose: Callable[[], Product]) -> str:
        """A text of what `choose` gives, which is asked again while another page has the text; "" if it stays so."""
        for _ in range(_TRIES):
            text = describe(choose(), self._rng)
            if self._pages.setdefault(text, page) == page:
                return text
        return ""


def _rows(shown: list[tuple[int, str, Product]], rng: Random) -> Iterator[Row]:
    """Matches, random and hard mismatches of each picture."""
    texts = _Texts(rng)
    open_texts: dict[Product, str] = {}  # a text that names no background, one a product
    for page, name, product in shown:
        bare = replace(product, background="")
        if bare not in open_texts:
            open_texts[bare] = texts.of(page, partial(replace, bare))
        others = [other for its, _, other in shown if its == page and other.kind != product.kind]
        rows = [(open_texts[bare], 1, "")]
        rows += [(texts.of(page, partial(replace, product)), 1, "") for _ in range(_TRUE)]
        rows += [(texts.of(page, partial(_other, others, rng)), 0, "random") for _ in range(_RANDOM if others else 0)]
        rows += [(texts.of(page, partial(_changed, product, rng)), 0, "hard") for _ in range(_HARD)]
        for text, label, difficulty in dict.fromkeys(rows):
            if text:
                yield name, text, label, difficulty


def _other(others: Sequence[Product], rng: Random) -> Product:
    return _loosely(rng.choice(others), rng)


def _changed(product: Product, rng: Random) -> Product:
    return change_one(_loosely(product, rng), rng)


def _loosely(product: Product, rng: Random) -> Product:
    """The product with its background or without."""
    return product if rng.random() < 0.5 else replace(product, background="")


def _jpeg(product: Product, seed: str) -> bytes:
    rng = np.random.default_rng(list(seed.encode()))
    picture = draw_product(product, seed, _SIDE)
    noisy = picture + rng.normal(0, 0.015, picture.shape)
    out = io.BytesIO()
    Image.fromarray((noisy.clip(0, 1) * 255 + 0.5).astype(np.uint8)).save(out, "JPEG", quality=88)
    return out.getvalue()
