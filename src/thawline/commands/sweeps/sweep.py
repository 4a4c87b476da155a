"""`thawline train DIR -m …`: one feature pass, then the trials, then the leaderboard; the winner alone is judged."""

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from thawline.commands.line.composing import of_run
from thawline.commands.resuming import resumed_words
from thawline.commands.sweeps.choosing import run_candidates, say_candidates
from thawline.commands.sweeps.launchers.lasting import lasting
from thawline.commands.sweeps.launchers.settings import count_jobs
from thawline.commands.sweeps.packing import Here
from thawline.commands.sweeps.plan import Compose, SweepPlan, compose_distinct, plan_sweep
from thawline.commands.sweeps.plugins import SEARCH_SWEEPER, register_plugin
from thawline.commands.sweeps.search.claims import drop_all, owning, taken_by_others
from thawline.commands.sweeps.search.settings import NEVER
from thawline.commands.sweeps.trial import run_trial
from thawline.errors import RunError, UserError
from thawline.fitting.launched import refuse_torchrun
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
from thawline.screen import say_whole

Launch = Callable[[Callable[[DictConfig], None], Sequence[str]], None]
_HYDRAS_CONFIG = "multirun.yaml"  # its sweeper writes the config as it was given, secrets too; the sweep has its own
_PROCESS = "THAWLINE_SWEEP_PROCESS"  # for workers: whom they work for
_PATIENCE = 20.0  # seconds that trials have for a last checkpoint


def run_sweep(words: Sequence[str], compose: Compose, launch: Launch, *, refit: bool = False) -> Path:
    """Run a sweep from its command line, or go on with one that was cut off.

    Args:
        words: The settings of the command line, without `-m`.
        compose: Settings to the config with Hydra's own part.
        launch: Has Hydra run a function for every trial of a command line.
        refit: Whether the winner is fitted on all data even where the settings do not say so.

    Returns:
        Its directory.

    Raises:
        UserError: The sweep can't be run as it is asked for; nothing was left.
        RunError: Trials failed; the others are done and judged.
    """
    # Late: a worker process imports this module only to run a trial.
    from thawline.commands.next_steps import saying_how_to_go_on
    from thawline.commands.sweeps.filling import fill_features
    from thawline.commands.sweeps.leaderboard import finish_sweep
    from thawline.commands.written import report_written

    refuse_torchrun()
    plan = plan_sweep(words, compose)
    configs = compose_distinct(plan, compose)
    console = Console()
    with ExitStack() as stack:
        if not stack.enter_context(owning(plan.directory)):
            _help(plan, compose, launch)
            return plan.directory
        stack.enter_context(saying_how_to_go_on(plan.directory))
        run = stack.enter_context(RunDirectory(plan.directory, "sweep", plan.base))
        refit = refit or plan.refits
        about = {"words": [saved_word(word) for word in plan.words], "refit": refit, "features": []}
        if plan.search is not None:
            about["study"] = plan.search.study
        write_sweep(run.path, about)  # from here on it can be resumed
        if plan.candidates is not None:
            say_candidates(plan.candidates, console)
        # All features are there before the first trial starts.
        write_sweep(run.path, {**about, "features": fill_features(configs, run, console)})
        _run_trials(plan, compose, launch)
        failed = finish_sweep(run, refit, console, plan.sweep, plan.candidates)
    if failed:
        report_written(run.path)
        raise RunError(failed)
    return plan.directory


def resume_sweep(directory: Path, given: Sequence[str], compose: Compose, launch: Launch) -> Path:
    """Go on with the sweep in `directory`, and give it back: trials that ended stay as they are.

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
        return directory
    words, places = resumed_words(directory, about["words"], others)
    trials = [trial.path for trial in read_trials(directory) if places and is_run_directory(trial.path)]
    for trial in trials[:1]:
        _check_moved(trial, places)
    for trial in trials:
        keep_places(trial, places)
    return run_sweep(words, compose, launch, refit=refit or about.get("refit", False))


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


def _worker(launcher: DictConfig) -> int | None:
    """The number of this process among joblib's workers, whose trials have children of their own; None elsewhere."""
    if not str(launcher._target_).endswith(".JoblibLauncher"):
        return None
    return (*multiprocessing.current_process()._identity, 0)[0] % count_jobs(launcher.n_jobs)


