"""One trial of a sweep: fitted and scored on inner samples. The outer samples are the winner's alone.

Nothing heavy is imported here: under a launcher with worker processes each worker imports this module.
"""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from thawline.commands.sweeps.launchers.devices import take_device
from thawline.errors import PrunedError
from thawline.output import silence_libraries
from thawline.process import end_with_parent
from thawline.runs.directory import mark_failed
from thawline.runs.ends import lacked_resources, reason_of
from thawline.runs.settings import keep_wandb_quiet
from thawline.runs.signals import EXIT_STATUS, Stopped, signals_end_the_run
from thawline.runs.sweep import read_trial, write_overrides

if TYPE_CHECKING:
    from thawline.fitting.fit import Watch

_SWEEP = "sweep"  # the part of a config that tells of a search
# Does with config, directory, mirror and start what `scoring.score` does.
Scores = Callable[..., None]


def run_trial(
    config: dict[str, Any], overrides: Sequence[str], *, worker: int | None = None, scores: Scores | None = None
) -> None:
    """Run a trial, unless it ended before; whatever happens to it stands in its directory, and nothing is raised.

    Args:
        config: The resolved config; `paths.run` is the trial's directory, named by its number, in the sweep's. It has a
            part `sweep` where the search may end the trial early.
        overrides: What the command line gave this trial.
        worker: The number of the worker that runs it in a child of its own, so that its death is only its own; None: it
            runs in this process.
        scores: What is done once its directory and its logger are there; None: it is fitted and scored.
    """
    silence_libraries()  # a worker's, which ran no command
    directory = Path(config["paths"]["run"])
    if read_trial(directory.parent, int(directory.name)).ended:
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_overrides(directory, overrides)
    if worker is not None:
        _in_a_process(config, directory, worker)
    else:
        _attempt(config, scores)
    say_trial(directory)


def _attempt(config: dict[str, Any], scores: Scores | None = None) -> None:
    try:
        own = {key: value for key, value in config.items() if key != _SWEEP}
        _score(OmegaConf.create(own), scores, config.get(_SWEEP))
    except PrunedError:
        return  # which status.json says
    except Exception as error:
        # Most are in status.json already; those from before the run directory was entered are not.
        mark_failed(Path(config["paths"]["run"]), reason_of(error), again=lacked_resources(error))


def _score(config: DictConfig, scores: Scores | None, sweep: dict[str, Any] | None) -> None:
    """Score a trial in its directory, mirrored by its own logger: a trial that fails is a run there too."""
    # Late: a worker that only hands the trial on needs none of this, which takes seconds to import.
    from thawline.commands.sweeps.scoring import score
    from thawline.runs.directory import RunDirectory
    from thawline.runs.mirrors.loggers import mirrored
    from thawline.runs.settings import LoggerSettings
    from thawline.tasks.running import tags

    started = time.perf_counter()
    directory = Path(config.paths.run)
    plain: dict[str, Any] = OmegaConf.to_container(config)  # type: ignore[assignment]  # its keys are strings
    with (
        RunDirectory(directory, "train", config, keep=True) as run,
        mirrored(
            LoggerSettings(**plain["logger"]),
            directory,
            name=f"{directory.parent.name}/{directory.name}",
            verb="train",
            config=plain,
            group=directory.parent.name,
            tags=tags(plain),
        ) as mirror,
    ):
        (scores or partial(score, watch=watch_of(sweep, plain, directory)))(config, run, mirror, started)


def watch_of(sweep: Mapping[str, Any] | None, config: Mapping[str, Any], directory: Path) -> "Watch | None":
    """Who is told how the trial goes, where its search may end it early."""
    if sweep is None:
        return None
    from thawline.commands.sweeps.search.pruning import watch_for

    return watch_for(sweep, config, directory)


def say_trial(directory: Path) -> None:
    """One line on screen for a trial that ended."""
    from thawline.judging.metrics import call  # late, as above
    from thawline.judging.wording import with_unit

    trial = read_trial(directory.parent, int(directory.name))
    if trial.status == "finished":
        inner = trial.facts["inner"]
        name = inner["headline"]
        score = inner[name]["value"]
        said = f"{call(name)} {with_unit(name, score)}"
        print(f"trial {trial.number}: inner {said}, {trial.facts['seconds']:.1f} s", flush=True)
    else:
        print(f"trial {trial.number} {trial.status}: {trial.reason}", flush=True)


def _in_a_process(config: dict[str, Any], directory: Path, worker: int) -> None:
    """Run the trial in a child. One that is killed takes neither the worker nor other trials with it.

    The children come from one server process that has done the slow imports, and nothing else, before.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_slow_imports(config))
    child = context.Process(target=_child, args=(config, worker))
    child.start()
    child.join()
    if read_trial(directory.parent, int(directory.name)).status in ("running", "absent"):
        # A process that is killed was so by the system, which had no memory left, or by someone's hand.
        mark_failed(directory, _cause(child.exitcode), again=child.exitcode == -signal.SIGKILL)


def _slow_imports(config: dict[str, Any]) -> list[str]:
    """Modules that every trial needs; one that there is not is left out by the server."""
    # joblib: under its launcher this process was started by a method of joblib's own, which a child is told to know.
    needed = [
        "joblib",
        "thawline.commands.sweeps.scoring",
        "thawline.fitting.methods.gradient",
        "thawline.fitting.methods.logistic",
    ]
    needed += [f"thawline.tasks.{config['task']}.data", "thawline.encoders.load"]
    if _SWEEP in config:
        needed.append("thawline.commands.sweeps.search.pruning")
    if config["logger"]["name"] == "wandb":
        keep_wandb_quiet()
        needed.append("wandb.sdk.launch.inputs.internal")  # what W&B imports besides itself when a run starts
    return needed


def _child(config: dict[str, Any], worker: int) -> None:
    end_with_parent()  # another worker may take the trial up
    if config["trainer"]["accelerator"] != "cpu":
        import torch  # late: whoever only hands a trial on needs none of it

        take_device(worker, torch.cuda.device_count)
    try:
        with signals_end_the_run():
            _attempt(config)
    except Stopped:
        sys.exit(EXIT_STATUS)


def _cause(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"its process ended with exit status {exit_code}"
    name = signal.Signals(-exit_code).name
    hint = "; the system does that when memory runs out" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"
