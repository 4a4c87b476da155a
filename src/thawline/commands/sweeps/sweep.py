"""`thawline train DIR -m …`: one feature pass, then the trials, then the leaderboard; the winner alone is judged."""

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from thawline.commands.line.quoting import quote
from thawline.commands.resuming import resumed_words
from thawline.commands.sweeps.launchers.lasting import lasting
from thawline.commands.sweeps.launchers.settings import check_launcher, count_jobs
from thawline.commands.sweeps.packing import pack_trials
from thawline.commands.sweeps.plugins import register_plugin
from thawline.commands.sweeps.trial import run_trial
from thawline.errors import RunError, UserError
from thawline.runs.directory import (
    REFIT_WORD,
    RunDirectory,
    is_run_directory,
    mark_ended,
    mark_failed,
    read_config,
    read_status,
)
from thawline.runs.ends import lacked_resources, reason_of
from thawline.runs.moved import keep_places, placed, refuse_absent
from thawline.runs.secrets import saved_word
from thawline.runs.signals import Stopped, ctrl_c_alone, passed_on, work_for
from thawline.runs.sweep import Trial, read_sweep, read_trial, read_trials, write_sweep

Compose = Callable[[Sequence[str]], DictConfig]
Launch = Callable[[Callable[[DictConfig], None], Sequence[str]], None]
_HYDRAS_CONFIG = "multirun.yaml"  # its sweeper writes the config as it was given, secrets too; the sweep has its own
_WORTH_PACKING = 4  # trials
_PATIENCE = 20.0  # seconds that trials have for a last checkpoint


@dataclass(frozen=True)
class Plan:
    """What a sweep is to do.

    Attributes:
        directory: The sweep's.
        words: The command line's settings, the directory among them.
        base: The config without what is swept.
        trials: What the command line gives each trial.
        apart: Whether they run in processes of their own.
        least: So many that differ only above the thaw line are fitted together; 0: none ever.
    """

    directory: Path
    words: tuple[str, ...]
    base: DictConfig
    trials: tuple[tuple[str, ...], ...]
    apart: bool
    least: int


def run_sweep(words: Sequence[str], compose: Compose, launch: Launch, *, refit: bool = False) -> None:
    """Run a sweep from its command line, or go on with one that was cut off.

    Args:
        words: The settings of the command line, without `-m`.
        compose: Settings to the config with Hydra's own part.
        launch: Has Hydra run a function for every trial of a command line.
        refit: Whether the winner is fitted on all data even where the settings do not say so.

    Raises:
        UserError: The sweep can't be run as it is asked for; nothing was left.
        RunError: Trials failed; the others are done and judged.
    """
    # Late: a worker process imports this module only to run a trial.
    from thawline.commands.next_steps import saying_how_to_go_on
    from thawline.commands.sweeps.filling import fill_features
    from thawline.commands.sweeps.leaderboard import finish_sweep

    plan = plan_sweep(words, compose)
    configs = _compose_distinct(plan, compose)
    console = Console()
    with saying_how_to_go_on(plan.directory), RunDirectory(plan.directory, "sweep", plan.base) as run:
        refit = refit or plan.base.refit is True
        about = {"words": [saved_word(word) for word in plan.words], "refit": refit, "features": []}
        write_sweep(run.path, about)  # from here on it can be resumed
        # All features are there before the first trial starts.
        write_sweep(run.path, {**about, "features": fill_features(configs, run, console)})
        _run_trials(plan, compose, launch)
        failed = finish_sweep(run, refit, console)
    if failed:
        raise RunError(failed)


def resume_sweep(directory: Path, given: Sequence[str], compose: Compose, launch: Launch) -> None:
    """Go on with the sweep in `directory`: trials that ended stay as they are.

    With `refit=true` its winner is fitted on all data, which is all that there is to do where the sweep is finished.

    Raises:
        UserError: `given` is something else than that, the secrets that were not saved and where the data are now, or
            the data are not what they were.
    """
    about = read_sweep(directory)
    others = [word for word in given if word != REFIT_WORD]
    refit = len(others) < len(given)
    if refit and read_status(directory)["status"] == "finished":
        from thawline.commands.next_steps import say_after_training  # late, as above
        from thawline.commands.train import refit_run

        winner, console = read_trial(directory, about["winner"]).path, Console()
        places = refit_run(winner, others, console)
        for run in (directory, *(trial.path for trial in read_trials(directory))):
            keep_places(run, places)
        say_after_training(console, directory, winner)
        return
    words, places = resumed_words(directory, about["words"], others)
    trials = [trial.path for trial in read_trials(directory) if places and is_run_directory(trial.path)]
    for trial in trials[:1]:
        _check_moved(trial, places)
    for trial in trials:
        keep_places(trial, places)
    run_sweep(words, compose, launch, refit=refit or about.get("refit", False))


