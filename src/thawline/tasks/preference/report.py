"""What is said of a file of answers: as JSON, and on screen."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from thawline.data.photos.collection import Collection
from thawline.data.photos.report import data_report, print_photos_brief
from thawline.screen import say
from thawline.tasks.preference.answers import ANSWERS, SUPER_LIKE, count_classes, guess_sentence, guesses
from thawline.tasks.preference.table import Feedback


def feedback_report(collection: Collection, feedback: Feedback, **extra: Any) -> dict[str, Any]:
    """What data_report.json holds: what it does of any photos, the answers, and those that were changed.

    Args:
        collection: The photos that can be used.
        feedback: The answers.
        extra: As `data_report` takes it.
    """
    said = feedback.answers(collection.names)
    counts = Counter(said)
    report: dict[str, Any] = data_report(collection, **extra)
    report["feedback"] = {answer: counts[answer] for answer in ANSWERS}
    report["changed"] = [{"name": one.name, "before": one.before, "now": one.now} for one in feedback.changes]
    if feedback.changes:
        photos = len({one.name for one in feedback.changes})
        which = "1 photo was" if photos == 1 else f"{photos} photos were"
        report["warnings"].append(f"{which} answered more than once; the newest answer counts, that of the last row.")
    if guesses(count_classes(said)):
        sentence = guess_sentence(count_classes(said))
        report["warnings"].append(sentence.replace("It guesses", "A model of this guesses"))
    return report


def print_feedback_brief(report: Mapping[str, Any], console: Console) -> None:
    """Show a few lines of a report before a run."""
    print_photos_brief(report, console)
    if count := report["feedback"][SUPER_LIKE]:
        say(console, f"super-likes: {count} of the likes")
