"""May a version take the place of the active one? By answers that were given since, and scores that had not seen them.

A version's score of an item is fair where it had not seen the answer: the score that it showed, the one that it gave
out of fold while it was trained, or, of an item that it was not trained on, what it says now.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from thawline.judging.intervals import Estimate, proportion
from thawline.judging.paired import PairedTest, compare
from thawline.judging.wording import format_points
from thawline.versions.feedback import ItemAnswer, answered
from thawline.versions.schema import Feedback, Item, ModelVersion, VersionFeedback
from thawline.versions.settings import MARGIN

_YES = 0.5  # from this score on

# What a version says now of items: one score each, None where a file can't be used.
Scorer = Callable[[ModelVersion, Sequence[Item]], Sequence[float | None]]


@dataclass(frozen=True)
class PairedScores:
    """Answers that two versions have a fair score of.

    Attributes:
        yes: [n] whether the answer is one of those that say yes.
        first: [n] scores of the one, 0 to 1.
        second: [n] scores of the other.
        groups: [n] what belongs together.
    """

    yes: npt.NDArray[np.bool_]
    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]
    groups: npt.NDArray[np.str_]


@dataclass(frozen=True)
class CandidateVerdict:
    """What the gate says of a candidate.

    Attributes:
        met: whether it may take the active version's place.
        better: whether the paired test tells it from the active version, and it is the better one.
        sentence: both in words, with figures.
        test: the candidate, a, against the active version, b; None: there is no answer to judge by.
        active: share of the answers that the active version is right about.
        candidate: share that the candidate is right about.
    """

    met: bool
    better: bool
    sentence: str
    test: PairedTest | None = None
    active: Estimate | None = None
    candidate: Estimate | None = None


def judge(judged: PairedScores, *, names: tuple[str, str], margin: float = MARGIN) -> CandidateVerdict:
    """Hold the candidate, the second of `judged`, against the active version, the first.

    It may take its place unless its accuracy on these answers is lower by more than `margin`, and it is called better
    only where the paired test says so.

    Args:
        judged: The answers, with the scores of both.
        names: What the active version and the candidate are called.
        margin: A share: 0.02 is 2 points.
    """
    active, candidate = names
    if not len(judged.yes):
        nothing = f"there is no answer yet, of an item that {active} was not trained on, to judge {candidate} by"
        return CandidateVerdict(met=False, better=False, sentence=nothing)
    new, old = judged.second >= _YES, judged.first >= _YES
    test = compare(judged.yes, new, old, judged.groups, name_a=candidate, name_b=active)
    shares = [proportion(one == judged.yes, judged.groups) for one in (old, new)]
    # A difference that is the margin itself is a sum of binary fractions a little beside it.
    met = test.difference.value >= -margin - 1e-9
    better = test.differs and test.difference.value > 0
    verdict = "" if met else f"; that is more than the {format_points(margin)} points that {candidate} may be worse by"
    return CandidateVerdict(met, better, test.summary() + verdict, test, *shares)


def fair_scores(
    session: Session, version: ModelVersion, answers: Sequence[ItemAnswer], scorer: Scorer | None = None
) -> dict[int, float]:
    """What `version` said of answered items without having seen the answers, by the answers' rows.

    Args:
        session: The database.
        version: A version.
        answers: Of items.
        scorer: Asks it now about items that it showed no score of and was not trained on; None: it is not asked.
    """
    trained = _items_trained_on(session, version)
    out_of_fold = _out_of_fold(session, version)
    scores: dict[int, float] = {}
    open_: list[ItemAnswer] = []
    for one in answers:
        if one.item.id in trained:
            if (score := out_of_fold.get(one.feedback_id)) is not None:
                scores[one.feedback_id] = score
        elif one.version_id == version.id and one.score is not None:
            scores[one.feedback_id] = one.score
        else:
            open_.append(one)
    if scorer is not None and open_ and version.pruned_at is None:
        said = scorer(version, [one.item for one in open_])
        scores |= {one.feedback_id: score for one, score in zip(open_, said, strict=True) if score is not None}
    return scores


def judged_by_both(
    session: Session,
    first: ModelVersion,
    second: ModelVersion,
    yes: Collection[str],
    scorer: Scorer | None = None,
) -> PairedScores:
    """The answers that count of which both versions have a fair score: what `versions compare` goes by."""
    return _judged(session, answered(session), first, second, yes, scorer)


def judged_since(
    session: Session,
    active: ModelVersion,
    candidate: ModelVersion,
    yes: Collection[str],
    scorer: Scorer | None = None,
) -> PairedScores:
    """The answers that the active version was not trained on, of which both have a fair score: what the gate goes by.

    Args:
        session: The database.
        active: The active version.
        candidate: What may take its place.
        yes: The answers that say yes; all others say no.
        scorer: See `fair_scores`.
    """
    trained = _items_trained_on(session, active)
    since = [one for one in answered(session) if one.item.id not in trained]
    return _judged(session, since, active, candidate, yes, scorer)


def _judged(
    session: Session,
    answers: Sequence[ItemAnswer],
    first: ModelVersion,
    second: ModelVersion,
    yes: Collection[str],
    scorer: Scorer | None,
) -> PairedScores:
    one = fair_scores(session, first, answers, scorer)
    two = fair_scores(session, second, [answer for answer in answers if answer.feedback_id in one], scorer)
    both = [answer for answer in answers if answer.feedback_id in two]
    groups = [f"item {a.item.id}" if a.item.group is None else f"group {a.item.group}" for a in both]
    return PairedScores(
        yes=np.array([answer.answer in yes for answer in both], dtype=np.bool_),
        first=np.array([one[answer.feedback_id] for answer in both], dtype=np.float64),
        second=np.array([two[answer.feedback_id] for answer in both], dtype=np.float64),
        groups=np.array(groups, dtype=np.str_),
    )


def _items_trained_on(session: Session, version: ModelVersion) -> set[int]:
    """The items that `version` was trained on, whatever the answers were then."""
    used = select(VersionFeedback.feedback_id).where(VersionFeedback.version_id == version.id)
    return set(session.scalars(select(Feedback.item_id).where(Feedback.id.in_(used))))


def _out_of_fold(session: Session, version: ModelVersion) -> Mapping[int, float]:
    """The scores that `version` gave out of fold, by the answers' rows."""
    wanted = select(VersionFeedback.feedback_id, VersionFeedback.score).where(
        VersionFeedback.version_id == version.id, VersionFeedback.score.is_not(None)
    )
    return {row.feedback_id: row.score for row in session.execute(wanted)}
