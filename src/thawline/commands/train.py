"""`thawline train DIR`: fit a method on a folder of photos or a file of pairs and judge it against its baseline."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from thawline.commands.next_steps import say_after_training, saying_how_to_go_on
from thawline.commands.results import save_report, save_results
from thawline.commands.resuming import config_now, resumed_config
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.files import write_text
from thawline.fitting.launched import check_launched
from thawline.fitting.named.callbacks import find_callback
from thawline.fitting.packed.folds import fit_folds
from thawline.runs.directory import CONFIG_FILE, REFIT_WORD, RunDirectory, read_status
from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.moved import keep_places
from thawline.runs.split import check_unchanged, write_split
from thawline.runs.sweep import INNER_FILE
from thawline.screen import say, say_whole
from thawline.tasks.capabilities import task_reader
from thawline.tasks.planning import fit_everything, how_to_fit, plan_run
from thawline.tasks.running import fit_run, show_results, tags
from thawline.tasks.settings import RunSettings, saved_settings
from thawline.tasks.typed import to_settings

SPLIT = "split.csv"


def train(config: DictConfig) -> Path:
    """Train, judge, and write the run directory, which is given back.

    Raises:
        UserError: The settings or the photos can't be used.
        RunError: The training can't go on.
    """
    settings: RunSettings = to_settings(config)
    train_run(config, settings, Console())
    return Path(settings.paths.run)


def resume(path: Path, given: Sequence[str]) -> Path:
    """Go on with the run in `path`, which was cut off, and give it back.

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
        return path
    config, status = resumed_config(path, given)
    settings = saved_settings(config, mirrored=True)
    say_whole(console, f"resuming {path} ({status})")
    if forgetful := [name for name in settings.callbacks if not find_callback(name).resumes]:
        named = f"callbacks=[{','.join(forgetful)}]"
        say(console, f"with {named}, which can't go on in the middle, a training that was cut off begins anew")
    before = (path / CONFIG_FILE).read_text(encoding="utf-8")
    try:
        train_run(config, settings, console)
    except UserError:  # other data than its own, say: it goes on from where it was
        write_text(path / CONFIG_FILE, before)
        raise
    return path


def train_run(config: DictConfig, settings: RunSettings, console: Console) -> None:
    """Train as `config` says, whose typed form is `settings`, and tell of it on `console`."""
    me = check_launched(settings.trainer)
    if me is None:
        _train_here(config, settings, console)
        return
    from thawline.fitting.lightning.processes import meeting  # late: what most runs import while they read

    with meeting(me, find_device(settings.trainer.accelerator)) as others:
        if me.rank:
            others.help()
        else:
            _train_here(config, settings, console)


def _train_here(config: DictConfig, settings: RunSettings, console: Console) -> None:
    started = time.perf_counter()
    device = find_device(settings.trainer.accelerator)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
    with saying_how_to_go_on(Path(settings.paths.run)), RunDirectory(Path(settings.paths.run), "train", config) as run:
        problem = task_reader(settings.task)(settings, device)
        plan = plan_run(problem, settings)
        save_report(run, problem.report(), console, settings.task)
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
            predictions, facts = fit_run(problem, plan, settings, run.path, device, mirror, started)
            pictures = settings.logger.name != "none"
            save_results(run, predictions, facts, console, settings.task, pictures=pictures)
            if mirror is not None:
                show_results(mirror, run, predictions, settings.logger, settings.data.path)
    say_whole(console, f"run    {run.path}", f"store  {settings.store.root}")
    say_after_training(console, run.path, run.path)


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
    fit_everything(problem, fit_folds(problem, plan, how), how)
    say_whole(console, f"refitted on all data: {path}")
    return places
