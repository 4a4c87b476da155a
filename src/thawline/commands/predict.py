"""`thawline predict BUNDLE|base PATHS …`: what each photo shows, what each track is, whether texts describe images."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from thawline.bundles.ensembles import AnyTracks
from thawline.bundles.load import Bundle, Prediction, load
from thawline.bundles.pairs import PairBundle
from thawline.commands.predict_pairs import ANSWERS, judge_pairs, write_pairs_said
from thawline.commands.predict_tracks import check_tracks, judge_tracks, write_tracks
from thawline.commands.settings import PredictSettings, to_settings
from thawline.data.settings import check_megapixels
from thawline.data.tables.lists import read_list
from thawline.data.tables.places import Finder
from thawline.data.tracks.listing import walk_tracks
from thawline.data.walking import walk_photos
from thawline.encoders.device import find_device
from thawline.errors import RunError, UserError
from thawline.features.progress import bar, say
from thawline.files import write_atomically
from thawline.reports.said import print_counts, print_said, write_json_lines, write_parquet

BASE, STDIN = "base", "-"
_OF_BASE = ("encoder", "prompts", "data", "store")
_OF_ALL = "data.max_megapixels"


def predict(config: DictConfig) -> None:
    """Judge the photos, tracks or pairs and write what was said of them.

    Raises:
        UserError: The bundle, a setting or the list can't be used.
        RunError: There is none that can be judged.
    """
    settings: PredictSettings = to_settings(config)
    _check(settings)
    bundle = _load(settings)
    if isinstance(bundle, Bundle | PairBundle):
        bundle.max_megapixels = settings.data.max_megapixels
    counts: Counter[str | None] = Counter()
    noun = "track" if isinstance(bundle, AnyTracks) else "pair" if isinstance(bundle, PairBundle) else "photo"
    with ExitStack() as stack:
        advance = stack.enter_context(bar("judging", "files", _total(settings, noun))) if _shows_bar(settings) else None
        try:
            if isinstance(bundle, AnyTracks):
                tracks = judge_tracks(bundle, settings, _paths(settings), counts, advance)
                stack.callback(tracks.close)
                write_tracks(tracks, bundle, settings)
            elif isinstance(bundle, PairBundle):
                rows = judge_pairs(bundle, settings, _paths(settings), counts, advance)
                stack.callback(rows.close)
                write_pairs_said(rows, settings)
            else:
                said = _judged(bundle, settings, counts, advance)
                stack.callback(said.close)
                _write(said, bundle, settings)
        except BrokenPipeError:
            _silence()  # the reader has seen enough
            return
    if settings.out:
        answers = ANSWERS if isinstance(bundle, PairBundle) else bundle.labels
        print_counts(counts, answers, Console(), f"{noun}s")
    _conclude(counts, noun)


def _check(settings: PredictSettings) -> None:
    """Do the settings go together?"""
    check_megapixels(settings.data.max_megapixels)
    if settings.out and (
        Path(settings.out).suffix.lower() not in (".jsonl", ".parquet") or Path(settings.out).is_dir()
    ):
        raise UserError(f"out={settings.out} must be a file whose name ends in .jsonl or .parquet")
    if settings.files.count(STDIN) > 1:
        raise UserError("'-' stands for standard input, which can be read once; name it once")
    if settings.bundle == BASE:
        if settings.calibrated:
            raise UserError("calibrated=true is for bundles; base has no temperature, so leave it out")
        if settings.data.classes is None:
            raise UserError("base knows no classes of its own; name them: 'data.classes=[wedding,birthday]'")
        return
    for word in HydraConfig.get().overrides.task:
        key = word.lstrip("+~").partition("=")[0]
        if key != _OF_ALL and key.partition(".")[0] in _OF_BASE:
            raise UserError(f"a bundle brings its own network, classes and decoding; leave out '{word}'")


def _load(settings: PredictSettings) -> Bundle | PairBundle | AnyTracks:
    if settings.bundle != BASE:
        bundle = load(settings.bundle, device=settings.accelerator)
        if isinstance(bundle, AnyTracks):
            check_tracks(settings)
        elif settings.percent or settings.top != PredictSettings.top:
            raise UserError("top and percent are for bundles of tracks; leave them out")
        return bundle
    from thawline.tasks.events.zero_shot import load_zero_shot  # late: a bundle needs none of it

    bundle = load_zero_shot(
        settings.encoder,
        settings.prompts,
        settings.data.classes or [],
        settings.data.decode,
        settings.store,
        find_device(settings.accelerator),
    )
    name = settings.encoder.name
    say(f"no tuned bundle is used: {name} is asked zero-shot for {len(bundle.labels)} classes (model: {BASE})")
    return bundle


def _paths(settings: PredictSettings) -> Iterator[str]:
    """The words of the command line, `-` replaced by what it stands for."""
    finder = Finder(Path.cwd())
    for word in settings.files:
        if word == STDIN:
            yield from read_list(sys.stdin.fileno(), nul=settings.nul, finder=finder)
        else:
            yield word if os.path.lexists(word) else finder.spelt(word) or word


def _judged(
    bundle: Bundle, settings: PredictSettings, counts: Counter[str | None], advance: Callable[[int], None] | None
) -> Generator[Prediction, None, None]:
    """What the bundle says of each file, counted by label."""
    unopened: dict[str, str] = {}
    for one in bundle.predict(walk_photos(_paths(settings), unopened), calibrated=settings.calibrated is True):
        counts[one.label] += 1
        if advance is not None:
            advance(1)
        yield replace(one, problem=unopened[one.path]) if one.path in unopened else one


def _write(said: Iterator[Prediction], bundle: Bundle, settings: PredictSettings) -> None:
    more = {"model": BASE} if settings.bundle == BASE else {}
    if settings.out is None:
        if sys.stdout.isatty():
            print_said(said, Console(), bundle.labels)
        else:
            write_json_lines(said, sys.stdout.buffer, more)
        return
    target = Path(settings.out)
    target.parent.mkdir(parents=True, exist_ok=True)

    def write(beside: Path) -> None:
        if target.suffix.lower() == ".parquet":
            write_parquet(said, beside, bundle.labels, more)
        else:
            with beside.open("wb") as file:
                write_json_lines(said, file, more)

    write_atomically(target, write)


def _shows_bar(settings: PredictSettings) -> bool:
    """A table that grows on the same screen shows the progress itself."""
    return settings.out is not None or not sys.stdout.isatty()


def _total(settings: PredictSettings, noun: str) -> int | None:
    """How many files there are, for the bar: counting them takes seconds where there are a million."""
    if STDIN in settings.files or noun == "pair" or not sys.stderr.isatty():
        return None
    return sum(
        1 for _ in (walk_tracks(settings.files, {}, {}, []) if noun == "track" else walk_photos(settings.files, {}))
    )


def _silence() -> None:
    """Have what is left in the buffer of standard output go nowhere when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _conclude(counts: Counter[str | None], noun: str) -> None:
    total, unusable = counts.total(), counts[None]
    what = "pairs" if noun == "pair" else "files"
    if not total:
        raise RunError(f"there is no {noun} among what was named")
    if unusable == total:
        raise RunError(f"none of the {total:,} {what} can be used; the line of each says why")
    if unusable:
        say(f"{unusable:,} of {total:,} {what} can't be used; the line of each says why")
