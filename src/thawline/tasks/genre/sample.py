"""The sample collection of music."""

from pathlib import Path

from thawline.samples.genre import make_genre
from thawline.samples.settings import SampleSettings
from thawline.tasks.capabilities import SampleCollection


def make(directory: Path, settings: SampleSettings) -> SampleCollection:
    """Play songs of six genres into `directory`, with a file that lists them.

    Raises:
        UserError: A setting is out of its range, or the directory is taken.
    """
    made = make_genre(
        directory,
        artists=settings.artists,
        tracks_per_artist=settings.tracks_per_artist,
        seconds=settings.seconds,
        seed=settings.seed,
    )
    return SampleCollection(
        f"{made.tracks} tracks",
        made.file,
        [
            f"{made.tracks} tracks of {made.seconds:g} s by {made.artists} artists in {len(made.classes)} genres; "
            f"{made.instruments.name} says what plays in each"
        ],
        ["task=genre", "encoder=mel_cnn"],
        made.already_there,
    )
