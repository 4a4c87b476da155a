"""`thawline train DIR`: fit a method on a folder of photos or a file of pairs and judge it against its baseline."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from thawline.commands.next_steps import say_after_training, saying_how_to_go_on
from thawline.commands.results import save_report, save_results, show_results
from thawline.commands.resuming import config_now, resumed_config
from thawline.commands.settings import to_settings
from thawline.data.photos.augmentation import Augmentation
from thawline.data.settings import TracksSettings
from thawline.data.tracks.spec_augment import SpecAugment
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.files import write_text
from thawline.fitting.feature_set import Augment
from thawline.fitting.fit import Fitting, fit_fold
from thawline.fitting.folds import Fold, plan_folds
from thawline.fitting.methods import Fit
from thawline.fitting.predict import predict_fold
from thawline.fitting.settings import GradientSettings, RulesSettings, ZeroShotSettings
from thawline.runs.directory import CONFIG_FILE, REFIT_WORD, RunDirectory, read_status
from thawline.runs.loggers import Mirror, mirrored
from thawline.runs.moved import keep_places
from thawline.runs.predictions import join_predictions
from thawline.runs.split import check_unchanged, write_split
from thawline.runs.sweep import INNER_FILE
from thawline.screen import say_whole
from thawline.tasks.settings import RunSettings, saved_settings
from thawline.tasks.task import TaskData, find_task, task_reader

SPLIT = "split.csv"


def train(config: DictConfig) -> None:
    """Train, judge, and write the run directory.

    Raises:
        UserError: The settings or the photos can't be used.
        RunError: The training can't go on.
    """
    _train(config, to_settings(config), Console())


def resume(path: Path, given: Sequence[str]) -> None:
    """Go on with the run in `path`, which was cut off.

    Args:
        path: Its directory.
        given: Settings of the command line: secrets that were not saved, where the data are now, and `refit=true`, with
            which a run that is finished is fitted on all data, for the model to use.

    Raises:
        UserError: The run can't go on, or its samples are not what they were.
        RunError: The training can't go on.
    """
    console = Console()
    if REFIT_WORD in given and _is_finished_training(path):
        keep_places(path, refit_run(path, [word for word in given if word != REFIT_WORD], console))
        say_after_training(console, path, path)
        return
    config, status = resumed_config(path, given)
    settings = saved_settings(config, mirrored=True)
    say_whole(console, f"resuming {path} ({status})")
    before = (path / CONFIG_FILE).read_text(encoding="utf-8")
    try:
        _train(config, settings, console)
    except UserError:  # other data than its own, say: it goes on from where it was
        write_text(path / CONFIG_FILE, before)
        raise


def _train(config: DictConfig, settings: RunSettings, console: Console) -> None:
    started = time.perf_counter()
    device = find_device(settings.trainer.accelerator)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
    with saying_how_to_go_on(Path(settings.paths.run)), RunDirectory(Path(settings.paths.run), "train", config) as run:
        problem = task_reader(settings.task)(settings, device)
        plan = plan_run(problem, settings)
        save_report(run, problem.report(), console)
        rows = problem.split_rows(plan)
        if (run.path / SPLIT).exists():
            check_unchanged(run.path / SPLIT, rows)
        write_split(run.file(SPLIT), rows)
        with mirrored(
            settings.logger,
            run.path,
            name=run.path.name,
            verb="train",
            config=plain,
            group=None,
            tags=tags(plain),
        ) as mirror:
            _run(problem, plan, settings, run, device, mirror, started, console)
    say_whole(console, f"run    {run.path}", f"store  {settings.store.root}")
    say_after_training(console, run.path, run.path)


def _run(
    problem: TaskData,
    plan: list[Fold],
    settings: RunSettings,
    run: RunDirectory,
    device: torch.device,
    mirror: Mirror | None,
    started: float,
    console: Console,
) -> None:
    """Fit and judge each fold; with several folds, fit all the data at the end: the model to use."""
    how = how_to_fit(settings, run.path, device, mirror)
    fits = [fit_fold(problem, fold, how) for fold in plan]
    parts = [predict_fold(problem, fold, fit, device) for fold, fit in zip(plan, fits, strict=True)]
    if len(plan) > 1 if settings.refit is None else settings.refit:
        fit_everything(problem, fits, how)
    predictions = join_predictions(parts)
    facts = {
        **facts_of(problem, settings),
        "examined": problem.examine(list(zip(plan, fits, strict=True)), predictions, device),
        "chosen": {fold.name: fit.chosen for fold, fit in zip(plan, fits, strict=True)},
        "seconds": round(time.perf_counter() - started, 2),
    }
    save_results(run, predictions, facts, console)
    if mirror is not None:
        show_results(mirror, run, predictions, settings)


def plan_run(problem: TaskData, settings: RunSettings) -> list[Fold]:
    """Who is trained on and who is judged.

    Raises:
        UserError: A class has too few groups, or a given split and `cv` contradict each other.
    """
    plan = plan_folds(
        problem.labels,
        problem.groups,
        problem.sides,
        cv=settings.cv,
        share=settings.data.holdout,
        seed=settings.seed,
        classes=problem.classes,
    )
    kept = [keep_apart(problem, fold) for fold in plan]
    several = isinstance(settings.data, TracksSettings) and settings.data.labels == "several"
    if problem.sides is not None and not several and not isinstance(settings.method, ZeroShotSettings | RulesSettings):
        for fold in kept:
            _check_trained_on(problem, fold)
    return kept


def _check_trained_on(problem: TaskData, fold: Fold) -> None:
    """Has the training side of a given split a sample of each class?

    Raises:
        UserError: It has not.
    """
    absent = np.setdiff1d(np.arange(len(problem.classes)), problem.labels[fold.train])
    if len(absent):
        name = problem.classes[absent[0]]
        raise UserError(
            f"the given split has no training sample of '{name}'; put some of its groups in train, or leave it out "
            "with data.classes"
        )


def keep_apart(problem: TaskData, fold: Fold) -> Fold:
    """`fold` without the training samples that have something in common with those that choose or are judged."""
    inner = None if fold.inner is None else problem.apart(fold.inner, fold.test)
    train = problem.apart(fold.train, fold.test if inner is None else np.concatenate([fold.test, inner]))
    return replace(fold, train=train, inner=inner)


def how_to_fit(settings: RunSettings, run: Path, device: torch.device, mirror: Mirror | None) -> Fitting:
    """How the folds of the run with `settings` are fitted."""
    return Fitting(
        settings.method,
        settings.trainer,
        settings.debug,
        inner_share=settings.data.inner,
        seed=settings.seed,
        device=device,
        run=run,
        augment=_augment(settings),
        mirror=mirror,
        keep_history=settings.logger.keeps_history,
    )


def _augment(settings: RunSettings) -> Augment | None:
    """What varies what is stored at each step: photos' pixels with `thaw=all`, spectrograms."""
    wanted = settings.augmentation
    if wanted.masks is not None:
        return SpecAugment(wanted.masks)
    return Augmentation(wanted) if settings.cut == "all" and wanted.changes_pixels else None