def _check_moved(trial: Path, places: Mapping[str, Any]) -> None:
    """Are the data at `places` those that the trial was fitted on?"""
    # Late: a worker process imports this module only to run a trial.
    from thawline.encoders.device import find_device
    from thawline.runs.split import check_unchanged
    from thawline.tasks.capabilities import task_reader
    from thawline.tasks.settings import saved_settings

    config = placed(trial, read_config(trial), places)
    refuse_absent("train", trial.parent, config)
    settings = saved_settings(config)
    if (trial / "split.csv").exists():
        problem = task_reader(settings.task)(settings, find_device(settings.trainer.accelerator))
        check_unchanged(trial / "split.csv", problem.split_rows(()), folds=False)


def plan_sweep(words: Sequence[str], compose: Compose) -> Plan:
    """Read a sweep's command line.

    Raises:
        UserError: The sweep can't be run as it is asked for.
    """
    overrides = OverridesParser.create().parse_overrides(list(words))
    fixed = [str(override.input_line) for override in overrides if not override.is_sweep_override()]
    base = compose(fixed)
    directory = Path(base.hydra.sweep.dir).absolute()
    named = any(word.startswith("hydra.sweep.dir=") for word in words)
    place = () if named else (f"hydra.sweep.dir={quote(str(directory))}",)
    params = dict(base.hydra.sweeper.get("params") or {})
    keys = [*params, *(override.key_or_group for override in overrides if override.is_sweep_override())]
    if own := [key for key in keys if key.lstrip("+~").startswith("hydra") or key.lstrip("+") == "name"]:
        raise UserError(f"'{own[0]}' is the whole sweep's and can't be swept; give it one value")
    swept = [f"{key}={value}" for key, value in params.items()]
    trials = _expand([*swept, *words])
    _refuse_other_splits(trials)
    base = compose([*fixed, f"paths.run={quote(str(directory))}"])
    apart, least = _is_apart(base.hydra.launcher), _least(base.hydra.launcher, words)
    register_plugin(base.hydra.launcher._target_)
    check_launcher(base.hydra.launcher, words)
    del base.hydra
    return Plan(directory, (*words, *place), base, trials, apart, least)


def _least(launcher: DictConfig, words: Sequence[str]) -> int:
    """How many trials that differ only above the thaw line are fitted together; 0: none, whatever they are.

    That is done unasked where no launcher was chosen, and not for so few that it saves nothing.
    """
    if str(launcher._target_).endswith(".PackedLauncher"):
        return 2
    chosen = _is_apart(launcher) or any(word.startswith("hydra/launcher=") for word in words)
    return 0 if chosen else _WORTH_PACKING


def _is_apart(launcher: DictConfig) -> bool:
    """Whether a launcher runs trials in processes of their own."""
    return not str(launcher._target_).endswith((".BasicLauncher", ".PackedLauncher"))


def _worker(launcher: DictConfig) -> int | None:
    """The number of this process among joblib's workers, whose trials have children of their own; None elsewhere."""
    if not str(launcher._target_).endswith(".JoblibLauncher"):
        return None
    return (*multiprocessing.current_process()._identity, 0)[0] % count_jobs(launcher.n_jobs)


# What decides who is trained on and who is judged, besides the seed.
_SPLIT = frozenset({"cv", "data.path", "data.classes", "data.split", "data.holdout", "data.inner"})


def _refuse_other_splits(trials: Sequence[Sequence[str]]) -> None:
    """Trials are compared on the same samples, so what splits these can't be swept; seeds repeat the whole sweep."""
    varying = {word for trial in trials for word in trial if any(word not in other for other in trials)}
    if keys := sorted({word.lstrip("+").partition("=")[0] for word in varying} & _SPLIT):
        raise UserError(
            f"'{keys[0]}' can't be swept: a sweep compares its trials on the same samples; run one sweep for each value"
        )


def _expand(words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The settings of each trial, as Hydra's basic sweeper makes them."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # the one place that knows how

    loader = GlobalHydra.instance().config_loader() if GlobalHydra.instance().is_initialized() else None
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(words))
    [batch] = BasicSweeper.split_arguments(overrides, None)
    return tuple(tuple(trial) for trial in batch)


