"""`thawline sample TASK DIR`: make a sample collection."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.settings import SampleSettings
from thawline.errors import UserError
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.typed import to_settings


def sample(config: DictConfig) -> None:
    """Make the sample collection of a task.

    Raises:
        UserError: There is no sample of that task, or the directory is taken.
    """
    settings: SampleSettings = to_settings(config)
    makers = {"events": _events, "pairs": _pairs, "genre": _genre}
    if settings.collection not in makers:
        raise UserError(f"there is no sample collection '{settings.collection}'; there are: {', '.join(makers)}")
    makers[settings.collection](Path(settings.directory), settings, Console())


def _events(directory: Path, settings: SampleSettings, console: Console) -> None:
    if settings.photos_per_class < 1:
        raise UserError(f"photos_per_class={settings.photos_per_class} must be at least 1")
    from thawline.samples.events import make_events

    made = make_events(directory, photos_per_class=settings.photos_per_class, seed=settings.seed)
    there = " (there already)" if made.already_there else ""
    say_whole(console, f"{made.photos} photos of {len(made.classes)} classes in {directory}{there}")
    say(console, f"classes: {', '.join(made.classes)}")
    say(
        console,
        f"as in real collections there are {made.bursts} bursts, {made.shoot_folders} folders of one shoot, "
        f"{made.copies} copies, and {len(made.left_out)} files that can't be used",
    )
    _say_next(console, directory, "encoder=tiny_clip")


def _say_next(console: Console, data: Path, *settings: str) -> None:
    task = [word for word in settings if word.startswith("task=")]
    check = " ".join(["thawline data check", as_word(data), *task])
    say_next(console, [check, " ".join(["thawline train", as_word(data), *settings])])


def _pairs(directory: Path, settings: SampleSettings, console: Console) -> None:
    from thawline.samples.pairs import make_pairs

    made = make_pairs(directory, pictures=settings.products, seed=settings.seed)
    there = " (there already)" if made.already_there else ""
    say_whole(console, f"{made.matches + made.mismatches} pairs in {made.file}{there}")
    say(console, f"{made.pictures} pictures, {made.matches} matches, {made.mismatches} mismatches")
    _say_next(console, made.file, "task=match", "encoder=tiny_clip")


def _genre(directory: Path, settings: SampleSettings, console: Console) -> None:
    from thawline.samples.genre import make_genre

    made = make_genre(
        directory,
        artists=settings.artists,
        tracks_per_artist=settings.tracks_per_artist,
        seconds=settings.seconds,
        seed=settings.seed,
    )
    there = " (there already)" if made.already_there else ""
    say_whole(console, f"{made.tracks} tracks in {made.file}{there}")
    say(
        console,
        f"{made.tracks} tracks of {made.seconds:g} s by {made.artists} artists in {len(made.classes)} genres; "
        f"{made.instruments.name} says what plays in each",
    )
    _say_next(console, made.file, "task=genre", "encoder=mel_cnn")
