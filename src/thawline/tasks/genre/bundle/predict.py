"""`thawline predict` with a bundle of the genre task: a record for each track."""

import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.console import Console

from thawline.data.tracks.listing import walk_tracks
from thawline.errors import UserError
from thawline.features.progress import say
from thawline.files import write_atomically
from thawline.tasks.bundle.predicting import PredictSettings
from thawline.tasks.bundle.tally import Tally
from thawline.tasks.genre.bundle.asking import AnyTracks
from thawline.tasks.genre.bundle.record import Track, answers_of
from thawline.tasks.genre.bundle.said import print_tracks, write_track_lines


def predict_tracks(
    bundle: AnyTracks[Any],
    settings: PredictSettings,
    paths: Iterator[str],
    counts: Tally,
    advance: Callable[[int], None] | None,
) -> Sequence[str]:
    """Judge the tracks and write the record of each; see `tasks.task.TaskPredictor`."""
    if settings.out and Path(settings.out).suffix.lower() != ".jsonl":
        raise UserError(f"out={settings.out}: the record of a track has lists within; use a name that ends in .jsonl")
    with closing(_judged(bundle, settings, paths, counts, advance)) as said:
        _write(said, bundle, settings)
    return bundle.labels


def walk(paths: Iterable[str]) -> Iterator[str]:
    """The tracks among files, folders and tables."""
    return walk_tracks(paths, {}, {}, [])


def _judged(
    bundle: AnyTracks[Any],
    settings: PredictSettings,
    paths: Iterator[str],
    counts: Tally,
    advance: Callable[[int], None] | None,
) -> Generator[Track, None, None]:
    """What the bundle says of each file, counted by its genre, or by each of its labels."""
    unopened: dict[str, str] = {}
    themes: dict[str, tuple[str, ...]] = {}
    notes: list[str] = []
    files = walk_tracks(paths, unopened, themes, notes)
    calibrated = settings.calibrated is not False
    for one in bundle.predict(files, themes=themes, calibrated=calibrated, top=settings.top, percent=settings.percent):
        _count(one, counts)
        if advance is not None:
            advance(1)
        if one["path"] in unopened:
            one["problem"] = unopened[one["path"]]
        yield one
    for note in notes:
        say(note)
    _say_left_out(bundle, themes)


def _count(one: Track, counts: Tally) -> None:
    if one["primary_genre"] is None:
        counts.add_unusable()
    else:
        counts.add(*answers_of(one))


def _say_left_out(bundle: AnyTracks[Any], themes: Mapping[str, Sequence[str]]) -> None:
    """Which of the themes that were told the bundle could not take."""
    told = Counter(name for names in themes.values() for name in names)
    if told and not bundle.themes:
        say("the bundle takes no themes; those that are told were left out")
    elif unknown := [f"'{name}' ({told[name]})" for name in sorted(told) if not bundle.known_themes([name])]:
        say(f"themes that the bundle does not know were left out: {', '.join(unknown)}")


def _write(said: Iterator[Track], bundle: AnyTracks[Any], settings: PredictSettings) -> None:
    """Write the records to the file that the settings name, to standard output, or as a table to a terminal."""
    if settings.out is None:
        if sys.stdout.isatty():
            print_tracks(said, Console(), bundle.labels, several=bundle.thresholds is not None)
        else:
            write_track_lines(said, sys.stdout.buffer)
        return
    target = Path(settings.out)
    target.parent.mkdir(parents=True, exist_ok=True)

    def write(beside: Path) -> None:
        with beside.open("wb") as file:
            write_track_lines(said, file)

    write_atomically(target, write)
