"""The end of a sweep: the trials ranked, the winner judged on the outer data, what failed named."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from omegaconf import OmegaConf
from rich.console import Console

from thawline.commands.next_steps import say_after_training
from thawline.commands.results import save_results
from thawline.commands.sweeps.choosing import Candidates, keep_choice
from thawline.commands.sweeps.search.settings import BYTES, SCORE, SECONDS, SIMPLEST, SweepSettings
from thawline.commands.train import refit_run
from thawline.encoders.device import find_device
from thawline.errors import RunError
from thawline.files import write_text
from thawline.fitting.fit import FitOptions
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.packed.folds import fit_folds
from thawline.fitting.predict import predict_fold
from thawline.judging.wording import goodness
from thawline.reports.advice import advise
from thawline.reports.importances import importances
from thawline.reports.leaderboard import leaderboard_csv, print_front, print_leaderboard
from thawline.reports.page.parallel import parallel_page
from thawline.reports.swept import SweptTrial, as_table, swept_trial
from thawline.runs.directory import SWEEP_FILE, RunDirectory, read_config
from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.predictions import Predictions, join_predictions
from thawline.runs.split import check_unchanged
from thawline.runs.sweep import Trial, read_sweep, read_trials, write_sweep
from thawline.screen import say, say_whole
from thawline.targets.leaderboard import Cell, Row, beats, pick, rank, score
from thawline.targets.leaderboard import choose as choose_in_cells
from thawline.tasks.capabilities import TaskProblem, examine, task_reader
from thawline.tasks.planning import how_to_fit, plan_run
from thawline.tasks.running import show_results, tags
from thawline.tasks.settings import saved_settings


def finish_sweep(
    run: RunDirectory, refit: bool, console: Console, sweep: SweepSettings, candidates: Candidates | None = None
) -> str | None:
    """Rank the trials by their inner scores, judge what each cell chose on its outer samples, and show all of it.

    Args:
        run: The sweep's directory.
        refit: Whether the winner is fitted once more on all data.
        console: Where the tables go.
        sweep: What it was for, and what it comes to.
        candidates: Of which methods one was to be chosen; None: none was.

    Returns:
        What failed, in a sentence; None if nothing did.

    Raises:
        UserError: All trials were refused.
        RunError: All trials failed.
    """
    trials = read_trials(run.path)
    names = setting_names(trials)
    done = [trial for trial in trials if trial.status == "finished"]
    failed = [trial for trial in trials if trial.status not in ("finished", "pruned")]
    if not done:
        raise RunError(_say_failed(failed, len(trials), names) or "the sweep has no trials")
    scored = [score(trial, names[trial.number]) for trial in done]
    simplest = sweep.choose == SIMPLEST
    rows, chosen = rank(scored), choose_in_cells(scored, simplest=simplest)
    winner = pick(rows, simplest=simplest)
    print_leaderboard(rows, console)
    write_text(run.file("leaderboard.csv"), leaderboard_csv(rows))
    told = [swept_trial(trial, names[trial.number]) for trial in trials]
    if pruned := sum(trial.status == "pruned" for trial in trials):
        say(console, f"{pruned} of {len(trials)} trials were pruned; {SWEEP_FILE} says why")
    if sweep.several:
        print_front(_front(done, names, sweep.objectives), sweep.objectives, rows[0].judgement.headline, console)
    if candidates is None:
        _say_choice(rows, winner, console, simplest=simplest)
    else:
        told_rows = [row.to_json() for row in rows]
        keep_choice(run.path, candidates, told_rows, told_rows[rows.index(winner)], console)
    _judge(run, done, chosen, rows, winner, told, console)
    if refit:
        refit_run(next(trial.path for trial in done if trial.number == winner.trials[0]), [], console)
    advice = _advise(told, rows, winner, console)
    _save(run, trials, names, rows, chosen, winner, sweep, advice)
    say_whole(console, f"sweep  {run.path}")
    say_after_training(console, run.path, run.path / str(winner.trials[0]))
    return _say_failed(failed, len(trials), names)


def setting_names(trials: Sequence[Trial]) -> dict[int, str]:
    """What the sweep varied, for each trial in words; the seed is left out, since seeds are repetitions."""
    everywhere = set.intersection(*(set(trial.overrides) for trial in trials)) if trials else set()
    return {
        trial.number: " ".join(w for w in trial.overrides if w not in everywhere and not w.startswith("seed="))
        or "as given"
        for trial in trials
    }


def _front(done: Sequence[Trial], names: Mapping[int, str], objectives: Sequence[str]) -> list[dict[str, Any]]:
    """The Pareto front: the trials that no other beats in all objectives, the best score first, with their figures."""
    found = []
    for trial in done:
        inner, facts = trial.facts["inner"], trial.facts
        figures = {SCORE: inner[inner["headline"]]["value"], SECONDS: facts["seconds"], BYTES: facts.get("tail_bytes")}
        own = {name: figures[name] for name in objectives}
        if None not in own.values():  # an earlier version did not say how large the tail is
            found.append({"number": trial.number, "setting": names[trial.number], **own})
    figure = done[0].facts["inner"]["headline"]
    losses = [[-goodness(figure, one[SCORE]), *(one[name] for name in objectives[1:])] for one in found]
    front = [one for one, loss in zip(found, losses, strict=True) if not any(beats(other, loss) for other in losses)]
    return sorted(front, key=lambda one: goodness(figure, one[SCORE]), reverse=True)


def _say_choice(rows: Sequence[Row], winner: Row, console: Console, *, simplest: bool) -> None:
    """Which setting is taken, and by what rule, where that is not simply the first."""
    alike = sum(row.is_alike for row in rows) - 1
    if not simplest or not alike:
        return
    rank_of = f"rank {rows.index(winner) + 1}, {winner.setting}"
    others = f"{alike} other{'s' if alike > 1 else ''} can't be told apart from rank 1"
    say(
        console,
        f"the simplest is taken: {rank_of} ({others}; least thawed first, then the smallest tail, then the best score; "
        "sweep.choose=best takes rank 1)",
    )


def _judge(
    run: RunDirectory,
    done: Sequence[Trial],
    chosen: Mapping[Cell, int],
    rows: Sequence[Row],
    winner: Row,
    told: Sequence[SweptTrial],
    console: Console,
) -> None:
    """Judge the trial that each cell chose on that cell's outer samples. No other trial is."""
    started = time.perf_counter()
    of = {trial.number: trial for trial in done}
    several = len({seed for seed, _ in chosen}) > 1
    parts: list[Predictions] = []
    facts: dict[str, Any] = {}
    opened: list[tuple[TaskProblem, list[tuple[Fold, FittedTail]], torch.device]] = []
    for number in sorted(set(chosen.values())):
        problem, plan, how = _open(of[number])
        cells = [fold for fold in plan if chosen.get((how.seed, fold.name)) == number]
        judged = list(zip(cells, fit_folds(problem, cells, how), strict=True))
        opened.append((problem, judged, how.device))
        for fold, fit in judged:
            predictions = predict_fold(problem, fold, fit, how.device)
            named = tuple(f"seed{how.seed}/{name}" for name in predictions.folds)
            parts.append(replace(predictions, folds=named) if several else predictions)
        facts = facts or of[number].facts
    counts = {key: sum(trial.facts["features"][key] for trial in done) for key in ("computed", "read")}
    passes = read_sweep(run.path)["features"]
    counts["computed"] += sum(one["computed"] for one in passes)
    seconds = sum(trial.facts["seconds"] for trial in done) + time.perf_counter() - started
    summary = {
        **{key: facts[key] for key in ("kind", "encoder", "thaw", "debug")},
        "baseline": " or ".join(dict.fromkeys(of[number].facts["baseline"] for number in chosen.values())),
        "verb": "sweep",
        "examined": _examine(opened, join_predictions(parts)),
        "method": winner.setting if len(chosen) == 1 else "the sweep's choice",
        "features": counts,
        "seconds": round(seconds + sum(one["seconds"] for one in passes), 2),
    }
    said = ", ".join(f"trial {number} in {_cell(cell, several)}" for cell, number in chosen.items())
    say(console, f"chosen by inner scores, judged on the outer data: {said}")
    predictions = join_predictions(parts)
    [*others, last] = (read_config(of[number].path) for number in set(chosen.values()))
    settings = saved_settings(last, mirrored=True)
    config: dict[str, Any] = OmegaConf.to_container(read_config(run.path) if others else last)  # type: ignore[assignment]
    # What the sweep comes to is a run beside those of its trials, in one group with them.
    with mirrored(
        settings.logger,
        run.path,
        name=run.path.name,
        verb="sweep",
        config=config,
        group=run.path.name,
        tags=tags(config) if not others else [],
    ) as mirror:
        save_results(run, predictions, summary, console, settings.task)
        if mirror is not None:
            show_results(mirror, run, predictions, settings.logger, settings.data.path)
            mirror.trials(*as_table(told, rows[0].judgement.headline), parallel_page(rows))


