"""`thawline predict` with a bundle of classes of photos, or with CLIP as it is: a line for each photo."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from thawline.data.walking import walk_photos
from thawline.decisions.abstention import UNKNOWN
from thawline.features.progress import say
from thawline.files import write_atomically
from thawline.tasks.bundle.predicting import BASE, PredictSettings
from thawline.tasks.bundle.tally import Tally
from thawline.tasks.photos.bundle.photos import Bundle, Prediction, ScoreBundle
from thawline.tasks.photos.bundle.said import print_said, write_json_lines, write_parquet
from thawline.tasks.photos.bundle.scores import predict_scores


def predict_photos(
    bundle: Bundle,
    settings: PredictSettings,
    paths: Iterator[str],
    counts: Tally,
    advance: Callable[[int], None] | None,
) -> Sequence[str]:
    """Judge the photos and write what was said of each; see `tasks.task.TaskPredictor`."""
    settings.refuse_of_tracks()
    if isinstance(bundle, ScoreBundle):
        return predict_scores(bundle, settings, paths, counts, advance)
    bundle.max_megapixels = settings.data.max_megapixels
    with closing(_judged(bundle, settings, paths, counts, advance)) as said:
        _write(said, bundle, settings)
    for note in bundle.notes:
        say(note)
    return (*bundle.labels, *(f"{UNKNOWN}, {why}" for why in bundle.reasons))


def walk(paths: Iterable[str]) -> Iterator[str]:
    """The photos among files and folders."""
    return walk_photos(paths, {})


def _judged(
    bundle: Bundle,
    settings: PredictSettings,
    paths: Iterator[str],
    counts: Tally,
    advance: Callable[[int], None] | None,
) -> Generator[Prediction, None, None]:
    """What the bundle says of each file, counted by its label, or by each of its labels."""
    unopened: dict[str, str] = {}
    for one in bundle.predict(walk_photos(paths, unopened), calibrated=settings.calibrated is True):
        _count(one, counts)
        if advance is not None:
            advance(1)
        yield replace(one, problem=unopened[one.path]) if one.path in unopened else one


def _count(one: Prediction, counts: Tally) -> None:
    if one.label is None:
        counts.add_unusable()
    elif one.why is not None:
        counts.add(f"{one.label}, {one.why}")
    else:
        counts.add(*one.answers)


def _write(said: Iterator[Prediction], bundle: Bundle, settings: PredictSettings) -> None:
    more = {"model": BASE} if settings.bundle == BASE else {}
    several, unknown = bundle.thresholds is not None, bool(bundle.reasons)
    if settings.out is None:
        if sys.stdout.isatty():
            print_said(said, Console(), bundle.labels, bundle.scored, several=several, unknown=unknown)
        else:
            write_json_lines(said, sys.stdout.buffer, more, bundle.scored, unknown=unknown)
        return
    target = Path(settings.out)
    target.parent.mkdir(parents=True, exist_ok=True)

    def write(beside: Path) -> None:
        if target.suffix.lower() == ".parquet":
            write_parquet(said, beside, bundle.labels, more, bundle.scored, several=several, unknown=unknown)
        else:
            with beside.open("wb") as file:
                write_json_lines(said, file, more, bundle.scored, unknown=unknown)

    write_atomically(target, write)
