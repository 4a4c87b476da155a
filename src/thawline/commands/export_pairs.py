"""`thawline export` of a run of the match task: a CLIP directory with the decision beside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from thawline.bundles.write_pairs import KnownPair, TunedPairs, write_pair_bundle
from thawline.commands.fits import Fitted, say_bundle, temperature_of, tolerance_of, which_fit, which_temperature
from thawline.decisions.threshold import Threshold
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.runs.split import read_split_rows
from thawline.screen import say
from thawline.tasks.match.data import MatchData
from thawline.tasks.match.features import load_pretrained
from thawline.tasks.match.tail import split_state
from thawline.tasks.registry import task_reader

_PAIRS = 8


def export_pairs(fitted: Fitted, target: Path, facts: dict[str, Any], notes: Sequence[str]) -> None:
    """Write the bundle and say where it is.

    Args:
        fitted: The run's model.
        target: Where it goes.
        facts: What the manifest says of the run.
        notes: Sentences for the card.

    Raises:
        UserError: The run's encoders are no CLIP.
        RunError: The bundle does not compute what the run did; nothing was written.
    """
    settings = fitted.settings
    if settings.text is not None:
        raise UserError(
            "only a CLIP's own two towers can be exported for task=match, and this run put two encoders together; "
            "train with encoder=clip and without encoder@text"
        )
    parts = split_state(fitted.fit.state)
    tuned = TunedPairs(
        encoder=settings.encoder,
        decode=settings.data.decode,
        tails=list(zip(load_pretrained(settings).cuts(settings.cut), (parts.image, parts.text), strict=True)),
        scale=parts.scale,
        bias=parts.bias,
        threshold=Threshold(**fitted.fit.chosen["threshold"]),
        temperature=temperature_of(fitted),
    )
    manifest = write_pair_bundle(target, tuned, _known(fitted), tolerance_of(fitted), facts, notes)
    _say(target, fitted, tuned, manifest)


def _known(fitted: Fitted) -> list[KnownPair]:
    """Some of the pairs that the run judged, from its first to its last."""
    judged = fitted.judged
    rows = {row.path: row for row in read_split_rows(fitted.run / "split.csv")}
    try:
        problem = task_reader("match")(fitted.settings, find_device(fitted.settings.trainer.accelerator))
    except UserError:
        return []  # the pairs are gone; the bundle does not need them
    assert isinstance(problem, MatchData)  # noqa: S101  # it is the task's
    # A row of the file may hold another pair by now.
    same = {now.path for now in problem.split_rows(()) if now.path in rows and now.text == rows[now.path].text}
    pairs = {name: pair for name, pair in zip(problem.names, problem.pairs, strict=True) if name in same}
    places = np.unique(np.linspace(0, len(judged.paths) - 1, _PAIRS).round().astype(np.int64))
    chosen = [(int(i), judged.paths[i]) for i in places if judged.paths[i] in pairs]
    return [
        KnownPair(
            pairs[path].path,
            rows[path].digest,
            pairs[path].text,
            float(judged.probabilities[i, 1]) if fitted.judged_itself else None,
        )
        for i, path in chosen
    ]


def _say(target: Path, fitted: Fitted, tuned: TunedPairs, manifest: dict[str, Any]) -> None:
    console = Console()

    say(console, which_fit(fitted, "pairs"))
    if (raw := manifest["largest_difference"]["probabilities_of_raw_photos"]) is not None:
        say(console, f"largest difference from the run's own probabilities, from raw photos: {raw:.1g}")
    say(console, which_temperature(tuned.temperature, "pairs"))
    say(console, f"a match from probability {tuned.threshold.value:.3f} on, fitted for {tuned.threshold.balance}")
    say_bundle(console, target, fitted)
