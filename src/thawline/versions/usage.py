"""How much each version was used, and what was answered of what it showed.

Rates of different versions were taken at different times from different items: they tell how each did, not which is the
better one.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from thawline.judging.intervals import Estimate, proportion
from thawline.versions.schema import ClassificationResult, Feedback, Item, ModelVersion


@dataclass(frozen=True)
class LatestAnswer:
    """What was answered last of one content that a version showed or was asked about.

    Attributes:
        answer: a word of the task.
        group: what the content belongs to, so that answers that hang together count as such.
    """

    answer: str
    group: str
    at: datetime


@dataclass(frozen=True)
class Usage:
    """One version's use.

    Attributes:
        predictions: how many items it was asked about.
        shown: the answers about these, one a content.
    """

    version: ModelVersion
    predictions: int
    shown: tuple[LatestAnswer, ...]

    @property
    def counts(self) -> Counter[str]:
        """How often each answer was given."""
        return Counter(one.answer for one in self.shown)

    def rate(self, wanted: Collection[str], among: Collection[str] | None = None) -> Estimate | None:
        """The share of the answers `wanted`, with its 95 % interval.

        Args:
            wanted: which answers count for it.
            among: which count at all; every answer if left out.

        Returns:
            None where no such answer was given.
        """
        counted = [one for one in self.shown if among is None or one.answer in among]
        if not counted:
            return None
        return proportion([one.answer in wanted for one in counted], [one.group for one in counted])


def count_predictions(session: Session, version: ModelVersion, number: int = 1) -> None:
    """Note that `version` was asked about `number` more items."""
    more = ModelVersion.predictions + number
    session.execute(update(ModelVersion).where(ModelVersion.id == version.id).values(predictions=more))


def usage(session: Session) -> list[Usage]:
    """The use of every version, by their numbers."""
    shown: dict[int, dict[str, LatestAnswer]] = {}
    for version, digest, one in [*_of_feedback(session), *_of_results(session)]:
        contents = shown.setdefault(version, {})
        if digest not in contents or contents[digest].at <= one.at:
            contents[digest] = one
    versions = session.scalars(select(ModelVersion).order_by(ModelVersion.number))
    return [Usage(one, one.predictions, tuple(shown.get(one.id, {}).values())) for one in versions]


def _of_feedback(session: Session) -> Iterable[tuple[int, str, LatestAnswer]]:
    """The newest answer that stands about each item that a version showed: version, digest, answer."""
    newest = select(func.max(Feedback.id)).where(Feedback.retracted_at.is_(None), Feedback.version_id.is_not(None))
    newest = newest.group_by(Feedback.version_id, Feedback.item_id)
    columns = (Feedback.version_id, Item.digest, Feedback.answer, Item.group, Feedback.at)
    rows = session.execute(select(*columns).join(Item, Item.id == Feedback.item_id).where(Feedback.id.in_(newest)))
    for version, digest, answer, group, at in rows:
        if version is not None:
            yield version, digest, LatestAnswer(answer, _group(digest, group), at)


def _of_results(session: Session) -> Iterable[tuple[int, str, LatestAnswer]]:
    """What was said of a version's results: version, digest, answer."""
    kept = ClassificationResult
    columns = (kept.model_version_id, kept.digest, kept.user_feedback, Item.group, kept.feedback_at)
    wanted = select(*columns).outerjoin(Item, Item.digest == kept.digest)
    wanted = wanted.where(kept.user_feedback.is_not(None)).order_by(kept.feedback_at)
    for version, digest, answer, group, at in session.execute(wanted):
        if version is not None and answer is not None and at is not None:
            yield version, digest, LatestAnswer(answer, _group(digest, group), at)


def _group(digest: str, group: int | None) -> str:
    return digest if group is None else str(group)
