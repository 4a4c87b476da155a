"""The settings and trials of a sweep as its pictures and its advice take them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from thawline.files import printable
from thawline.runs.sweep import Trial

_WIDE = 20.0  # the largest value over the smallest from which on a scale is logarithmic
_RATES = ("lr", "learning_rate")


@dataclass(frozen=True)
class SweptTrial:
    """What is told of one trial.

    Attributes:
        number: The trial's.
        setting: What the sweep varied, in words, without the seed.
        swept: The same by key.
        status: `finished`, `pruned`, `failed`, `interrupted`, `running` or `absent`.
        reason: Why it is not finished.
        score: Its headline figure on its inner samples, 0 to 1; None where it is not finished.
        seconds: Its wall time.
        size: Bytes of what it trained; None where that was not kept, or nothing is trained.
    """

    number: int
    setting: str
    swept: dict[str, str]
    status: str
    reason: str | None
    score: float | None
    seconds: float | None
    size: int | None


@dataclass(frozen=True)
class Scale:
    """Where the values of a setting lie: numbers on a line or in the logarithm, everything else as categories.

    Attributes:
        kind: Which of these.
        places: Each value's number, above 0 in the logarithm; of categories 0, 1 and so on.
    """

    kind: Literal["line", "log", "category"]
    places: dict[str, float]


def swept_trial(trial: Trial, setting: str) -> SweptTrial:
    """A trial with the words of its setting."""
    inner = trial.facts.get("inner", {})
    return SweptTrial(
        number=trial.number,
        setting=setting,
        swept=split_setting(setting),
        status=trial.status,
        reason=None if trial.reason is None else printable(trial.reason),
        score=inner[inner["headline"]]["value"] if inner else None,
        seconds=trial.facts.get("seconds"),
        size=trial.facts.get("tail_bytes"),
    )


def split_setting(setting: str) -> dict[str, str]:
    """A setting's words as keys and values; a value may hold blanks."""
    pairs = (word.partition("=") for word in re.split(r" (?=[\w./@+~]+=)", setting))
    return {key.lstrip("+"): value for key, is_pair, value in pairs if is_pair}


def scale_of(key: str, values: Sequence[str]) -> Scale:
    """The scale for the values of the setting `key`.

    Numbers lie on a line: a logarithmic one for learning rates, and for what spans more than a factor of 20 and lies no
    less evenly in the logarithm. Categories are in the order of the numbers among them.
    """
    numbers = {value: finite(value) for value in dict.fromkeys(values)}
    known = {value: number for value, number in numbers.items() if number is not None}
    if len(known) == len(numbers) and len(set(known.values())) > 1:
        low, high = min(known.values()), max(known.values())
        log = low > 0 and (
            key.rpartition(".")[2].endswith(_RATES) or (high / low > _WIDE and _even_in_logarithm(known))
        )
        return Scale("log" if log else "line", known)
    order = sorted(numbers, key=lambda value: (numbers[value] is not None, numbers[value] or 0.0))
    return Scale("category", {value: float(place) for place, value in enumerate(order)})


def _even_in_logarithm(numbers: Mapping[str, float]) -> bool:
    """Whether the median lies no farther from the middle in the logarithm than on a line."""
    line = sorted(numbers.values())
    off = [
        abs((median(one) - one[0]) / (one[-1] - one[0]) - 0.5)
        for one in (line, [math.log10(number) for number in line])
    ]
    return off[1] <= off[0] + 1e-9


def as_table(trials: Sequence[SweptTrial], headline: str) -> tuple[list[str], list[list[str | float | None]]]:
    """The trials as a logger takes them: columns, and a row each; numbers are such where all of a setting's are."""
    keys = list(dict.fromkeys(key for one in trials for key in one.swept))
    numeric = {key for key in keys if all(finite(one.swept[key]) is not None for one in trials if key in one.swept)}

    def cell(key: str, value: str | None) -> str | float | None:
        return finite(value) if key in numeric else value

    rows: list[list[str | float | None]] = [
        [one.number, one.status, one.score, one.seconds, one.size, *(cell(key, one.swept.get(key)) for key in keys)]
        for one in trials
    ]
    return ["trial", "status", f"inner {headline}", "seconds", "bytes trained", *keys], rows


def shortened(keys: Sequence[str]) -> list[str]:
    """The last parts of dotted keys: `lr` of `method.lr`; the whole keys where two would be called the same."""
    short = [key.removesuffix(".name").rpartition(".")[2] for key in keys]
    return short if len(set(short)) == len(short) else list(keys)


def finite(cell: str | None) -> float | None:
    """The number that `cell` is; None where it is none, or not finite."""
    try:
        number = float(cell or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
