"""What fits how many answers there are: which methods are tried, and which of them is taken and why."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from thawline.errors import UserError
from thawline.fitting.settings import MethodSettings
from thawline.runs.directory import RunDirectory
from thawline.runs.mirrors.loggers import Mirror
from thawline.runs.predictions import Predictions
from thawline.runs.split import write_split
from thawline.targets.predicted import compare_said, judge_said
from thawline.tasks.planning import plan_run
from thawline.tasks.preference.answers import ENOUGH
from thawline.tasks.preference.problem import PreferenceProblem
from thawline.tasks.preference.read import read_preference
from thawline.tasks.preference.settings import feedback_of
from thawline.tasks.running import fit_run, write_results
from thawline.tasks.settings import RunSettings

BASE, PRIOR, LOGISTIC, GDA, BLOCKS = "base", "prior", "logistic", "gda", "blocks"
_CLOSED = (LOGISTIC, GDA)  # in the order of preference where they are even
_LEAST_GROUPS, _MOST_FOLDS = 2, 5


@dataclass(frozen=True)
class Choice:
    """What was taken.

    Attributes:
        name: `logistic`, `gda` or `blocks`; `prior` (words alone) or `base` where nothing can be fitted yet.
        why: A sentence.
        run: The directory of its run; None where nothing was fitted.
        settings: The settings of that run; None as well.
        predictions: What it said of each photo out of fold; None as well.
        figures: Of each method that was tried its accuracy and log-loss out of fold. Those of the one that is taken are
            a little too good where several were tried, since it was taken by them.
    """

    name: str
    why: str
    run: Path | None = None
    settings: RunSettings | None = None
    predictions: Predictions | None = None
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def methods_for(answers: Mapping[str, int], groups: Mapping[str, int], *, words: bool, blocks: bool) -> tuple[str, ...]:
    """Which methods are tried with so many answers.

    Args:
        answers: Of each class.
        groups: Groups of photos of each class: one group says nothing of another, so each class needs two.
        words: Whether something is said in words that the encoder can read.
        blocks: Whether the encoder has blocks to train.

    Returns:
        `prior` or `base` alone, where nothing can be fitted; otherwise closed forms, and blocks where there are enough
        answers for these to be worth their time.
    """
    if min(groups.values(), default=0) < _LEAST_GROUPS:
        return (PRIOR,) if words else (BASE,)
    return (*_CLOSED, BLOCKS) if blocks and min(answers.values()) >= ENOUGH else _CLOSED


def choose(said: Mapping[str, Predictions]) -> tuple[str, str]:
    """Which of the methods in `said` is taken, by what each said out of fold of the same photos, and why.

    Of the closed forms the one with the least log-loss: it judges probabilities, which is what is shown. Blocks cost a
    hundred times as much and store a network, so they are taken only where the paired test calls them better.
    """
    closed = [name for name in _CLOSED if name in said]
    losses = {name: _figures(said[name])["log_loss"] for name in said}
    best = min(closed, key=lambda name: losses[name])
    why = " and ".join(f"{name} {losses[name]:.3f}" for name in closed)
    sentence = f"{best} has the least log-loss out of fold ({why})" if len(closed) > 1 else f"{best} alone was tried"
    if BLOCKS not in said:
        return best, sentence
    test = compare_said(said[BLOCKS], said[best], BLOCKS, best)
    if test.differs and test.difference.value > 0:
        return BLOCKS, test.summary()
    return best, f"{sentence}; blocks are not better: {test.summary()}"


def run_choice(
    settings: RunSettings,
    methods: Mapping[str, MethodSettings],
    directory: Path,
    device: torch.device,
    *,
    thaw: int = 2,
    mirror: Mirror | None = None,
) -> Choice:
    """Try what suits the answers of `settings`, each as a run as `thawline train` makes it, and take one.

    All runs share their folds, grouped, as many as the class of fewest groups allows, five at most.

    Args:
        settings: Those of a run of this task; its method is not used.
        methods: How `logistic`, `gda` and perhaps `blocks` are fitted.
        directory: Where the runs go, each under its name.
        device: What to compute on.
        thaw: How many blocks `blocks` train.
        mirror: What is told of the course of the trainings; None: nothing.

    Raises:
        UserError: The answers or their photos can't be used.
        RunError: A training can't go on.
    """
    problem = read_preference(replace(settings, method=methods[LOGISTIC], thaw=None), device)
    groups = {
        name: len(np.unique(problem.groups[problem.labels == label])) for label, name in enumerate(problem.classes)
    }
    words = feedback_of(settings.data).has_words
    deep = BLOCKS in methods and _can_be_cut(problem, thaw)
    names = methods_for(problem.counts, groups, words=words, blocks=deep)
    if names[0] in (PRIOR, BASE):
        what = "what was said in words" if words else "the base model"
        return Choice(names[0], f"{what} stands for a taste: each kind of answer needs two groups of photos")
    folds = min(_MOST_FOLDS, *groups.values())
    ran: dict[str, tuple[RunSettings, Predictions]] = {}
    for name in names:
        own = replace(
            settings,
            method=methods[name],
            thaw=thaw if name == BLOCKS else None,
            cv=folds,
            refit=True,
            paths=replace(settings.paths, run=str(directory / name)),
        )
        ran[name] = own, _run(own, None if name == BLOCKS else replace(problem, settings=own), device, mirror)
    said = {name: predictions for name, (_, predictions) in ran.items()}
    best, why = choose(said)
    figures = {name: _figures(predictions) for name, predictions in said.items()}
    return Choice(best, why, directory / best, ran[best][0], said[best], figures)


def _run(
    settings: RunSettings, problem: PreferenceProblem | None, device: torch.device, mirror: Mirror | None
) -> Predictions:
    """One run in its directory; what it said out of fold."""
    started = time.perf_counter()
    with RunDirectory(Path(settings.paths.run), "train", config_of(settings)) as run:
        problem = problem or read_preference(settings, device)
        plan = plan_run(problem, settings)
        write_split(run.file("split.csv"), problem.split_rows(plan))
        predictions, facts = fit_run(problem, plan, settings, run.path, device, mirror, started)
        write_results(run, predictions, facts)
    return predictions


def config_of(settings: RunSettings) -> DictConfig:
    """The config that a run with `settings` keeps, without what only verbs with more settings have."""
    plain = {each.name: getattr(settings, each.name) for each in fields(RunSettings)}
    values: dict[str, Any] = {
        name: OmegaConf.to_container(OmegaConf.structured(value)) if hasattr(value, "__dataclass_fields__") else value
        for name, value in plain.items()
    }
    return OmegaConf.create(values)


def _can_be_cut(problem: PreferenceProblem, thaw: int) -> bool:
    """Whether the encoder has so many blocks to train."""
    try:
        problem.encoder.cut_for(thaw)
    except UserError:
        return False
    return True


def _figures(said: Predictions) -> dict[str, float]:
    judged = judge_said(said, ranking=False)
    loss = judged.log_loss
    return {"accuracy": judged.accuracy.value, "log_loss": float("inf") if loss is None else loss.value}
