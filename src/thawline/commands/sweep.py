"""`thawline train DIR -m …`: one feature pass, then the trials, then the leaderboard; the winner alone is judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from thawline.commands.quoting import quote
from thawline.commands.trial import run_trial
from thawline.errors import RunError, UserError
from thawline.files import read_json, write_json
from thawline.runs.directory import RunDirectory, mark_failed, reason_of
from thawline.runs.sweep import SWEEP_FILE, Trial, read_trial, read_trials

Compose = Callable[[Sequence[str]], DictConfig]
Launch = Callable[[Callable[[DictConfig], None], Sequence[str]], None]


@dataclass(frozen=True)
class Plan:
    """What a sweep is to do.

    Attributes:
        directory: The sweep's.
        words: The command line's settings, the directory among them.
        base: The config without what is swept.
        trials: What the command line gives each trial; None where a sweeper decides that as it goes.
    """

    directory: Path
    words: tuple[str, ...]
    base: DictConfig
    trials: tuple[tuple[str, ...], ...] | None


def run_sweep(words: Sequence[str], compose: Compose, launch: Launch) -> None:
    """Run a sweep from its command line, or go on with one that was cut off.

    Args:
        words: The settings of the command line, without `-m`.
        compose: Settings to the config with Hydra's own part.
        launch: Has Hydra run a function for every trial of a command line.

    Raises:
        UserError: The sweep can't be run as it is asked for; nothing was left.
        RunError: Trials failed; the others are done and judged.
    """
    # Late: a worker process imports this module only to run a trial.
    from thawline.commands.filling import fill_features
    from thawline.commands.leaderboard import finish_sweep

    plan = plan_sweep(words, compose)
    configs = _compose_distinct(plan, compose)
    console = Console()
    with RunDirectory(plan.directory, "sweep", plan.base) as run:
        # All features are there before the first trial starts; a sweeper that decides as it goes has none to fill yet.
        passes = fill_features(configs, run, console)
        write_json(run.file(SWEEP_FILE), {"words": plan.words, "features": passes})
        _run_trials(plan, launch)
        failed = finish_sweep(run, plan.base.refit is True, console)
    if failed:
        raise RunError(failed)


def resume_sweep(directory: Path, compose: Compose, launch: Launch) -> None:
    """Go on with the sweep in `directory`: trials that ended stay as they are."""
    run_sweep(read_json(directory / SWEEP_FILE)["words"], compose, launch)


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
    swept = [f"{key}={value}" for key, value in (base.hydra.sweeper.get("params") or {}).items()]
    trials = _expand([*swept, *words]) if str(base.hydra.sweeper._target_).endswith(".BasicSweeper") else None
    _refuse_other_splits(trials or ())
    base = compose([*fixed, f"paths.run={quote(str(directory))}"])
    del base.hydra
    return Plan(directory, (*words, *place), base, trials)


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
_ABOVE_THE_LINE = ("method.", "seed=", "cv=", "debug", "logger", "refit=", "prompts", "augmentation.mixup=", "hydra")


def _compose_distinct(plan: Plan, compose: Compose) -> list[DictConfig]:
    """The configs of the trials, one for those that need the same features and set the same keys."""
    place = f"paths.run={quote(str(plan.directory))}"
    distinct: dict[tuple[str, ...], tuple[str, ...]] = {}
    for trial in plan.trials or ():
        signature = (word.partition("=")[0] if word.startswith(_ABOVE_THE_LINE) else word for word in trial)
        distinct.setdefault(tuple(signature), trial)
    return [compose([*trial, place]) for trial in distinct.values()]


def _run_trials(plan: Plan, launch: Launch) -> None:
    """Launch the trials until each has ended. A launcher whose worker was killed is launched again for what is left."""
    lost: set[int] = set()
    while True:
        error = _launch(plan, launch)
        running = [trial for trial in read_trials(plan.directory) if trial.status == "running"]
        if error is not None and not running:
            raise error
        for trial in running:
            if error is None or trial.number in lost:
                mark_failed(trial.path, "the process that ran it was killed")
            lost.add(trial.number)
        if error is None:
            break
    for trial in _unbegun(plan):
        mark_failed(trial.path, "it never began")


def _launch(plan: Plan, launch: Launch) -> Exception | None:
    try:
        launch(_trial, ["--multirun", *plan.words])
    except (UserError, RunError):
        raise
    except Exception as error:  # of the launcher: a trial's own never get here
        return error
    return None


def _unbegun(plan: Plan) -> list[Trial]:
    numbers = range(len(plan.trials)) if plan.trials is not None else ()
    trials = (read_trial(plan.directory, number) for number in numbers)
    return [trial for trial in trials if trial.status == "absent"]


def _trial(config: DictConfig) -> None:
    """What Hydra calls for each trial, in a worker process if the launcher has such."""
    job = HydraConfig.get()
    directory = Path(job.runtime.output_dir)
    try:
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
        apart = not str(job.launcher._target_).endswith(".BasicLauncher")
        run_trial(plain, list(job.overrides.task), apart=apart)
    except Exception as error:
        mark_failed(directory, reason_of(error))
