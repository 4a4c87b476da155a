"""`thawline curve RUN`: how the run's figures grow with its samples, and how many more its gates would take."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.gating import given_gates
from thawline.commands.line.settings import CurveSettings
from thawline.decisions.gates import Gates, judge_gates
from thawline.decisions.outlook import Outlook, look_out
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.features.progress import bar
from thawline.features.stored import stored_only
from thawline.files import write_json
from thawline.fitting.folds import Fold
from thawline.fitting.growing import fit_whole, grow, sizes_for
from thawline.fitting.settings import RulesSettings, ZeroShotSettings
from thawline.output import report
from thawline.reports.growth import draw_growth, print_growth, print_outlooks
from thawline.runs.directory import read_config, read_status
from thawline.runs.finished import finished_run
from thawline.runs.moved import placed, refuse_absent
from thawline.runs.predictions import Predictions
from thawline.runs.split import check_unchanged
from thawline.runs.sweep import INNER_FILE, is_sweep_directory, read_sweep, read_trial
from thawline.screen import say, say_whole
from thawline.targets.growth import FIGURES, Figure, growth_of
from thawline.targets.predicted import judge_said
from thawline.tasks.capabilities import TaskProblem, task_reader
from thawline.tasks.planning import how_to_fit, plan_run
from thawline.tasks.settings import RunSettings, saved_settings
from thawline.tasks.task import find_task
from thawline.tasks.typed import to_settings

FILE, PICTURE = "learning_curve.json", "learning_curve.png"


def curve(config: DictConfig) -> None:
    """Fit on growing parts of what the run trained on, forecast, and show, draw and write it.

    Raises:
        UserError: The run learns nothing from more samples, its features are not stored, or its gates can't be used.
    """
    started, console = time.perf_counter(), Console()
    settings: CurveSettings = to_settings(config)
    source = Path(settings.run)
    run, said = _finished(source)
    gates = given_gates(settings.gates, said.classes)
    _check_forecast(gates)
    trained = _settings(source, run, settings.data.places)
    trained = replace(trained, store=replace(settings.store, dtype=trained.store.dtype))
    device = find_device(trained.trainer.accelerator)
    with stored_only():
        problem = task_reader(trained.task)(trained, device)
    plan = plan_run(problem, trained)
    check_unchanged(run / "split.csv", problem.split_rows(plan))
    how = how_to_fit(trained, run, device, None)
    sizes = sizes_for(problem, plan)
    noun = find_task(trained.task).samples
    with bar("fitting on parts", "fits", settings.draws * len(sizes) * len(plan)) as advance:
        grown = grow(problem, plan, how, sizes, settings.draws, advance)
    whole = said if run == source else fit_whole(problem, plan, how)
    judged = judge_said(whole, ranking=False).to_json()
    growths = growth_of(
        [*(one.size for one in grown), 1.0], [*(one.said for one in grown), [whole]], judged, trained.seed
    )
    outlooks = [] if gates is None else _outlooks(gates, judged, growths, problem)
    out = Path(settings.out).expanduser().absolute() if settings.out else source / "curve"
    out.mkdir(parents=True, exist_ok=True)
    count = len(problem.labels)
    print_growth(growths, console, count, noun)
    if outlooks:
        print_outlooks(outlooks, console, noun)
    draw_growth(growths, outlooks, out / PICTURE, count, noun)
    facts = _facts(trained, problem, plan, settings.draws, growths, outlooks)
    write_json(out / FILE, facts)
    report(**facts, written={"curve": out / FILE, "drawn": out / PICTURE})
    fits = (settings.draws * len(sizes) + (run != source)) * len(plan)
    counts = f"{problem.computed} computed, {problem.read} read from the store"
    say(console, f"features {counts}; {fits} fits, {time.perf_counter() - started:.1f} s in all")
    say_whole(console, f"curve  {out / FILE}", f"drawn  {out / PICTURE}")


def _check_forecast(gates: Gates | None) -> None:
    """Refuse gates of figures that have no law here, before anything is fitted; raises UserError."""
    if gates is None:
        return
    for gate in gates.gates:
        if gate.figure not in FIGURES:
            raise UserError(f"{gates.path}: {gate.figure} can't be forecast; what can be is {', '.join(FIGURES)}")


def _finished(source: Path) -> tuple[Path, Predictions]:
    """The run, or of a sweep its winner's directory, and what was judged of it.

    Raises:
        UserError: It is none that has a curve.
    """
    if (source / INNER_FILE).exists():
        raise UserError(f"{source} is a trial of a sweep; 'thawline curve {source.parent}' takes its winner")
    if (verb := read_status(source)["verb"]) not in ("train", "sweep"):
        raise UserError(f"{source} is a run of 'thawline {verb}', which fits nothing; give one of 'thawline train'")
    said, _ = finished_run(source)
    run = source
    if is_sweep_directory(source):
        run = read_trial(source, read_sweep(source, "winner")["winner"]).path
    if said.scores is not None:
        raise UserError(f"{source} gives scores; a curve is drawn of one label a sample")
    if said.tags is not None:
        raise UserError(f"{source} has several labels a sample; a curve is drawn of one label each")
    return run, said


def _settings(source: Path, run: Path, given: dict[str, Any]) -> RunSettings:
    """The run's settings, with its data where they are now.

    Raises:
        UserError: The data are not there, or nothing is fitted to them.
    """
    config = placed(run, read_config(run), given)
    refuse_absent("curve", source, config)
    trained = saved_settings(config)
    if isinstance(trained.method, ZeroShotSettings | RulesSettings):
        raise UserError(f"method={trained.method.name} learns nothing, so no more samples change what it says")
    return trained


def _outlooks(gates: Gates, judged: dict[str, Any], growths: dict[Figure, Any], problem: TaskProblem) -> list[Outlook]:
    counts = dict(zip(problem.classes, np.bincount(problem.labels).tolist(), strict=False))
    return [
        look_out(one, gates.by, growths, len(problem.labels) if one.gate.label is None else counts[one.gate.label])
        for one in judge_gates(gates, judged)
    ]


def _facts(
    trained: RunSettings,
    problem: TaskProblem,
    plan: list[Fold],
    draws: int,
    growths: dict[Figure, Any],
    outlooks: list[Outlook],
) -> dict[str, Any]:
    figures = [{"figure": figure, "class": label, **growth.to_json()} for (figure, label), growth in growths.items()]
    return {
        "method": trained.method.name,
        "samples": len(problem.labels),
        "by_class": dict(zip(problem.classes, np.bincount(problem.labels).tolist(), strict=False)),
        "folds": len(plan),
        "draws": draws,
        "figures": figures,
        "gates": [one.to_json() for one in outlooks],
    }
