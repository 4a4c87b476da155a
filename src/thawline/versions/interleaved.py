"""Two versions held against each other by what was answered of their picks, which were mixed: at one time, by one mood.

By team draft (Radlinski, Kurup and Joachims 2008): the versions pick in turn, a coin says who is first in each round,
and each answer is credited to the version that picked the item. So the k-th answers to the picks of both are of about
the same time and make a pair, and a test of pairs tells whether one's picks are liked more: McNemar's exact one.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from thawline.judging.paired import PairedTest, compare
from thawline.versions.schema import Feedback, Item, ModelVersion
from thawline.versions.usage import LatestAnswer, Usage


@dataclass(frozen=True)
class Interleaved:
    """What was answered of two versions' picks.

    Attributes:
        uses: of each version, with the answers to its own picks; `predictions` is 0.
        test: whether one version's picks were liked more, over pairs of answers; None: there is no pair.
    """

    uses: tuple[Usage, Usage]
    test: PairedTest | None


def drafted_by(first: ModelVersion, second: ModelVersion) -> str:
    """Why an item is shown that one of two versions picked: it does not tell which, and is the same for both."""
    low, high = sorted((first.number, second.number))
    return f"picked in turn by v{low} and v{high}"


def interleaved(session: Session, first: ModelVersion, second: ModelVersion, yes: Collection[str]) -> Interleaved:
    """Hold `first` against `second` by the answers that stand about what they picked in turn.

    Of each group of items the first answered one counts, so that answers do not hang together.

    Args:
        session: the database.
        first: a version.
        second: another one.
        yes: which answers say yes.
    """
    newest = select(func.max(Feedback.id)).where(Feedback.retracted_at.is_(None)).group_by(Feedback.item_id)
    wanted = select(Feedback.version_id, Feedback.answer, Feedback.at, Item.digest, Item.group)
    wanted = wanted.join(Item, Item.id == Feedback.item_id).order_by(Feedback.id)
    wanted = wanted.where(Feedback.id.in_(newest), Feedback.why == drafted_by(first, second))
    answers: dict[int, list[LatestAnswer]] = {first.id: [], second.id: []}
    seen = set[int]()
    for version, answer, at, digest, group in session.execute(wanted):
        if version in answers and group not in seen:
            answers[version].append(LatestAnswer(answer, digest, at))
            seen |= set() if group is None else {group}
    uses = (Usage(first, 0, tuple(answers[first.id])), Usage(second, 0, tuple(answers[second.id])))
    said = [np.array([one.answer in yes for one in use.shown], dtype=np.bool_) for use in uses]
    pairs = min(map(len, said))
    if not pairs:
        return Interleaved(uses, None)
    of_first, of_second = (one[:pairs] for one in said)
    names = {"name_a": f"v{first.number}", "name_b": f"v{second.number}"}
    return Interleaved(uses, compare(np.ones(pairs, np.bool_), of_first, of_second, np.arange(pairs), **names))
