"""The run's own photos, asked of its bundle: are the answers the run's, and what does full decoding change?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.bundles.golden import GoldenPhoto
from thawline.bundles.network import Classifier
from thawline.data.photos.photo import read_photo
from thawline.data.photos.preprocessing import Preprocessing
from thawline.errors import RunError

CLEAR = 0.1  # how far the two best probabilities are apart where an answer may not depend on how a JPEG is decoded


@dataclass(frozen=True)
class Known:
    """A file of the run's own.

    Attributes:
        path: Where it was.
        digest: sha256 of the file's bytes, hex.
        said: The exported fit's own probabilities of it, [classes]; None where it was not judged by that fit.
    """

    path: Path
    digest: str
    said: NDArray[np.float32] | None


@dataclass(frozen=True)
class Seen:
    """What the bundle said of them.

    Attributes:
        golden: Those that are still there, with the bundle's probabilities.
        raw: By how much these differ from the run's own, at most; None where there is nothing to compare with.
        decoding: By how much they change with full decoding, at most; None where nothing is decoded at a reduced scale.
        clear: Photos whose two best probabilities are more than 0.1 apart.
        flipped: Those of them that get another answer.
    """

    golden: tuple[GoldenPhoto, ...]
    raw: float | None
    decoding: float | None
    clear: int
    flipped: int

    def differences(self) -> dict[str, float | None]:
        """For the manifest."""
        return {"probabilities_of_raw_photos": self.raw, "probabilities_by_full_decoding": self.decoding}

    def notes(self) -> list[str]:
        """Sentences for the card."""
        if self.decoding is None:
            return []
        return [
            "It decodes large JPEGs at a reduced scale. With full decoding, as other libraries do it, probabilities of "
            f"{len(self.golden)} of the run's photos changed by {self.decoding:.1g} at most; of the {self.clear} whose "
            f"two best classes are more than {CLEAR} apart, {self.flipped} got another answer."
        ]


def look(
    classifier: Classifier, how: Preprocessing, photos: Sequence[Known], classes: Sequence[str], tolerance: float
) -> Seen:
    """Ask about `photos` as they lie on the disk; those that are gone or were changed are left out.

    Raises:
        RunError: An answer differs from the run's own by more than `tolerance`.
    """
    there = [(photo, pixels) for photo in photos if (pixels := _pixels(photo, how)) is not None]
    if not there:
        return Seen((), None, None, 0, 0)
    said = classifier.probabilities(torch.stack([pixels for _, pixels in there]))
    golden = tuple(GoldenPhoto(photo.digest, row.tolist()) for (photo, _), row in zip(there, said, strict=True))
    raw = _largest([(photo, row) for (photo, _), row in zip(there, said, strict=True)], classes, tolerance)
    if how.decode == "full":
        return Seen(golden, raw, None, 0, 0)
    full = replace(how, decode="full")
    other = classifier.probabilities(torch.stack([p for photo, _ in there if (p := _pixels(photo, full)) is not None]))
    clear = _margin(said) > CLEAR
    flipped = clear & (said.argmax(axis=1) != other.argmax(axis=1))
    return Seen(golden, raw, float(np.abs(said - other).max()), int(clear.sum()), int(flipped.sum()))


def _pixels(photo: Known, how: Preprocessing) -> torch.Tensor | None:
    facts, pixels = read_photo(photo.path, how)
    return pixels if facts.digest == photo.digest else None


def _largest(
    answers: Sequence[tuple[Known, NDArray[np.float32]]], classes: Sequence[str], tolerance: float
) -> float | None:
    largest = None
    for photo, row in answers:
        if photo.said is None:
            continue
        difference = float(np.abs(row - photo.said).max())
        if not difference <= tolerance:
            run, bundle = (f"{classes[int(each.argmax())]} with {each.max():.4f}" for each in (photo.said, row))
            raise RunError(
                f"of {photo.path} the run said {run}, and the bundle {bundle}; nothing was written (were the encoder's "
                "weights or this program changed since?)"
            )
        largest = max(largest or 0.0, difference)
    return largest


def _margin(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the two best are apart, [N]."""
    best = np.sort(probabilities, axis=1)
    margin: NDArray[np.float32] = best[:, -1] - best[:, -2]
    return margin
