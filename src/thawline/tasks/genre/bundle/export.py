"""`thawline export` of a run of the genre task: the network with its head, and the decision beside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from thawline.data.tables.places import find_file
from thawline.decisions.temperature import Temperature
from thawline.runs.split import SplitRow, read_split_rows
from thawline.screen import say
from thawline.tasks.fits import (
    Fitted,
    check_known,
    say_bundle,
    temperature_of,
    tolerance_of,
    trained_of,
    which_fit,
    which_temperature,
)
from thawline.tasks.genre.bundle.write import KnownTrack, TunedTracks, write_track_bundle
from thawline.tasks.genre.settings import THEMES
from thawline.tasks.genre.tables.themes import vocabulary
from thawline.tasks.genre.tags import THRESHOLDS

TRACKS = 4


def export_tracks(fitted: Fitted, target: Path, facts: dict[str, Any], notes: Sequence[str]) -> None:
    """Write the bundle and say where it is.

    Args:
        fitted: The run's model.
        target: Where it goes.
        facts: What the manifest says of the run.
        notes: Sentences for the card.

    Raises:
        UserError: The run's encoder or head can't be exported.
        RunError: The bundle does not compute what the run did; nothing was written.
    """
    known = known_tracks(fitted, read_split_rows(fitted.run / "split.csv"))
    lost = check_known(fitted, [(track.path, track.digest) for track in known])
    tuned = tuned_tracks(fitted, temperature_of(fitted))
    manifest = write_track_bundle(target, tuned, known, tolerance_of(fitted), facts, notes, trained_of(fitted))
    console = Console()

    say(console, which_fit(fitted, "tracks"))
    if (raw := manifest["largest_difference"]["probabilities_of_raw_tracks"]) is not None:
        say(console, f"largest difference from the run's own probabilities, from raw tracks: {raw:.1g}")
    say(console, which_temperature(tuned.temperature, "tracks"))
    if lost:
        say(console, lost)
    say_bundle(console, target, fitted)


def tuned_tracks(fitted: Fitted, temperature: Temperature) -> TunedTracks:
    """What the run fitted, at `temperature`."""
    settings = fitted.settings
    return TunedTracks(
        task=settings.task,
        encoder=settings.encoder,
        thaw=settings.cut,
        state=fitted.fit.state,
        classes=fitted.classes,
        method=settings.method.name,
        head=settings.method.head,
        temperature=temperature,
        thresholds=fitted.fit.chosen.get(THRESHOLDS),
        themes=vocabulary().only(fitted.fit.chosen[THEMES]) if THEMES in fitted.fit.chosen else None,
    )


def known_tracks(fitted: Fitted, rows: Sequence[SplitRow]) -> list[KnownTrack]:
    """Some of the tracks that the run was judged by, from its first to its last."""
    root, judged = tracks_root(fitted), fitted.judged
    by_path = {row.path: row for row in rows}
    chosen = np.unique(np.linspace(0, len(judged.paths) - 1, TRACKS).round().astype(np.int64))
    return [
        KnownTrack(
            find_file(judged.paths[i], root),
            by_path[judged.paths[i]].digest,
            judged.probabilities[i] if fitted.judged_itself else None,
            themes_of(by_path[judged.paths[i]]),
        )
        for i in chosen
    ]


def themes_of(row: SplitRow) -> tuple[str, ...]:
    """The themes that were told of a track."""
    return tuple(row.themes.split("|")) if row.themes else ()


def tracks_root(fitted: Fitted) -> Path:
    """The folder that the run's paths are relative to."""
    path = Path(fitted.settings.data.path)
    return path if path.is_dir() else path.parent
