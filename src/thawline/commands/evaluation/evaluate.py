"""`thawline evaluate RUN [DIR]`: judge a finished run again, on its own held-out photos or on another folder.

What is judged may be a bundle: by new samples, `commands/evaluation/bundle.py`, or with `golden=FILE` by cases whose
answers are known, `commands/evaluation/golden.py`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from thawline.bundles.manifest import was_bundle
from thawline.commands.gating import given_gates, hold_run
from thawline.commands.line.settings import EvaluateSettings
from thawline.commands.results import save_report, save_results
from thawline.commands.written import report_written
from thawline.data.settings import DataSettings
from thawline.data.tables.places import comparable
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.features.progress import say
from thawline.fitting.fit import is_fitted, read_fit
from thawline.fitting.folds import HOLDOUT, REFIT, Fold, fold_directory
from thawline.fitting.predict import predict_fold
from thawline.fitting.settings import SCORES
from thawline.runs.directory import REFIT_WORD, RunDirectory, read_config, read_status
from thawline.runs.finished import finished_run
from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.moved import placed, refuse_absent
from thawline.runs.predictions import Predictions, join_predictions
from thawline.runs.split import SplitRow, by_name, change_of, covering_split
from thawline.runs.sweep import INNER_FILE, is_sweep_directory, read_sweep, read_trial
from thawline.screen import as_word, say_next, say_whole
from thawline.targets.target import GIVEN_PROMPTS, MAJORITY, MOST_USUAL, TRAINING_MEAN, ZERO_SHOT
from thawline.tasks.capabilities import TaskProblem, examine, task_reader
from thawline.tasks.running import show_results
from thawline.tasks.settings import read_settings, saved_settings
from thawline.tasks.task import find_task
from thawline.tasks.typed import to_settings

SEEN = "the run was trained on this sample or on one of its group"


def evaluate(config: DictConfig) -> Path | None:
    """Judge the run again and write a run directory of its own, which is given back; golden cases leave none.

    Raises:
        UserError: The run did not finish, or the photos can't be used.
        RunError: A golden case failed, or a gate is missed.
    """
    started = time.perf_counter()
    settings: EvaluateSettings = to_settings(config)
    if settings.golden is not None:
        from thawline.commands.evaluation.golden import evaluate_golden  # late: runs need no bundles

        evaluate_golden(settings, settings.golden)
        return None
    source, given = Path(settings.run), settings.data.places
    if was_bundle(source):
        from thawline.commands.evaluation.bundle import evaluate_bundle  # late, as above

        return evaluate_bundle(config, settings)
    path, rows, facts, classes = _finished(source, elsewhere=bool(given))
    gates = given_gates(settings.gates, classes)
    trained = read_settings(read_config(path))
    device = find_device(settings.accelerator)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
    console = Console()

    def opened(data: DataSettings) -> DataSettings:
        return data.read_by(settings.data.reader, settings.data.dataset).opened(settings.store.root)

    def read(data: DataSettings) -> TaskProblem:
        data = data.as_fitted(next(iter(facts["chosen"].values())))
        return task_reader(trained.task)(replace(trained, data=data, store=settings.store), device, classes=classes)

    with RunDirectory(Path(settings.paths.run), "evaluate", config) as run:
        problem, data, own = _open(source, path, rows, given, opened, read)
        report = problem.report()
        if own:
            _finished(source, elsewhere=False)
            predictions = _again(problem, path, rows, device)
        else:
            predictions = _other(problem, path, rows, device)
            judged = set(predictions.paths)
            seen = [{"name": name, "reason": SEEN} for name in problem.names if name not in judged]
            report["left_out"] = [*report.get("left_out", []), *seen]
            report["warnings"] = [*report.get("warnings", []), *problem.untold]
        if own and given:
            say("these are the run's own samples, moved; those that it held out are judged")
        save_report(run, report, console, trained.task)
        facts = {
            **{key: facts[key] for key in ("method", "encoder", "thaw")},
            "baseline": _baseline(facts["baseline"], elsewhere=not own),
            "verb": "evaluate",
            "kind": find_task(trained.task).samples,
            "examined": examine(problem, [], predictions, device),
            "features": {"computed": problem.computed, "read": problem.read},
            "seconds": round(time.perf_counter() - started, 2),
        }
        with mirrored(
            settings.logger,
            run.path,
            name=run.path.name,
            verb="evaluate",
            config=plain,
            group=None,
            tags=[facts["method"], facts["encoder"]],
        ) as mirror:
            save_results(run, predictions, facts, console, trained.task)
            held = hold_run(gates, run, console)
            if mirror is not None:
                show_results(mirror, run, predictions, settings.logger, data.path)
    say_whole(console, f"run    {run.path}", f"store  {settings.store.root}")
    say_next(console, [f"thawline compare {as_word(run.path)}"])
    if held is not None:
        report_written(run.path)
        held.refuse_missed()
    return run.path


def _open(
    source: Path,
    path: Path,
    rows: Sequence[SplitRow],
    given: dict[str, Any],
    opened: Callable[[DataSettings], DataSettings],
    read: Callable[[DataSettings], TaskProblem],
) -> tuple[TaskProblem, DataSettings, bool]:
    """What is judged, its settings, and whether it is the run's own data.

    Args:
        source: The run as it was named.
        path: Its directory, or that of a sweep's winner.
        rows: Its split.
        given: The places that were given.
        opened: Makes the settings of other data those of their files, where they are a data set.
        read: Reads data.

    Raises:
        UserError: The data are not there, or not the run's own where only they can be meant.
    """
    config = placed(path, read_config(path), given)
    if not given:
        refuse_absent("evaluate", source, config)
        data = saved_settings(config).data
        return read(data), data, True
    own = problem = None
    before = read_settings(read_config(path)).data
    if given.get("data.path") == before.path:
        change: str | None = "they are where they were"  # and are to be judged as any other samples
    else:
        try:
            refuse_absent("evaluate", source, config)
            own = saved_settings(config).data
            problem = read(own)
            change = change_of(rows, problem.split_rows(()), folds=False)
        except UserError as error:
            change = str(error)
    if own is not None and problem is not None and change is None:
        return problem, own, True
    if "data.path" not in given:
        raise UserError(f"what is there now are not the samples of {source}: {change}")
    elsewhere = before.at(given["data.path"])
    other = opened(replace(elsewhere, corrections=given.get("data.corrections")))
    return problem if problem is not None and own == other else read(other), other, False


def _baseline(name: str, *, elsewhere: bool) -> str:
    """What is compared with: a reference that was fitted beside the run's folds has nothing to say of other samples."""
    usual = (ZERO_SHOT, GIVEN_PROMPTS, MOST_USUAL, TRAINING_MEAN)
    return MAJORITY if elsewhere and name not in usual else name


