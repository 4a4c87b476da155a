"""A run, fitted and judged: what `thawline train` does between reading the data and showing the results."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thawline.files import write_json
from thawline.fitting.folds import Fold
from thawline.fitting.packed.folds import fit_folds
from thawline.fitting.predict import predict_fold
from thawline.judging.metrics import Judgement
from thawline.judging.paired import PairedTest
from thawline.runs.digests import noted
from thawline.runs.directory import RunDirectory
from thawline.runs.finished import METRICS_FILE
from thawline.runs.mirrors.loggers import Mirror
from thawline.runs.mirrors.summary import summarise
from thawline.runs.predictions import PREDICTIONS_FILE, Predictions, join_predictions, write_predictions
from thawline.runs.reading import read_record
from thawline.runs.settings import LoggerSettings
from thawline.targets.predicted import compare_baseline, judge_baseline, judge_said, worst_mistakes
from thawline.targets.target import Mistake
from thawline.tasks.capabilities import TaskProblem, examine
from thawline.tasks.planning import fit_everything, how_to_fit
from thawline.tasks.settings import RunSettings
from thawline.tasks.task import find_task


def fit_run(
    problem: TaskProblem,
    plan: Sequence[Fold],
    settings: RunSettings,
    run: Path,
    device: torch.device,
    mirror: Mirror | None,
    started: float,
) -> tuple[Predictions, dict[str, Any]]:
    """Fit each fold, and with several folds all the data at the end: the model to use.

    Args:
        problem: The task's data.
        plan: Who is trained on and who is judged.
        settings: The run's settings.
        run: Its directory, where the fits are kept.
        device: What to compute on.
        mirror: What mirrors the run, or None.
        started: When it began, by `time.perf_counter`.

    Returns:
        What was said of the samples that were held out, and what `metrics.json` says of the run besides numbers.
    """
    how = how_to_fit(settings, run, device, mirror)
    fits = fit_folds(problem, plan, how)
    parts = [predict_fold(problem, fold, fit, device) for fold, fit in zip(plan, fits, strict=True)]
    if len(plan) > 1 if settings.refit is None else settings.refit:
        fit_everything(problem, fits, how)
    predictions = join_predictions(parts)
    facts = {
        **facts_of(problem, settings),
        "examined": examine(problem, list(zip(plan, fits, strict=True)), predictions, device),
        "chosen": {fold.name: fit.chosen for fold, fit in zip(plan, fits, strict=True)},
        "seconds": round(time.perf_counter() - started, 2),
    }
    return predictions, facts


def facts_of(problem: TaskProblem, settings: RunSettings) -> dict[str, Any]:
    """What `metrics.json` says of a run besides numbers."""
    return {
        "verb": "train",
        "kind": find_task(settings.task).samples,
        "method": settings.method.name,
        "encoder": settings.encoder.model or settings.encoder.name,
        "thaw": settings.cut,
        "debug": settings.debug.name,
        "baseline": problem.baseline,
        "features": {"computed": problem.computed, "read": problem.read},
    }


def write_results(
    run: RunDirectory, predictions: Predictions, facts: dict[str, Any]
) -> tuple[Judgement, Judgement, PairedTest]:
    """Judge `predictions`, compare them with the baseline's, and write both as the run's results.

    Args:
        run: Where they go.
        predictions: Of the samples that were held out.
        facts: What else `metrics.json` says of the run: the method, the features' counts, seconds.
    """
    judged, baseline, test = judge_run(predictions, facts["method"], facts["baseline"])
    write_predictions(run.file(PREDICTIONS_FILE), predictions)
    metrics = {**facts, "judged": judged.to_json(), "judged_baseline": baseline.to_json(), "test": test.to_json()}
    with noted(run.file(METRICS_FILE)):
        write_json(run.file(METRICS_FILE), metrics)
    return judged, baseline, test


def judge_run(predictions: Predictions, method: str, baseline: str) -> tuple[Judgement, Judgement, PairedTest]:
    """The judgement of a run, of its baseline on the same samples, and the paired test of the two."""
    return judge_said(predictions), judge_baseline(predictions), compare_baseline(predictions, method, baseline)


def show_results(
    mirror: Mirror, run: RunDirectory, predictions: Predictions, logger: LoggerSettings, data: str | None
) -> None:
    """Send the end results to a logger: numbers, the confusion matrix, and, only when asked, the worst mistakes.

    Args:
        mirror: The logger.
        run: Whose `metrics.json` holds the numbers.
        predictions: What was judged.
        logger: How many thumbnails of photos go to the logger.
        data: The folder of the photos, or a table in theirs.
    """
    metrics = read_record(run.file(METRICS_FILE))
    judged = metrics.get("judged") or metrics["inner"]
    mirror.summary(summarise(metrics))
    if judged["confusion"] is not None:  # of several labels a sample there is none
        mirror.confusion(np.array(judged["confusion"]["counts"]), predictions.classes)
    if logger.thumbnails:
        worst, path = worst_mistakes(predictions, logger.thumbnails), Path(data or "")
        root = path.parent if path.is_file() else path  # a table's own folder
        mirror.mistakes([(root / one.path, _caption(one)) for one in worst])


def _caption(mistake: Mistake) -> str:
    sure = "" if mistake.sure is None else f" with {100 * mistake.sure:.0f} %"
    return f"{', '.join(mistake.true)}, called {', '.join(mistake.said) or 'nothing'}{sure}"


def tags(config: Mapping[str, Any]) -> list[str]:
    """What a logger can filter runs by: the method, the encoder and the thaw line of a plain config."""
    encoder = config["encoder"]
    thaw = [] if config["thaw"] is None else [f"thaw={config['thaw']}"]
    return [config["method"]["name"], encoder["model"] or encoder["name"], *thaw]