def facts_of(problem: TaskData, settings: RunSettings) -> dict[str, Any]:
    """What `metrics.json` says of a run besides numbers."""
    return {
        "verb": "train",
        "kind": find_task(settings.task).samples,
        "method": settings.method.name,
        "encoder": settings.encoder.model or settings.encoder.name,
        "thaw": settings.cut,
        "debug": settings.debug.name,
        "baseline": problem.baseline,
        "features": {"computed": problem.computed, "read": problem.read},
    }


def tags(config: Mapping[str, Any]) -> list[str]:
    """What a logger can filter runs by: the method, the encoder and the thaw line of a plain config."""
    encoder = config["encoder"]
    thaw = [] if config["thaw"] is None else [f"thaw={config['thaw']}"]
    return [config["method"]["name"], encoder["model"] or encoder["name"], *thaw]


def fit_everything(problem: TaskData, fits: list[Fit], how: Fitting) -> None:
    """Fit all the data. Nothing is left to choose by, so epochs are the median of what the folds chose."""
    everything = np.arange(len(problem.labels))
    chosen = [fit.chosen["epochs"] for fit in fits] if isinstance(how.method, GradientSettings) else []
    fold = Fold("all", everything, inner=None, test=everything[:0])
    fit_fold(problem, fold, how, epochs=int(np.median(chosen)) if chosen else None, earlier=fits)


def _is_finished_training(path: Path) -> bool:
    status = read_status(path)
    return status["verb"] == "train" and status["status"] == "finished" and not (path / INNER_FILE).exists()


def refit_run(path: Path, given: Sequence[str], console: Console) -> dict[str, Any]:
    """Fit all data of the run or trial in `path`, for the model to use; what was fitted before stays.

    Args:
        path: Its directory.
        given: Settings of the command line: secrets that were not saved, and where the data are now.
        console: Where it is said.

    Returns:
        Where the data are now, as far as it was given.

    Raises:
        UserError: The samples changed since.
    """
    config, places = config_now(path, given, mirrored=False)
    settings = saved_settings(config)
    device = find_device(settings.trainer.accelerator)
    problem = task_reader(settings.task)(settings, device)
    plan = plan_run(problem, settings)
    check_unchanged(path / SPLIT, problem.split_rows(plan))
    how = how_to_fit(settings, path, device, None)
    fit_everything(problem, [fit_fold(problem, fold, how) for fold in plan], how)
    say_whole(console, f"refitted on all data: {path}")
    return places
