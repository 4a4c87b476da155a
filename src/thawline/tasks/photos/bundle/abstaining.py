"""What is said of a bundle that does not always answer: how much it answers, and how much of that is wrong."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console

from thawline.decisions.abstention import UNKNOWN
from thawline.decisions.out_of_place import OUT_OF_PLACE
from thawline.judging.intervals import Estimate, proportion
from thawline.judging.wording import percent
from thawline.runs.predictions import Predictions
from thawline.screen import say
from thawline.tasks.photos.bundle.photos import Bundle


def examine_answered(bundle: Bundle, predictions: Predictions, unknown: Mapping[str, str]) -> dict[str, Any] | None:
    """Shares with their intervals, by `predictions` at the bundle's temperature; None: it always answers.

    `unknown` has the photos that it does not answer, with the reason.
    """
    if not bundle.reasons:
        return None
    why = np.array([unknown.get(path, "") for path in predictions.paths])
    given, groups = why == "", predictions.groups
    error = proportion(~predictions.right[given], groups[given]) if given.any() else None
    examined: dict[str, Any] = {
        "answers_from": bundle.answers_from,
        "answered": proportion(given, groups).to_json(),
        "error_of_answered": None if error is None else error.to_json(),
    }
    if bundle.out_of_place_from is not None:
        away = why == OUT_OF_PLACE
        examined |= {
            "out_of_place_from": bundle.out_of_place_from,
            "out_of_place": proportion(away, groups).to_json(),
            "photos_out_of_place": [path for path, there in zip(predictions.paths, away, strict=True) if there],
        }
    return examined


def show_answered(examined: Mapping[str, Any], console: Console) -> None:
    """Print these."""
    answered, error = examined["answered"], examined["error_of_answered"]
    wrong = "" if error is None else f", {percent(Estimate(**error))} % of that wrongly,"
    say(console, f"answers {percent(Estimate(**answered))} %{wrong} and says {UNKNOWN} of the others")
    if (away := examined.get("out_of_place")) is not None:
        say(console, f"{OUT_OF_PLACE}: {len(examined['photos_out_of_place'])}, {percent(Estimate(**away))} %")
