"""What is said of a bundle that does not always answer: how much it answers, and how much of that is wrong."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from thawline.decisions.abstention import UNKNOWN
from thawline.judging.intervals import Estimate, proportion
from thawline.judging.wording import percent
from thawline.runs.predictions import Predictions
from thawline.screen import say
from thawline.tasks.photos.bundle import Bundle


def examine_answered(bundle: Bundle, predictions: Predictions) -> dict[str, Any] | None:
    """Shares with their intervals, by `predictions` at the bundle's temperature; None: it always answers."""
    if bundle.answers_from is None:
        return None
    given = bundle.answered(predictions.probabilities)
    answered = proportion(given, predictions.groups)
    error = proportion(~predictions.right[given], predictions.groups[given]) if given.any() else None
    return {
        "answers_from": bundle.answers_from,
        "answered": answered.to_json(),
        "error_of_answered": None if error is None else error.to_json(),
    }


def show_answered(examined: Mapping[str, Any], console: Console) -> None:
    """Print both."""
    answered, error = examined["answered"], examined["error_of_answered"]
    wrong = "" if error is None else f", {percent(Estimate(**error))} % of that wrongly,"
    say(console, f"answers {percent(Estimate(**answered))} %{wrong} and says {UNKNOWN} of the others")
