"""What fits how many answers there are: which methods are tried, and which of them is taken and why."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from thawline.encoders.encoder import Encoder, Features
from thawline.errors import UserError
from thawline.fitting.lightning.optimiser import adamw
from thawline.fitting.settings import GradientSettings
from thawline.runs.directory import RunDirectory
from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.mirrors.mirror import Mirror, Several
from thawline.runs.predictions import Predictions
from thawline.runs.split import write_split
from thawline.targets.predicted import compare_said, judge_said
from thawline.tasks.planning import plan_run
from thawline.tasks.preference.loop.settings import ChoosingSettings
from thawline.tasks.preference.problem import PreferenceProblem
from thawline.tasks.running import fit_run, show_results, tags, write_results
from thawline.tasks.settings import RunSettings

LOGISTIC, GDA, BLOCKS = "logistic", "gda", "blocks"
_CLOSED = (LOGISTIC, GDA)  # in the order of preference where they are even
_TIMED = 2  # steps, after one that allocates


@dataclass(frozen=True)
class Trial:
    """One method, fitted and judged as a run.

    Attributes:
        settings: Its settings; `paths.run` is its directory.
        predictions: What it said of each photo out of fold.
    """

    settings: RunSettings
    predictions: Predictions

    @property
    def figures(self) -> dict[str, float]:
        """Its accuracy and log-loss out of fold."""
        judged = judge_said(self.predictions, ranking=False)
        loss = judged.log_loss
        return {"accuracy": judged.score.value, "log_loss": float("inf") if loss is None else loss.value}


@dataclass(frozen=True)
class Choice:
    """What was taken.

    Attributes:
        name: `logistic`, `gda` or `blocks`.
        why: A sentence.
        trial: What was taken.
        figures: Of each method that was tried its accuracy and log-loss out of fold. Those of the one that is taken are
            a little too good where several were tried, since it was taken by them.
    """

    name: str
    why: str
    trial: Trial
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def choose(tried: Mapping[str, Trial]) -> tuple[str, str]:
    """Which of the methods in `tried` is taken, by what each said out of fold of the same photos, and why.

    Of the closed forms the one with the least log-loss: it judges probabilities, which is what is shown. Blocks cost a
    hundred times as much and store a network, so they are taken only where the paired test calls them better.
    """
    closed = [name for name in _CLOSED if name in tried]
    losses = {name: tried[name].figures["log_loss"] for name in closed}
    best = min(closed, key=lambda name: losses[name])
    why = " and ".join(f"{name} {losses[name]:.3f}" for name in closed)
    sentence = f"{best} has the least log-loss out of fold ({why})"
    if BLOCKS not in tried:
        return best, sentence
    test = compare_said(tried[BLOCKS].predictions, tried[best].predictions, BLOCKS, best)
    if test.differs and test.difference.value > 0:
        return BLOCKS, test.summary()
    return best, f"{sentence}; blocks are not better: {test.summary()}"


def run_choice(
    problem: PreferenceProblem,
    settings: RunSettings,
    choosing: ChoosingSettings,
    device: torch.device,
    *,
    read: Callable[[RunSettings], PreferenceProblem],
    config: Callable[[RunSettings], DictConfig],
    mirror: Mirror | None = None,
) -> Choice:
    """Try what suits the answers of `problem`, each as a run as `thawline train` makes it, and take one.

    All runs share their folds. That of blocks, which keeps a network for each fold, is deleted where it is not taken.

    Args:
        problem: The answers, with the features at the encoder's end.
        settings: Those of the run; each method's own goes below `paths.run`.
        choosing: What is tried.
        device: What to compute on.
        read: Reads the same answers at another thaw line.
        config: What a run's directory keeps of its settings.
        mirror: What is told of the course of the trainings; None: nothing.

    Raises:
        UserError: The answers or their photos can't be used.
        RunError: A training can't go on.
    """
    methods = {LOGISTIC: choosing.logistic, GDA: choosing.gda, BLOCKS: choosing.blocks}
    directory, tried = Path(settings.paths.run), dict[str, Trial]()

    def run(name: str) -> None:
        own = replace(
            settings,
            method=methods[name],
            thaw=choosing.thaw if name == BLOCKS else None,
            refit=True,
            paths=replace(settings.paths, run=str(directory / name)),
        )
        at_line = read(own) if name == BLOCKS else replace(problem, settings=own)
        tried[name] = run_trial(at_line, own, config(own), device, mirror, group=directory.name)

    for name in _CLOSED:
        run(name)
    skipped = why_no_blocks(problem, choosing, settings.cv or 1, device)
    if not skipped:
        run(BLOCKS)
    best, why = choose(tried)
    if best != BLOCKS:
        shutil.rmtree(directory / BLOCKS, ignore_errors=True)
    figures = {name: trial.figures for name, trial in tried.items()}
    return Choice(best, f"{why}; {skipped}" if skipped else why, tried[best], figures)


def run_trial(
    problem: PreferenceProblem,
    settings: RunSettings,
    config: DictConfig,
    device: torch.device,
    mirror: Mirror | None,
    group: str | None = None,
) -> Trial:
    """One run of `problem` in the directory that its `settings` name, mirrored by their logger and by `mirror`.

    `group` is what it is one of: the runs that are tried for one version.
    """
    started = time.perf_counter()
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
    with RunDirectory(Path(settings.paths.run), "train", config) as run:
        plan = plan_run(problem, settings)
        write_split(run.file("split.csv"), problem.split_rows(plan))
        with mirrored(
            settings.logger,
            run.path,
            name=run.path.name if group is None else f"{group}/{run.path.name}",
            verb="train",
            config=plain,
            group=group,
            tags=tags(plain),
        ) as logged:
            predictions, facts = fit_run(problem, plan, settings, run.path, device, Several(mirror, logged), started)
            write_results(run, predictions, facts)
            if logged is not None:
                show_results(logged, run, predictions, settings.logger, settings.data.path)
    return Trial(settings, predictions)


def config_of(given: DictConfig, settings: RunSettings) -> DictConfig:
    """`given`, the config of a run, with what `settings` have otherwise."""
    config = given.copy()
    config.data.path, config.paths.run = settings.data.path, settings.paths.run
    config.cv, config.thaw, config.refit = settings.cv, settings.thaw, settings.refit
    config.encoder = asdict(settings.encoder)
    config.method = OmegaConf.create(asdict(settings.method))
    return config


def why_no_blocks(problem: PreferenceProblem, choosing: ChoosingSettings, folds: int, device: torch.device) -> str:
    """Why blocks are not tried; "" where they are.

    Whether there is time is measured: some steps of a training, whose number is known.

    Raises:
        UserError: Those of `choosing.blocks` are no settings of gradient descent.
    """
    fewest = min(problem.counts.values())
    if fewest < choosing.least:
        return f"blocks are tried from {choosing.least} answers of each kind on"
    method = choosing.blocks
    if not isinstance(method, GradientSettings):
        raise UserError(f"choosing.blocks.name={method.name} trains no blocks; use the settings of method=finetune")
    try:
        cut = problem.encoder.cut_for(choosing.thaw)
    except UserError:
        return f"the encoder has no {choosing.thaw} blocks to train"
    # The folds train on all but one part each, and the refit on all of them.
    samples = len(problem.labels) * folds * method.epochs
    seconds = samples / method.batch_size * _step_seconds(problem.encoder, cut, method.batch_size, device)
    if seconds <= choosing.seconds:
        return ""
    return (
        f"blocks would take some {seconds:.0f} s here, more than choosing.seconds={choosing.seconds:g} "
        f"(method=finetune thaw={choosing.thaw} trains them)"
    )


def _step_seconds(encoder: Encoder, cut: int, batch: int, device: torch.device) -> float:
    """How long a step of AdamW over the stages above `cut` takes, the least of some."""
    assert encoder.preprocessing is not None  # noqa: S101  # an encoder of photos has one
    size = encoder.preprocessing.size
    prefix, tail = encoder.prefix(cut).to(device), encoder.tail(cut).to(device)
    one = torch.zeros(1, 3, size, size, dtype=torch.uint8, device=device)
    at_line: Features = {
        name: tensor.expand(batch, *tensor.shape[1:]).contiguous() for name, tensor in prefix({"pixels": one}).items()
    }
    optimiser = adamw(tail.parameters(), device, lr=0.0)
    seconds = []
    for _ in range(_TIMED + 1):
        started = time.perf_counter()
        optimiser.zero_grad()
        tail(at_line)["features"].square().mean().backward()
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])
