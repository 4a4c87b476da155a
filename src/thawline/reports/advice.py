"""What a sweep says to try next, and what it can't tell apart: three sentences at most, of facts alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thawline.judging.wording import ALPHA
from thawline.reports.importances import Importance
from thawline.reports.swept import SweptTrial, finite, scale_of
from thawline.targets.leaderboard import Row

MOST = 3
_FEWEST_VALUES = 3  # of two values the best is always at an end
_END = 0.05  # of the range of what was tried, at each of its ends
_CHEAPER = 0.9
_SHUFFLES = 199
_ENDS = {"failed": "failed", "pruned": "were pruned"}


def advise(
    rows: Sequence[Row], trials: Sequence[SweptTrial], important: Sequence[Importance], taken: Row | None = None
) -> list[str]:
    """The sentences, the most telling first.

    Args:
        rows: The leaderboard.
        trials: All trials of the sweep.
        important: How much each setting explains of the scores; nothing where the trials were too few to say.
        taken: The setting that the sweep comes to; None: the best.
    """
    noise = [one.key for one in important if not one.matters]
    said = (
        _alike(rows, taken or rows[0]),
        _ended_early(trials),
        _at_the_end(rows[0].setting, trials, noise),
        _fix(noise, trials),
    )
    return [sentence for sentence in said if sentence][:MOST]


def _alike(rows: Sequence[Row], taken: Row) -> str | None:
    """Which settings can't be told apart from the best, and which is taken of them."""
    best, others = rows[0], [row for row in rows[1:] if row.against_best is not None]
    if not others:
        return None
    alike = [row for row in others if row.is_alike]
    if not alike:
        count = "the other setting" if len(others) == 1 else f"each of the {len(others)} other settings"
        return f"{best.setting} is better than {count} by the paired test (p < {ALPHA:g})."
    which = "The other setting" if len(others) == 1 else f"{len(alike)} of the {len(others)} other settings"
    return f"{which} cannot be told apart from the best, {best.setting}{_taken(best, taken)}."


def _taken(best: Row, taken: Row) -> str:
    """Which setting is taken in place of the best, if one is, and what time that saves."""
    if taken is best:
        return ""
    if _cost(taken) > _CHEAPER * _cost(best):
        return f"; {taken.setting} is taken, as it is simpler"
    return f"; {taken.setting} is taken, which takes {_seconds(taken)} a trial where the best takes {_seconds(best)}"


def _cost(row: Row) -> float:
    return row.seconds / len(row.trials)


def _seconds(row: Row) -> str:
    return f"{_cost(row):.1f} s" if _cost(row) < 10 else f"{_cost(row):.0f} s"


@dataclass(frozen=True)
class _Part:
    """The trials that have one value of a setting, or all from one on."""

    words: str
    numbers: frozenset[int]


def _ended_early(trials: Sequence[SweptTrial]) -> str | None:
    """Where failed and pruned trials lie together more than chance would have it."""
    ended = [one for one in trials if one.status in (*_ENDS, "finished")]
    early = np.array([one.status in _ENDS for one in ended], dtype=bool)
    parts = [part for part in _parts(ended) if 1 < len(part.numbers) < len(ended)]
    if early.sum() < 2 or not parts:
        return None
    members = np.array([[one.number in part.numbers for one in ended] for part in parts])
    at, p_value = _most_telling(members, early)
    inside, size = int((members[at] & early).sum()), int(members[at].sum())
    if inside < 2 or p_value >= ALPHA:
        return None
    statuses = {
        one.status for one, is_early, is_in in zip(ended, early, members[at], strict=True) if is_early and is_in
    }
    how = " or ".join(said for status, said in _ENDS.items() if status in statuses)
    others = f"{int(early.sum()) - inside} of the {len(ended) - size} others"
    return f"{inside} of {size} trials with {parts[at].words} {how}, and {others}: leave such values out, or see why."