def _run_trials(plan: SweepPlan, compose: Compose, launch: Launch) -> None:
    """Launch the trials until each has ended."""
    for trial in _running(plan.directory):
        mark_ended(trial.path, "interrupted", "the process that ran it was killed")
    if plan.search is not None:
        for trial in read_trials(plan.directory):
            if trial.status == "failed" and trial.again:  # those that fail from now on stay so
                mark_ended(trial.path, "interrupted", trial.reason or "it lacked disk or memory")
    _launch_until_ended(plan, compose, launch)
    for trial in _unbegun(plan):
        mark_failed(trial.path, "it never began", again=True)


def _help(plan: SweepPlan, compose: Compose, launch: Launch) -> None:
    """Run trials of a search beside the process that ends it.

    Raises:
        UserError: All its trials are that process's: it is no search, or submitit would take up that one's jobs.
    """
    if plan.search is None or plan.alone:
        raise UserError(f"another process runs the sweep {plan.directory}; wait for its end, or end it")
    say_whole(Console(), f"helping with {plan.directory}, which another process ends")
    _launch_until_ended(plan, compose, launch)


def _launch_until_ended(plan: SweepPlan, compose: Compose, launch: Launch) -> None:
    """Launch the sweep. A launcher whose worker was killed is launched again for what is left."""
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


def _launch(plan: SweepPlan, compose: Compose, launch: Launch) -> Exception | None:
    if plan.search is not None:
        register_plugin(SEARCH_SWEEPER)
    os.environ[_PROCESS] = str(os.getpid())
    try:
        with (
            passed_on(lambda number: _stop_trials(plan.directory, number)),
            _ctrl_c_alone(plan.directory) if plan.apart else nullcontext(),
            lasting(),
        ):
            if plan.candidates is not None:
                run_candidates(plan.directory, plan.candidates, compose)
                return None
            ran: set[int] = set()
            if not plan.apart:
                ran = Here(plan.directory, compose, least=plan.least).run(dict(enumerate(plan.trials)))
            if not (plan.trials and all(trial.ended or trial.number in ran for trial in _known(plan))):
                launch(_others(ran) if ran else _trial, ["--multirun", *plan.words])
    except (UserError, RunError):
        raise
    except (Stopped, KeyboardInterrupt) as end:
        for trial in _running(plan.directory):
            mark_ended(trial.path, "interrupted", reason_of(end))
        raise
    except Exception as error:  # of the launcher: a trial's own never get here
        return error
    finally:
        drop_all()
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
    """The trials that run here; those that another process of the same search has taken on are left to it."""
    running = [trial for trial in read_trials(sweep) if trial.status == "running"]
    return [trial for trial in running if not taken_by_others(sweep, trial.number)]


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


def _known(plan: SweepPlan) -> Iterator[Trial]:
    return (read_trial(plan.directory, number) for number in range(len(plan.trials)))


def _unbegun(plan: SweepPlan) -> list[Trial]:
    return [trial for trial in _known(plan) if trial.status == "absent"]


def _others(ran: set[int]) -> Callable[[DictConfig], None]:
    """What Hydra calls for each trial where some were run here: what failed for want of disk is not run again now."""

    def trial(config: DictConfig) -> None:
        if int(Path(HydraConfig.get().runtime.output_dir).name) not in ran:
            _trial(config)

    return trial


def _trial(config: DictConfig) -> None:
    """What Hydra calls for each trial, in a worker process if the launcher has such."""
    job = HydraConfig.get()
    directory = Path(job.runtime.output_dir)
    (directory.parent / _HYDRAS_CONFIG).unlink(missing_ok=True)
    try:
        plain: dict[str, Any] = OmegaConf.to_container(of_run(config), resolve=True)  # type: ignore[assignment]  # str keys
        if config.sweep.prune != NEVER:
            plain["sweep"] = OmegaConf.to_container(config.sweep, resolve=True)
        worker = _worker(job.launcher)
        if worker is not None:
            work_for(int(os.environ.get(_PROCESS, "0")))
        run_trial(plain, list(job.overrides.task), worker=worker)
    except Exception as error:
        mark_failed(directory, reason_of(error), again=lacked_resources(error))
