"""`thawline export` of a run of the genre task: the network with its head, and the decision beside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thawline.decisions.temperature import Temperature
from thawline.runs.split import SplitRow, read_split_rows
from thawline.tasks.exporting import check_known, known_files, say_exported
from thawline.tasks.fits import Fitted, temperature_of, tolerance_of, trained_of
from thawline.tasks.genre.bundle.write import KnownTrack, TunedTracks, write_track_bundle
from thawline.tasks.genre.settings import THEMES
from thawline.tasks.genre.tables.themes import vocabulary
from thawline.tasks.genre.tags import THRESHOLDS

TRACKS = 4


def export_tracks(fitted: Fitted, target: Path, facts: dict[str, Any], notes: Sequence[str]) -> None:
    """Write the bundle and say where it is; see `tasks.capabilities.TaskExporter`."""
    known = known_tracks(fitted, read_split_rows(fitted.run / "split.csv"))
    lost = check_known(fitted, [(track.path, track.digest) for track in known])
    tuned = tuned_tracks(fitted, temperature_of(fitted))
    manifest = write_track_bundle(target, tuned, known, tolerance_of(fitted), facts, notes, trained_of(fitted))
    say_exported(target, fitted, tuned.temperature, manifest, lost)


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
    return [
        KnownTrack(known.path, known.digest, known.said, themes_of(row))
        for known, row in known_files(fitted, rows, TRACKS)
    ]


def themes_of(row: SplitRow) -> tuple[str, ...]:
    """The themes that were told of a track."""
    return tuple(row.themes.split("|")) if row.themes else ()