def _most_telling(members: NDArray[np.bool_], early: NDArray[np.bool_]) -> tuple[int, float]:
    """The part in which `early` [trials] lie together most, and how often chance does that in any of the parts.

    Fisher's exact test of each part, and for all of them the smallest p where the early ones are dealt out at random
    (Westfall and Young 1993): parts that overlap cost nothing, as they would by Bonferroni.

    Args:
        members: [parts, trials] who is in which.
        early: [trials] who ended early.
    """
    from scipy.stats import hypergeom  # late: half a second

    random = np.random.default_rng(0)
    dealt = np.stack([early, *(random.permutation(early) for _ in range(_SHUFFLES))], axis=1)
    inside = members.astype(np.float32) @ dealt.astype(np.float32)
    sizes, which = np.unique(members.sum(1), return_inverse=True)
    counts = np.arange(early.sum() + 1)
    table = np.array([hypergeom.sf(counts - 1, len(early), early.sum(), size) for size in sizes])
    chances = table[which[:, None], inside.astype(np.int64)]
    least = chances.min(0)
    return int(chances[:, 0].argmin()), float((least <= least[0] * (1 + 1e-9)).mean())


def _parts(trials: Sequence[SweptTrial]) -> Iterator[_Part]:
    """Each value of each setting, and of numbers what is at least and at most each."""
    for key in dict.fromkeys(key for one in trials for key in one.swept):
        mine = [one for one in trials if key in one.swept]
        values = list(dict.fromkeys(one.swept[key] for one in mine))
        for value in values:
            yield _Part(f"{key}={value}", frozenset(one.number for one in mine if one.swept[key] == value))
        scale = scale_of(key, values)
        if scale.kind == "category" or len(values) < _FEWEST_VALUES:
            continue
        for value in values:
            at = scale.places[value]
            above = frozenset(one.number for one in mine if scale.places[one.swept[key]] >= at)
            below = frozenset(one.number for one in mine if scale.places[one.swept[key]] <= at)
            yield from (_Part(f"{key} of {value} and more", above), _Part(f"{key} of {value} and less", below))


def _at_the_end(best: str, trials: Sequence[SweptTrial], noise: Sequence[str]) -> str | None:
    """The settings whose best value is at an end of what was tried; 0 is an end by itself."""
    mine = next(one.swept for one in trials if one.setting == best)
    found = [said for key, value in mine.items() if key not in noise and (said := _end(key, value, trials))]
    if not found:
        return None
    if len(found) == 1:
        return f"The best value of {found[0]} lies at the end of what was tried: widen its range."
    return f"The best values of {_listed(found)} lie at the end of what was tried: widen their ranges."


def _end(key: str, value: str, trials: Sequence[SweptTrial]) -> str | None:
    """The end of the tried values at which `value` lies, in words."""
    values = list(dict.fromkeys(one.swept[key] for one in trials if key in one.swept))
    numbers = [number for one in values if (number := finite(one)) is not None]
    number = finite(value)
    if number is None or number == 0 or len(set(numbers)) < _FEWEST_VALUES:
        return None
    log = scale_of(key, [one for one in values if finite(one) is not None]).kind == "log"
    low, high, at = (math.log10(one) if log else one for one in (min(numbers), max(numbers), number))
    place = (at - low) / (high - low)
    if _END < place < 1 - _END:
        return None
    name, end = ("largest", max(numbers)) if place > 0.5 else ("smallest", min(numbers))
    return f"{key} ({value}, {f'the {name} tried' if number == end else f'near the {name} tried, {end:g}'})"


def _fix(noise: Sequence[str], trials: Sequence[SweptTrial]) -> str | None:
    """The settings that explain no more of the scores than chance does."""
    if not noise:
        return None
    finished = sum(one.score is not None for one in trials)
    these = _listed(sorted(noise))
    return f"In {finished} trials {these} made no difference beyond chance: fix {'it' if len(noise) == 1 else 'them'}."


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
