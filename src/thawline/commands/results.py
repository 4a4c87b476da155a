"""What a run leaves behind: numbers, predictions, pictures, and a table on screen."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from thawline.data.class_report import print_brief
from thawline.data.photos.people import write_people
from thawline.errors import UserError
from thawline.files import digest_of, write_atomically, write_json, write_text
from thawline.judging.metrics import Judgement, judge_predictions
from thawline.reports.pictures import draw_confusion, draw_coverage, draw_recall, draw_reliability, draw_training
from thawline.reports.tables import ComparisonRow, print_classes, print_comparison
from thawline.runs.digests import noted
from thawline.runs.directory import RunDirectory
from thawline.runs.finished import CORRECTIONS_FILE, METRICS_FILE
from thawline.runs.predictions import Predictions, write_predictions
from thawline.runs.sweep import INNER_FILE
from thawline.runs.unpacked import REPORT_FILE
from thawline.screen import say, say_whole
from thawline.targets.tags import show_tags
from thawline.targets.target import MAJORITY
from thawline.tasks.running import judge_run, write_results
from thawline.tasks.task import capability, find_task


def save_results(
    run: RunDirectory,
    predictions: Predictions,
    facts: dict[str, Any],
    console: Console,
    task: str,
    *,
    pictures: bool = True,
) -> None:
    """Judge `predictions`, compare them with the baseline's, and write and show all of it.

    Args:
        run: Where it goes.
        predictions: Of the samples that were held out.
        facts: What else `metrics.json` says of the run: the method, the features' counts, seconds.
        console: Where the tables go.
        task: The task that shows what `examined`, of `facts`, says.
        pictures: Whether they are drawn too, which takes longer than all else here.
    """
    judged, baseline, test = write_results(run, predictions, facts)
    write_text(run.file("metrics.csv"), _csv(judged, baseline))
    if pictures:
        _draw(run, judged)
    if pictures and facts.get("verb") == "evaluate" and judged.calibration is not None:
        p = predictions
        draw_coverage(p.right, p.probabilities[np.arange(len(p.said)), p.said], p.groups, run.file("coverage.png"))
    rows = [ComparisonRow(facts["method"], judged, test), ComparisonRow(facts["baseline"], baseline)]
    examined = facts.get("examined")
    if examined and "majority" in examined and facts["baseline"] != MAJORITY:
        rows.append(ComparisonRow(MAJORITY, _judge_majority(predictions, examined["majority"]["answer"])))
    print_comparison(rows, console)
    print_classes(judged, console)
    counts = "{computed} computed, {read} read from the store".format(**facts["features"])
    if examined and predictions.tags is not None:
        show_tags(examined, console)
    if examined and find_task(task).show:
        capability(task, "show")(examined, console)
    say(console, f"features {counts}; {facts['seconds']} s in all")


def _judge_majority(predictions: Predictions, answer: str) -> Judgement:
    """The one answer `answer`, for every sample."""
    p = predictions
    always = np.full(len(p.labels), p.classes.index(answer))
    return judge_predictions(p.labels, always, p.groups, p.classes)


def save_trial(run: RunDirectory, inner: Predictions, facts: dict[str, Any]) -> None:
    """Judge a trial's predictions of inner samples and write them: what its sweep ranks it by."""
    judged, baseline, test = judge_run(inner, facts["method"], facts["baseline"])
    write_predictions(run.file(INNER_FILE), inner)
    metrics = {**facts, "inner": judged.to_json(), "inner_baseline": baseline.to_json(), "inner_test": test.to_json()}
    with noted(run.file(METRICS_FILE)):
        write_json(run.file(METRICS_FILE), metrics)


def _draw(run: RunDirectory, judged: Judgement) -> None:
    if judged.confusion is not None:
        draw_confusion(judged, run.file("confusion.png"))
    if judged.per_class:
        draw_recall(judged, run.file("recall.png"))
    if judged.calibration is not None:
        draw_reliability(judged.calibration, run.file("reliability.png"))
    for history in sorted(run.path.glob("folds/*/history.csv")):
        draw_training(history, history.with_suffix(".png"))


def save_report(run: RunDirectory, report: dict[str, Any], console: Console, task: str) -> None:
    """Write what the collection of `task` holds, before anything is fitted, and show what there is to mind."""
    write_people(run.path, report)
    write_report(run.path, report)
    show_report(run.path, report, console, task)


def write_report(run: Path, report: Mapping[str, Any]) -> None:
    """Write `report` into the directory `run`, and beside it the table of corrections that the collection goes by.

    Raises:
        UserError: That table was changed since it was read.
    """
    if done := report.get("corrections"):
        table, kept = Path(done["file"]), run / CORRECTIONS_FILE
        with noted(kept):
            write_atomically(kept, lambda beside: beside.write_bytes(table.read_bytes()))
        if digest_of(kept) != done["sha256"]:
            raise UserError(f"{table} was changed while it was read; start again")
    write_json(run / REPORT_FILE, report)


def show_report(run: Path, report: dict[str, Any], console: Console, task: str) -> None:
    """Show the report that the run or sweep in `run` keeps."""
    record = find_task(task)
    if record.brief is None:
        print_brief(report, console, noun=record.samples)
    else:
        capability(task, "brief")(report, console)
    say_whole(console, f"report {run / REPORT_FILE}")


def _csv(judged: Judgement, baseline: Judgement) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "value", "low", "high"])
    writer.writerows(judged.rows())
    writer.writerows((f"baseline/{row.name}", *row[1:]) for row in baseline.rows())
    return text.getvalue()
