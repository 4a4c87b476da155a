"""What a service said of files, and what people said of that."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from thawline.errors import UserError
from thawline.versions.schema import ClassificationResult, ModelVersion, now
from thawline.versions.usage import count_predictions


class UnknownResultError(UserError):
    """There is no result of that id."""


def keep_result(
    session: Session, *, version: ModelVersion | None, name: str, digest: str, label: str, score: float
) -> ClassificationResult:
    """Keep what was said of one file, and count it as a use of the version that said it.

    Args:
        session: the database.
        version: None where the bundle is of no registry.
        name: the file's, as the caller said it.
        digest: sha256 of its content, hex.
        label: the answer.
        score: its probability.

    Returns:
        What was kept; its `id` is the result's.
    """
    result = ClassificationResult(
        model_version_id=version.id if version else None, name=name, digest=digest, label=label, score=score
    )
    keep_results(session, [result])
    return result


def keep_results(session: Session, results: Sequence[ClassificationResult]) -> None:
    """Keep what was said of several files, and count each as a use of the version that said it."""
    session.add_all(results)
    session.flush()
    counts = Counter(result.model_version_id for result in results if result.model_version_id is not None)
    for version, number in sorted(counts.items()):
        count_predictions(session, session.get_one(ModelVersion, version), number)


def give_feedback(session: Session, result_id: str, answer: str, at: datetime | None = None) -> ClassificationResult:
    """Note what was said of a result: a word of the task, or the class that it is. What was said last counts.

    Raises:
        UnknownResultError: There is no such result.
    """
    result = session.get(ClassificationResult, result_id)
    if result is None:
        raise UnknownResultError(f"there is no result '{result_id}'; its id is the result_id of an answer")
    result.user_feedback, result.feedback_at = answer, at or now()
    session.flush()
    return result
