"""`thawline sample TASK DIR`: make a sample collection."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.settings import SampleSettings, to_settings
from thawline.errors import UserError


def sample(config: DictConfig) -> None:
    """Make the sample collection of a task.

    Raises:
        UserError: There is no sample of that task, or the directory is taken.
    """
    settings: SampleSettings = to_settings(config)
    makers = {"events": _events, "pairs": _pairs, "genre": _genre}
    if settings.collection not in makers:
        raise UserError(f"there is no sample collection '{settings.collection}'; there are: {', '.join(makers)}")
    Console().print(makers[settings.collection](Path(settings.directory), settings), highlight=False, soft_wrap=True)


def _events(directory: Path, settings: SampleSettings) -> str:
    if settings.photos_per_class < 1:
        raise UserError(f"photos_per_class={settings.photos_per_class} must be at least 1")
    from thawline.samples.events import make_events

    summary = make_events(directory, photos_per_class=settings.photos_per_class, seed=settings.seed)
    return f"{summary}\nTry: thawline train '{directory}' encoder=tiny_clip"


def _pairs(directory: Path, settings: SampleSettings) -> str:
    from thawline.samples.pairs import make_pairs

    made = make_pairs(directory, pictures=settings.products, seed=settings.seed)
    there = " (there already)" if made.already_there else ""
    return (
        f"{made.file}: {made.pictures} pictures, {made.matches} matches, {made.mismatches} mismatches{there}\n"
        f"Try: thawline train '{made.file}' task=match encoder=tiny_clip"
    )


def _genre(directory: Path, settings: SampleSettings) -> str:
    from thawline.samples.genre import make_genre

    made = make_genre(
        directory,
        artists=settings.artists,
        tracks_per_artist=settings.tracks_per_artist,
        seconds=settings.seconds,
        seed=settings.seed,
    )
    there = " (there already)" if made.already_there else ""
    return (
        f"{made.file}: {made.tracks} tracks of {made.seconds:g} s by {made.artists} artists in {len(made.classes)} "
        f"genres{there}; {made.instruments.name} says what plays in each\n"
        f"Try: thawline train '{made.file}' task=genre encoder=mel_cnn"
    )
