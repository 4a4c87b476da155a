"""When not to answer: from which probability on so few answers are wrong as was promised, and "unknown" below it.

The promise is one of all future answers, made with 95 % confidence, so it is tested rather than read off the samples
(Angelopoulos et al., "Learn then Test", arXiv 2110.01052): for each of ten shares of the surest samples, that more of
their answers than promised are wrong is rejected by a binomial test, or not. The tests go from the surest tenth to all
and pass on what they may be wrong by where they reject (the fallback procedure; Wiens, Pharmaceutical Statistics 2,
2003), so that all ten together are wrong with the 5 % of one.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.errors import UserError
from thawline.judging.intervals import effective_samples, sum_by_group

UNKNOWN = "unknown"  # what is answered where too many answers would be wrong
CONFIDENCE = 0.95
_SHARES = np.arange(1, 11) / 10


@dataclass(frozen=True)
class Abstention:
    """From which probability on a model answers.

    Attributes:
        threshold: Of the most probable class, at the model's temperature; 0: it always answers.
        max_error: Which share of the answers is wrong at most.
        confidence: With which that holds.
        answered: The share of the samples below that it answered.
        error: The share of those answers that is wrong.
        fitted_on: What the samples were to the model, see `Temperature`.
        samples: How many.
    """

    threshold: float
    max_error: float
    confidence: float
    answered: float
    error: float
    fitted_on: str
    samples: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def fit_abstention(
    right: NDArray[np.bool_], sure: NDArray[np.floating[Any]], groups: NDArray[np.int64], max_error: float, of: str
) -> Abstention:
    """The lowest threshold at which the error can be promised.

    Args:
        right: Which answers are right, [N], of samples that the model was not trained on.
        sure: The probability of each answer at the model's temperature, [N].
        groups: Group of each sample, [N].
        max_error: Which share of the answers may be wrong.
        of: What the samples were to the model.

    Raises:
        UserError: It can't be promised at any threshold; what could be is said.
    """
    threshold = _threshold(right, sure, groups, max_error)
    if threshold is None:
        raise UserError(
            f"max_error={max_error:g} can't be promised by {len(right)} {of} samples in {len(np.unique(groups))} groups"
            f"; {_what_could(right, sure, groups, max_error)}"
        )
    given = sure >= threshold
    error = float((~right[given]).mean())
    return Abstention(threshold, max_error, CONFIDENCE, float(given.mean()), error, of, len(right))


def _threshold(
    right: NDArray[np.bool_], sure: NDArray[np.floating[Any]], groups: NDArray[np.int64], max_error: float
) -> float | None:
    """The lowest threshold at which more errors than `max_error` are rejected; None: there is none."""
    falling = np.sort(sure.astype(np.float64))[::-1]
    found, each = None, (1 - CONFIDENCE) / len(_SHARES)
    allowed = each
    for share in _SHARES:
        count = int(np.ceil(share * len(falling)))
        threshold = 0.0 if count == len(falling) else float(falling[count - 1] + falling[count]) / 2
        given = sure >= threshold
        if chance_of_so_few(~right[given], groups[given], max_error) <= allowed:
            found, allowed = threshold, allowed + each
        else:
            allowed = each
    return found


def chance_of_so_few(wrong: NDArray[np.bool_], groups: NDArray[np.int64], error: float) -> float:
    """How probable so few wrong answers are where the share `error` is; samples of a group count as they differ."""
    from scipy.special import betainc  # late: a fifth of a second, and what answers fits nothing

    sums, sizes = sum_by_group(wrong, groups), sum_by_group(np.ones(len(wrong)), groups)
    count = float(effective_samples(sums, sums, sizes))
    seen = count * float(wrong.mean())
    # The binomial's distribution function, continued to counts that are not whole.
    return 1.0 if seen >= count else float(betainc(count - seen, seen + 1, 1 - error))


def _what_could(
    right: NDArray[np.bool_], sure: NDArray[np.floating[Any]], groups: NDArray[np.int64], max_error: float
) -> str:
    """What could be promised instead, in half a sentence."""
    for error in np.arange(np.ceil(100 * max_error) + 1, 51) / 100:
        if (threshold := _threshold(right, sure, groups, float(error))) is not None:
            return f"max_error={error:g} could be, with {100 * float((sure >= threshold).mean()):.0f} % answered"
    return "nor could 0.5; more samples are needed"
