"""`thawline predict BUNDLE|base PATHS …`: what each photo shows, what each track is, whether texts describe images."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from thawline.data.datasets.settings import READER, Fields, refuse_saved
from thawline.data.settings import check_megapixels
from thawline.data.tables.lists import read_list
from thawline.data.tables.places import Finder
from thawline.errors import RunError, UserError
from thawline.features.progress import bar, say
from thawline.output import form, report
from thawline.screen import say as say_folded
from thawline.screen import visible
from thawline.tasks.bundle.base import load_base
from thawline.tasks.bundle.load import AnyBundle, load_bundle
from thawline.tasks.bundle.predicting import BASE, PredictSettings
from thawline.tasks.bundle.tally import Tally
from thawline.tasks.capabilities import TaskPredictor
from thawline.tasks.task import Task, capability, find_task
from thawline.tasks.typed import to_settings

if TYPE_CHECKING:
    from thawline.data.datasets.answering import JudgedRows

STDIN = "-"
_CSV = ".csv"
_SUFFIXES = (".jsonl", ".parquet", _CSV)
_OF_BASE = ("encoder", "prompts", "data", "store")
_OF_ALL = ("data.max_megapixels", "data.reader", "data.dataset")


def predict(config: DictConfig) -> None:
    """Judge the photos, tracks or pairs and write what was said of them.

    Raises:
        UserError: The bundle, a setting or the list can't be used.
        RunError: There is none that can be judged.
    """
    settings: PredictSettings = to_settings(config)
    _check(settings)
    bundle = _load(settings)
    if settings.out and Path(settings.out).suffix.lower() == _CSV and not getattr(bundle, "gives_scores", False):
        raise UserError(f"out={settings.out}: CSV is for scores; name a file that ends in .jsonl or .parquet")
    task = find_task(bundle.task)
    ask: TaskPredictor = capability(bundle.task, "predict")
    counts = Tally(several=getattr(bundle, "thresholds", None) is not None)
    rows = _rows(settings, bundle.task) if settings.data.reader == READER else None
    saving = rows.saving(Path(settings.out)) if rows and settings.out else nullcontext(settings.out)
    showing = bar("judging", "files", _total(settings, rows, bundle.task)) if _shows_bar(settings) else nullcontext()
    with ExitStack() as stack:
        advance = stack.enter_context(showing)
        out = stack.enter_context(saving)
        if out is None and form().json:  # the document's answers are these lines
            out = Path(stack.enter_context(TemporaryDirectory())) / "said.jsonl"
        asked = replace(settings, out=None if out is None else str(out))
        try:
            answers = ask(bundle, asked, _paths(settings) if rows is None else _asked(rows, task), counts, advance)
        except BrokenPipeError:
            _silence()  # the reader has seen enough
            return
        report(**_facts(settings, out, counts))
    if settings.out and not form().quiet:
        print_counts(counts, answers, Console(), task.samples)
    _conclude(counts, task)


def _facts(settings: PredictSettings, lines: Path | str | None, counts: Tally) -> dict[str, Any]:
    """What was said, for `--json`: how often each answer, and the answers, or the file that has them."""
    if not form().json:
        return {}
    said: dict[str, Any] = {"counts": dict(counts.answers), "unusable": counts.unusable}
    if counts.several:
        said["without_label"] = counts.without
    if settings.out:
        return {**said, "written": {"said": settings.out}}
    text = Path(str(lines)).read_text(encoding="utf-8")
    return {**said, "answers": [json.loads(line) for line in text.splitlines()]}


def _check(settings: PredictSettings) -> None:
    """Do the settings go together?"""
    check_megapixels(settings.data.max_megapixels)
    if settings.data.reader == READER:
        _check_dataset(settings)
    elif settings.out and (Path(settings.out).suffix.lower() not in _SUFFIXES or Path(settings.out).is_dir()):
        raise UserError(f"out={settings.out} must be a file whose name ends in .jsonl or .parquet")
    else:
        for file in settings.files:
            refuse_saved(file)
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
        if not key.startswith(_OF_ALL) and key.partition(".")[0] in _OF_BASE:
            raise UserError(f"a bundle brings its own network, classes and decoding; leave out '{word}'")


def _check_dataset(settings: PredictSettings) -> None:
    """Can a data set be judged, and saved where the settings say?"""
    if len(settings.files) != 1:
        raise UserError(f"data.reader=datasets takes one data set, and {len(settings.files)} are named")
    out = Path(settings.out or "")
    if out.suffix.lower() not in ("", ".parquet") or (out.suffix and out.is_dir()):
        raise UserError(
            f"out={out}: a data set is saved as a folder, whose name has no ending, or as a file whose name ends in "
            ".parquet"
        )


def _rows(settings: PredictSettings, task: str) -> JudgedRows:
    """The rows of the data set that is judged."""
    from thawline.data.datasets.answering import rows_to_judge  # late: files need none of it

    fields: Fields = capability(task, "settings").fields
    return rows_to_judge(settings.files[0], settings.data.dataset, fields, settings.store.root)


def _asked(rows: JudgedRows, task: Task) -> Iterator[str]:
    """What the task is asked about: the files, or the table that names them."""
    return iter([str(rows.table)] if task.walk is None else rows.files)


def _load(settings: PredictSettings) -> AnyBundle:
    if settings.bundle != BASE:
        return load_bundle(settings.bundle, device=settings.accelerator)
    data = settings.data
    bundle = load_base(
        settings.encoder, settings.prompts, data.classes or [], data.decode, settings.store, settings.accelerator
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


def _shows_bar(settings: PredictSettings) -> bool:
    """A table that grows on the same screen shows the progress itself."""
    return settings.out is not None or not sys.stdout.isatty()


def _total(settings: PredictSettings, rows: JudgedRows | None, task: str) -> int | None:
    """How many files there are, for the bar: counting them takes seconds where there are a million."""
    if rows is not None:
        return len(rows.files)
    if STDIN in settings.files or find_task(task).walk is None or not sys.stderr.isatty():
        return None
    return sum(1 for _ in capability(task, "walk")(settings.files))


def _silence() -> None:
    """Have what is left in the buffer of standard output go nowhere when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _conclude(counts: Tally, task: Task) -> None:
    total, unusable = counts.samples, counts.unusable
    what = "files" if task.walk else task.samples
    if not total:
        raise RunError(f"there is no {task.samples.removesuffix('s')} among what was named")
    if unusable == total:
        raise RunError(f"none of the {total:,} {what} can be used; the line of each says why")
    if unusable:
        say(f"{unusable:,} of {total:,} {what} can't be used; the line of each says why")


def print_counts(counts: Tally, labels: Sequence[str], console: Console, samples: str) -> None:
    """Print how many `samples` (photos, tracks) got each label and, where there can be several, how many got none."""
    table = Table(box=None, pad_edge=False)
    table.add_column("label", overflow="fold")
    table.add_column(samples, justify="right", no_wrap=True)
    for label in labels:
        table.add_row(visible(label), f"{counts.answers[label]:,}")
    console.print(table, highlight=False, markup=False)
    if counts.several:
        usable = counts.samples - counts.unusable
        one = samples.removesuffix("s")
        say_folded(console, f"{counts.without:,} of {usable:,} {samples} got no label; a {one} counts for each it got.")