# Settings that move no feature of a photo: of the trials that differ in these alone one is composed in place of all.
# Choices of a file are not among them: each file is composed, and checked, before a trial begins.
_ABOVE_THE_LINE = ("method.", "seed=", "cv=", "debug.", "logger.", "refit=", "prompts.", "augmentation.mixup=")


def _compose_distinct(plan: Plan, compose: Compose) -> list[DictConfig]:
    """The configs of the trials, one for those that need the same features and set the same keys."""
    place = f"paths.run={quote(str(plan.directory))}"
    distinct: dict[tuple[str, ...], tuple[str, ...]] = {}
    for trial in plan.trials:
        signature = (word.partition("=")[0] if word.startswith(_ABOVE_THE_LINE) else word for word in trial)
        distinct.setdefault(tuple(signature), trial)
    return [compose([*trial, place]) for trial in distinct.values()]


def _run_trials(plan: Plan, compose: Compose, launch: Launch) -> None:
    """Launch the trials until each has ended. A launcher whose worker was killed is launched again for what is left."""
    for trial in _running(plan.directory):
        mark_ended(trial.path, "interrupted", "the process that ran it was killed")
    lost: set[int] = set()
    while True:
        error = _launch(plan, compose, launch)
        running = _running(plan.directory)
        if error is not None and not running:
            raise error
        for trial in running:
            if error is None or trial.number in lost:
                mark_failed(trial.path, "the process that ran it was killed", again=True)
            lost.add(trial.number)
        if error is None:
            break
    for trial in _unbegun(plan):
        mark_failed(trial.path, "it never began", again=True)


def _launch(plan: Plan, compose: Compose, launch: Launch) -> Exception | None:
    try:
        with (
            passed_on(lambda number: _stop_trials(plan.directory, number)),
            _ctrl_c_alone(plan.directory) if plan.apart else nullcontext(),
            lasting(),
        ):
            if plan.least:
                pack_trials(plan.directory, dict(enumerate(plan.trials)), compose, least=plan.least)
            if not (plan.trials and all(trial.ended for trial in _known(plan))):
                launch(_trial, ["--multirun", *plan.words])
    except (UserError, RunError):
        raise
    except (Stopped, KeyboardInterrupt) as end:
        for trial in _running(plan.directory):
            mark_ended(trial.path, "interrupted", reason_of(end))
        raise
    except Exception as error:  # of the launcher: a trial's own never get here
        return error
    finally:
        (plan.directory / _HYDRAS_CONFIG).unlink(missing_ok=True)
    return None


@contextmanager
def _ctrl_c_alone(sweep: Path) -> Iterator[None]:
    """Within, Ctrl-C reaches this process alone, which has the trials end in order."""
    from joblib.externals.loky.backend import resource_tracker as of_joblib

    for tracker in (of_joblib, resource_tracker):
        tracker.ensure_running()  # now, since whoever starts it lets Ctrl-C through again
    with ctrl_c_alone(lambda: _stop_trials(sweep, signal.SIGTERM)):
        yield


def _running(sweep: Path) -> list[Trial]:
    return [trial for trial in read_trials(sweep) if trial.status == "running"]


def _stop_trials(sweep: Path, number: int) -> None:
    """Pass a signal on to the trials that run in other processes of this machine, and give them time to end in order.

    Those of other machines are their launcher's to end.
    """
    apart = [trial for trial in _running(sweep) if _is_beside(read_status(trial.path))]
    for trial in apart:
        with suppress(ProcessLookupError):
            os.kill(read_status(trial.path)["process"], number)
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and {t.number for t in apart} & {t.number for t in _running(sweep)}:
        time.sleep(0.1)


def _is_beside(status: Mapping[str, Any]) -> bool:
    """Whether a run is that of another process of this machine."""
    return bool(status["process"] != os.getpid() and status["host"] == socket.gethostname())


def _known(plan: Plan) -> Iterator[Trial]:
    return (read_trial(plan.directory, number) for number in range(len(plan.trials)))


def _unbegun(plan: Plan) -> list[Trial]:
    return [trial for trial in _known(plan) if trial.status == "absent"]


def _trial(config: DictConfig) -> None:
    """What Hydra calls for each trial, in a worker process if the launcher has such."""
    job = HydraConfig.get()
    directory = Path(job.runtime.output_dir)
    (directory.parent / _HYDRAS_CONFIG).unlink(missing_ok=True)
    try:
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
        worker = _worker(job.launcher)
        if worker is not None:
            work_for(read_status(directory.parent)["process"])
        run_trial(plain, list(job.overrides.task), worker=worker)
    except Exception as error:
        mark_failed(directory, reason_of(error), again=lacked_resources(error))
