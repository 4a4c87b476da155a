"""`thawline export` of a run of the genre task: the network with its head, and the decision beside."""

from thawline.decisions.label_thresholds import THRESHOLDS
from thawline.decisions.temperature import Temperature
from thawline.runs.split import SplitRow
from thawline.tasks.bundle.exporting import Exportable, known_files
from thawline.tasks.genre.bundle.write import KnownTrack, TunedTracks
from thawline.tasks.genre.settings import THEMES
from thawline.tasks.genre.tables.themes import vocabulary
from thawline.tasks.run_model import RunModel, temperature_of

TRACKS = 4


def export_tracks(fitted: RunModel) -> Exportable:
    """What the run fitted; see `tasks.capabilities.TaskExporter`."""
    return Exportable(tuned_tracks(fitted, temperature_of(fitted)), known_tracks(fitted))


def tuned_tracks(fitted: RunModel, temperature: Temperature) -> TunedTracks:
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
        renamed=settings.data.rename or {},
        themes=vocabulary().only(fitted.fit.chosen[THEMES]) if THEMES in fitted.fit.chosen else None,
    )


def known_tracks(fitted: RunModel) -> list[KnownTrack]:
    """Some of the tracks that the run was judged by, from its first to its last."""
    return [KnownTrack(one.path, one.digest, one.said, themes_of(row)) for one, row in known_files(fitted, TRACKS)]


def themes_of(row: SplitRow) -> tuple[str, ...]:
    """The themes that were told of a track."""
    return tuple(row.themes.split("|")) if row.themes else ()