def _examine(
    opened: Sequence[tuple[TaskProblem, list[tuple[Fold, FittedTail]], torch.device]], predictions: Predictions
) -> dict[str, Any] | None:
    """What the task says of the predictions; of its models only where one trial made them all."""
    problem, judged, device = opened[0]
    return examine(problem, judged if len(opened) == 1 else [], predictions, device)


def _open(trial: Trial) -> tuple[TaskProblem, list[Fold], FitOptions]:
    """A trial's data and how its folds were fitted."""
    settings = saved_settings(read_config(trial.path))
    device = find_device(settings.trainer.accelerator)
    problem = task_reader(settings.task)(settings, device)
    plan = plan_run(problem, settings)
    check_unchanged(trial.path / "split.csv", problem.split_rows(plan))
    return problem, plan, how_to_fit(settings, trial.path, device, None)


def _save(
    run: RunDirectory,
    trials: Sequence[Trial],
    names: Mapping[int, str],
    rows: Sequence[Row],
    chosen: Mapping[Cell, int],
    winner: Row,
    sweep: SweepSettings,
    advice: Sequence[str],
) -> None:
    several = len({seed for seed, _ in chosen}) > 1
    write_sweep(
        run.path,
        {
            **read_sweep(run.path),
            "trials": [
                {"number": t.number, "setting": names[t.number], "status": t.status, "reason": t.reason} for t in trials
            ],
            "rows": [row.to_json() for row in rows],
            "chosen": {_cell(cell, several): number for cell, number in chosen.items()},
            "choose": sweep.choose,
            **({"front": _front([t for t in trials if t.facts], names, sweep.objectives)} if sweep.several else {}),
            "alike": [row.setting for row in rows if row.is_alike],
            "winner": winner.trials[0],
            "next": list(advice),
        },
    )


def _advise(told: Sequence[SweptTrial], rows: Sequence[Row], winner: Row, console: Console) -> list[str]:
    """What to try next, said and given back."""
    advice = advise(rows, told, importances(told), winner)
    for sentence in advice:
        say(console, sentence)
    return advice


def _cell(cell: Cell, several: bool) -> str:
    return f"seed{cell[0]}/{cell[1]}" if several else cell[1]


def _say_failed(failed: Sequence[Trial], count: int, names: Mapping[int, str]) -> str | None:
    """One sentence that names every trial that failed, with its cause."""
    if not failed:
        return None
    said = "; ".join(f"{trial.number} ({names[trial.number]}): {trial.reason or trial.status}" for trial in failed)
    left = [str(trial.number) for trial in failed if not trial.ended]
    again = f"; 'thawline train {failed[0].path.parent}' runs {' and '.join(left)} again, for want of disk or memory"
    return f"{len(failed)} of {count} trials failed: {said}{again if left else ''}"
