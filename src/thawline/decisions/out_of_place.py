"""Which photos are of none of the classes: by how far their features lie from the classes, and from which distance on.

The distance is the relative Mahalanobis distance (Ren et al., "A Simple Fix to Mahalanobis Distance for Improving
Near-OOD Detection", arXiv 2106.09022): to the nearest class, less that to all photos together, so that what every photo
varies in counts for little. With hundreds of photos of a thousand features both covariances are drawn far towards one
typical variance, and are kept along the directions in which photos vary most.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.decisions.abstention import CONFIDENCE, chance_of_so_few
from thawline.errors import UserError

# Why a model answers `unknown`.
UNSURE, OUT_OF_PLACE = "unsure", "out of place"
_SHRINKAGE = 0.7  # of a covariance towards its typical variance
_DIRECTIONS = 128  # that are kept of a covariance, those of most variance
_NOTHING = 1e-9  # of the largest variance: directions below are none
_LEAST = 1e-12

Array = NDArray[np.float32]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class OutOfPlace:
    """From which distance on a photo is called out of place.

    Attributes:
        threshold: What lies farther is.
        most: Which share of the photos that are of a class is called so at most.
        confidence: With which that holds.
        called: The share of the photos below that was.
        fitted_on: What these were to the model, see `Temperature`.
        samples: How many.
    """

    threshold: float
    most: float
    confidence: float
    called: float
    fitted_on: str
    samples: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class _Spread:
    """How features vary about a mean.

    Attributes:
        directions: Unit vectors, [directions, dim].
        variances: Along each, [directions].
        typical: The mean variance over all features, [].
    """

    directions: Array
    variances: Array
    typical: Array

    @staticmethod
    def of(rows: NDArray[np.float64]) -> "_Spread":
        """That of deviations [n, dim] from their means."""
        # The smaller of the two products has the same spectrum.
        wide = rows.shape[1] > len(rows)
        squares, turned = np.linalg.eigh((rows @ rows.T if wide else rows.T @ rows) / len(rows))
        kept = np.flatnonzero(squares > _NOTHING * max(float(squares[-1]), _LEAST))[-_DIRECTIONS:]
        directions = turned[:, kept].T
        if wide:
            directions = directions @ rows / np.sqrt(len(rows) * squares[kept])[:, None]
        typical = max(float((rows**2).sum() / rows.size), _LEAST)
        return _Spread(*(np.array(part, dtype=np.float32, order="C") for part in (directions, squares[kept], typical)))

    def distances(self, deviations: NDArray[np.float64]) -> NDArray[np.float64]:
        """The squared Mahalanobis distance of each deviation [n, dim] by the shrunk covariance, a feature's, [n]."""
        along = deviations @ self.directions.T.astype(np.float64)
        beside = np.maximum((deviations**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        typical = float(self.typical)
        inside = along**2 / ((1 - _SHRINKAGE) * self.variances + _SHRINKAGE * typical)
        far: NDArray[np.float64] = (inside.sum(axis=1) + beside / (_SHRINKAGE * typical)) / deviations.shape[1]
        return far


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Where the photos of the classes lie among features.

    Attributes:
        means: Of the unit features of each class, [classes, dim].
        mean: Of all, [dim].
        within: How photos vary about their class's mean.
        whole: How they vary about the mean of all.
    """

    means: Array
    mean: Array
    within: _Spread
    whole: _Spread

    @staticmethod
    def of(features: Array, labels: NDArray[np.int64]) -> "Surroundings":
        """Those of photos with `features` [n, dim] at the end of the encoder and classes [n]."""
        units = _units(features)
        classes, number = np.unique(labels, return_inverse=True)
        means = np.stack([units[number == each].mean(axis=0) for each in range(len(classes))])
        mean = units.mean(axis=0)
        single = means.astype(np.float32), mean.astype(np.float32)
        return Surroundings(*single, _Spread.of(units - means[number]), _Spread.of(units - mean))

    def distances(self, features: Array) -> NDArray[np.float64]:
        """How far photos with `features` [n, dim] lie from the classes, relative to all photos, [n]."""
        units = _units(features)
        nearest = np.min([self.within.distances(units - mean) for mean in self.means], axis=0)
        far: NDArray[np.float64] = nearest - self.whole.distances(units - self.mean)
        return far

    def to_arrays(self) -> dict[str, Array]:
        """As arrays by name."""
        spreads = {"within": self.within, "whole": self.whole}
        parts = {f"{name}.{key}": value for name, spread in spreads.items() for key, value in vars(spread).items()}
        return {"means": self.means, "mean": self.mean, **parts}

    @staticmethod
    def from_arrays(arrays: Arrays) -> "Surroundings":
        """The inverse of `to_arrays`.

        Raises:
            KeyError, ValueError: `arrays` are others.
        """
        within, whole = (
            _Spread(*(arrays[f"{name}.{key}"] for key in ("directions", "variances", "typical")))
            for name in ("within", "whole")
        )
        if min(float(spread.typical) for spread in (within, whole)) <= 0:
            raise ValueError("photos that don't vary have no distances")
        made = Surroundings(arrays["means"], arrays["mean"], within, whole)
        made.distances(np.ones((1, len(made.mean)), dtype=np.float32))  # the shapes go together
        return made


def fit_out_of_place(distances: NDArray[np.float64], groups: NDArray[np.int64], most: float, of: str) -> OutOfPlace:
    """The lowest threshold at which it can be promised how few photos of the classes are called out of place.

    From the farthest photo on, that the share beyond it is larger than `most` is tested; the tests are in a fixed order
    and end with the first that does not reject, so that all together are wrong with the 5 % of one ("Learn then Test",
    arXiv 2110.01052).

    Args:
        distances: Of photos of the classes that the model was not trained on, from surroundings that they are no part
            of, [N].
        groups: Group of each, [N].
        most: Which share of such photos may be called out of place.
        of: What they were to the model.

    Raises:
        UserError: It can't be promised at any threshold; what could be is said.
    """
    threshold = _threshold(distances, groups, most)
    if threshold is None:
        raise UserError(
            f"out_of_place={most:g} can't be promised by {len(distances)} {of} photos in {len(np.unique(groups))} "
            f"groups; {_what_could(distances, groups, most)}"
        )
    called = float((distances > threshold).mean())
    return OutOfPlace(threshold, most, CONFIDENCE, called, of, len(distances))


def _threshold(distances: NDArray[np.float64], groups: NDArray[np.int64], most: float) -> float | None:
    falling = np.unique(distances)[::-1]
    found = None
    # Beyond the farthest lies none; then those between one photo and the next, from the farthest on.
    for threshold in (float(falling[0]), *((falling[:-1] + falling[1:]) / 2).tolist()):
        if chance_of_so_few(distances > threshold, groups, most) > 1 - CONFIDENCE:
            return found
        found = threshold
    return found


def _what_could(distances: NDArray[np.float64], groups: NDArray[np.int64], most: float) -> str:
    for share in np.arange(np.ceil(100 * most) + 1, 51) / 100:
        if _threshold(distances, groups, float(share)) is not None:
            return f"out_of_place={share:g} could be"
    return "nor could 0.5; more photos are needed"


def _units(features: Array) -> NDArray[np.float64]:
    wide = features.astype(np.float64)
    units: NDArray[np.float64] = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), _LEAST)
    return units
