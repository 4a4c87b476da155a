"""What a trial does once its directory and its logger are there: it fits every fold and scores it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.results import save_trial, show_report, write_report
from thawline.commands.sweeps.search.claims import lock_of
from thawline.encoders.device import find_device
from thawline.fitting.fit import FitOptions, Watch
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.packed.folds import fit_folds
from thawline.fitting.scoring import cross_score_fold, score_fold
from thawline.fitting.settings import MethodSettings, RulesSettings, ZeroShotSettings
from thawline.runs.directory import RunDirectory
from thawline.runs.mirrors.loggers import Mirror
from thawline.runs.predictions import join_predictions
from thawline.runs.split import write_split
from thawline.runs.unpacked import REPORT_FILE
from thawline.targets.predicted import judge_said
from thawline.tasks.capabilities import TaskProblem, task_reader
from thawline.tasks.planning import how_to_fit, plan_run
from thawline.tasks.running import facts_of, show_results
from thawline.tasks.settings import saved_settings

Keep = Callable[[Fold, FitOptions], None]


def score(
    config: DictConfig,
    run: RunDirectory,
    mirror: Mirror | None,
    started: float,
    watch: Watch | None = None,
    inner_folds: int | None = None,
) -> None:
    """Fit every fold of the trial and judge it on its inner samples; the outer ones are the winner's alone.

    Raises:
        PrunedError: `watch` ended it.
        UserError: The settings or the photos can't be used.
        RunError: The training can't go on.
    """
    settings = saved_settings(config, mirrored=True)
    problem = task_reader(settings.task)(settings, find_device(settings.trainer.accelerator))
    score_read(problem, plan_run(problem, settings), run, mirror, started, watch=watch, inner_folds=inner_folds)


def score_read(
    problem: TaskProblem,
    plan: Sequence[Fold],
    run: RunDirectory,
    mirror: Mirror | None,
    started: float,
    keep: Keep | None = None,
    watch: Watch | None = None,
    inner_folds: int | None = None,
) -> None:
    """Do the same with data that were read before.

    Args:
        problem: The data, with the trial's settings.
        plan: Who is trained on and who is judged.
        run: The trial's directory.
        mirror: What mirrors the trial, or None.
        started: When it began, by `time.perf_counter`.
        keep: Writes what was fitted of a fold elsewhere to its directory; None: each is fitted here.
        watch: Who is told how it goes, or None.
        inner_folds: Grouped folds of what a fold trains on, by which it is scored; None: by a part that is held out.
    """
    settings = problem.settings
    _report(problem, run.path.parent)
    write_split(run.file("split.csv"), problem.split_rows(plan))
    how = replace(how_to_fit(settings, run.path, find_device(settings.trainer.accelerator), mirror), watch=watch)
    if keep is None and watch is None and inner_folds is None and how.method.holds_out:
        fit_folds(problem, plan, how)  # who watches is told of each fold before the next one begins
    scored = []
    for fold in plan:
        if keep is not None:
            keep(fold, how)
        scored.append(
            score_fold(problem, fold, how) if inner_folds is None else cross_score_fold(problem, fold, how, inner_folds)
        )
        if watch is not None:
            watch.fold(fold.name, judge_said(scored[-1][0], ranking=False).merit[0])
    inner = join_predictions([predictions for predictions, _ in scored])
    facts = {
        **facts_of(problem, settings),
        "seed": settings.seed,
        "chosen": {fold.name: fit.chosen for fold, (_, fit) in zip(plan, scored, strict=True)},
        "tail_bytes": max(_bytes(fit, settings.method) for _, fit in scored),
        "seconds": round(time.perf_counter() - started, 2),
    }
    save_trial(run, inner, facts)
    if mirror is not None:
        show_results(mirror, run, inner, settings.logger, settings.data.path)


def _bytes(fit: FittedTail, method: MethodSettings) -> int:
    """What was fitted takes; where that is nothing, nothing."""
    if isinstance(method, ZeroShotSettings | RulesSettings):
        return 0
    return sum(tensor.nbytes for tensor in fit.state.values())


def _report(problem: TaskProblem, sweep: Path) -> None:
    """Say what the collection holds, unless that was said: a search's first trial is the first to read it."""
    if (sweep / REPORT_FILE).exists():
        return
    with lock_of(sweep, "report"):
        if not (sweep / REPORT_FILE).exists():
            report = problem.report()
            write_report(sweep, report)
            show_report(sweep, report, Console(), problem.settings.task)
