"""What a file of answers holds, before anything is trained."""

from dataclasses import replace
from typing import Any

from rich.console import Console

from thawline.data.photos.report import print_report
from thawline.tasks.photos.facts import HEAD_BYTES, photo_facts
from thawline.tasks.photos.peopled import find_peopled
from thawline.tasks.preference.report import feedback_report
from thawline.tasks.preference.settings import feedback_of
from thawline.tasks.preference.table import collect, read_feedback
from thawline.tasks.settings import CheckSettings


def check_preference(settings: CheckSettings, console: Console) -> dict[str, Any]:
    """Show how many answers of each kind there are, groups, changed answers, broken files, the size of the store.

    Raises:
        UserError: There are no usable photos of both classes.
    """
    data = feedback_of(settings.data)
    feedback = read_feedback(data)
    listing, people = find_peopled(feedback.listing, settings)
    feedback = feedback.only(listing)
    collection, feedback = collect(feedback, photo_facts(feedback.listing, data, settings.store.root), data)
    report = feedback_report(replace(collection, people=people), feedback, bytes_per_photo=HEAD_BYTES)
    print_report(report, console)
    return report