def _finished(path: Path, *, elsewhere: bool) -> tuple[Path, list[SplitRow], dict[str, Any], list[str]]:
    """The run to judge again, its split, what its `metrics.json` says, and its classes; of a sweep, the winner's.

    Raises:
        UserError: There is none that may be judged.
    """
    if (path / INNER_FILE).exists():
        raise UserError(
            f"{path} is a trial of a sweep, which judges its winner alone; 'thawline evaluate {path.parent}' takes that"
        )
    verb = read_status(path)["verb"]
    if verb not in ("train", "sweep"):
        raise UserError(f"{path} is a run of 'thawline {verb}', which fits nothing; evaluate one of 'thawline train'")
    judged, facts = finished_run(path)
    if not is_sweep_directory(path):
        return path, covering_split(path / "split.csv", judged.paths), facts, facts["judged"]["classes"]
    sweep = read_sweep(path, "winner", "chosen")
    winner = read_trial(path, sweep["winner"])
    refitted = is_fitted(fold_directory(winner.path, REFIT))
    if len(sweep["chosen"]) > 1 and not (elsewhere and refitted):
        raise UserError(
            f"{path} is a sweep over several folds or seeds, each judged by its own choice; 'thawline train "
            f"{path} {REFIT_WORD}' gives it one model, which 'thawline evaluate {path} DIR' judges on other samples"
        )
    rows = covering_split(winner.path / "split.csv", judged.paths)
    return winner.path, rows, winner.facts, winner.facts["inner"]["classes"]


def _again(problem: TaskProblem, run: Path, rows: list[SplitRow], device: torch.device) -> Predictions:
    """The run's own held-out photos, each judged by the fold that held it out."""
    index = {name: i for i, name in enumerate(comparable(problem.names))}
    mine, now = by_name(rows), by_name(problem.split_rows(()))
    if gone := [row.path for name, row in mine.items() if name not in index]:
        raise UserError(
            f"{len(gone)} of the run's {len(rows)} samples are not in its folder any more, such as {gone[0]}; if they "
            "were moved, data.path=… says where they are"
        )
    if other := [
        row.path for name, row in mine.items() if (now[name].digest, now[name].text) != (row.digest, row.text)
    ]:
        raise UserError(
            f"{len(other)} of the run's {len(rows)} samples have another content now, such as {other[0]}, so what it "
            "said of them can't be judged again"
        )
    parts = []
    for name in sorted({row.fold for row in rows} - {""}):
        test = np.array([index[key] for key, row in mine.items() if row.fold == name], dtype=np.int64)
        train = np.array([index[key] for key, row in mine.items() if row.fold != name], dtype=np.int64)
        fit = read_fit(fold_directory(run, name))
        parts.append(predict_fold(problem, Fold(name, train, None, test), fit, device))
    return join_predictions(parts)


def _other(problem: TaskProblem, run: Path, rows: list[SplitRow], device: torch.device) -> Predictions:
    """Another folder's photos, without those that share a group with one of the model's training photos."""
    refitted = is_fitted(fold_directory(run, REFIT))
    fit = read_fit(fold_directory(run, REFIT if refitted else HOLDOUT))
    seen = rows if refitted else [row for row in rows if not row.fold]
    known = problem.related_to(seen)
    if len(known) == len(problem.names):
        raise UserError("every sample there, or one much like it, was trained on; nothing is left to judge by")
    kept = np.setdiff1d(np.arange(len(problem.names)), known).astype(np.int64)
    fold = Fold("other", kept[:0], None, kept)
    return predict_fold(problem, fold, fit, device, _usual(problem, seen))


def _usual(problem: TaskProblem, seen: Sequence[SplitRow]) -> float:
    """The class that most of the samples `seen` have, or the mean of their scores."""
    if problem.settings.target == SCORES:
        return float(np.mean([float(row.label) for row in seen]))
    labels = [problem.classes.index(row.label) for row in seen]
    return int(np.bincount(labels, minlength=len(problem.classes)).argmax())
