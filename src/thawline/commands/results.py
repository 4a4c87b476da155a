"""What a run leaves behind: numbers, predictions, pictures, and a table on screen."""

import csv
import io
from pathlib import Path
from typing import Any

from rich.console import Console

from thawline.data.report import print_report
from thawline.errors import UserError
from thawline.files import read_json, write_json, write_text
from thawline.judging.metrics import Judgement, judge, judge_predictions
from thawline.judging.paired import PairedTest, compare
from thawline.reports.pictures import draw_confusion, draw_recall, draw_reliability, draw_training
from thawline.reports.tables import Judged, print_classes, print_comparison
from thawline.runs.directory import RunDirectory, read_status
from thawline.runs.predictions import PREDICTIONS_FILE, Predictions, read_predictions, write_predictions
from thawline.runs.wandb import Mirror

METRICS_FILE = "metrics.json"


def save_results(
    run: RunDirectory,
    predictions: Predictions,
    facts: dict[str, Any],
    console: Console,
    mirror: Mirror | None,
) -> None:
    """Judge `predictions`, compare them with the baseline's, and write and show all of it.

    Args:
        run: Where it goes.
        predictions: Of the samples that were held out.
        facts: What else `metrics.json` says of the run: the method, the features' counts, seconds.
        console: Where the tables go.
        mirror: A W&B run, or None.
    """
    judged, baseline, test = judge_run(predictions, facts["method"], facts["baseline"])
    write_predictions(run.file(PREDICTIONS_FILE), predictions)
    write_json(
        run.file(METRICS_FILE),
        {**facts, "judged": judged.to_json(), "judged_baseline": baseline.to_json(), "test": test.to_json()},
    )
    write_text(run.file("metrics.csv"), _csv(judged, baseline))
    _draw(run, judged)
    print_comparison([Judged(facts["method"], judged, test), Judged(facts["baseline"], baseline)], console)
    print_classes(judged, console)
    counts = "{computed} computed, {read} read from the store".format(**facts["features"])
    console.print(f"features {counts}; {facts['seconds']} s in all", highlight=False)
    if mirror is not None:
        mirror.summary.update({row.name: row.value for row in judged.rows() if row.value is not None})


def _draw(run: RunDirectory, judged: Judgement) -> None:
    draw_confusion(judged, run.file("confusion.png"))
    draw_recall(judged, run.file("recall.png"))
    if judged.calibration is not None:
        draw_reliability(judged.calibration, run.file("reliability.png"))
    for history in sorted(run.path.glob("folds/*/history.csv")):
        draw_training(history, history.with_suffix(".png"))


def save_report(run: RunDirectory, report: dict[str, Any], console: Console) -> None:
    """Write and show what the collection holds, before anything is fitted."""
    write_json(run.file("data_report.json"), report)
    print_report(report, console)


def finished_run(path: Path) -> tuple[Predictions, dict[str, Any]]:
    """The predictions of a finished run and what `metrics.json` says of it.

    Raises:
        UserError: `path` holds no run that finished.
    """
    status = read_status(path)
    if status["status"] != "finished":
        raise UserError(f"the run {path} is {status['status']} ({status['reason'] or 'not yet done'}), not finished")
    return read_predictions(path / PREDICTIONS_FILE), read_json(path / METRICS_FILE)


def judge_run(predictions: Predictions, method: str, baseline: str) -> tuple[Judgement, Judgement, PairedTest]:
    """The judgement of a run, of its baseline on the same samples, and the paired test of the two."""
    p = predictions
    return (
        judge(p.labels, p.probabilities, p.groups, p.classes),
        judge_predictions(p.labels, p.baseline, p.groups, p.classes),
        compare(p.labels, p.said, p.baseline, p.groups, name_a=method, name_b=baseline),
    )


def _csv(judged: Judgement, baseline: Judgement) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "value", "low", "high"])
    writer.writerows(judged.rows())
    writer.writerows((f"baseline/{row.name}", *row[1:]) for row in baseline.rows())
    return text.getvalue()
