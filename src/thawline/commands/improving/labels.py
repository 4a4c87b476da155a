"""`thawline data labels RUN`: labels of a run's samples that are likely wrong, as a list and as a contact sheet."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.line.settings import DataLabelsSettings
from thawline.data.tables.reading import check_table_name
from thawline.errors import UserError
from thawline.files import printable
from thawline.fitting.folds import HOLDOUT
from thawline.output import report
from thawline.reports.gather import photos_of
from thawline.reports.sheet.document import write_sheet
from thawline.reports.sheet.doubted import (
    AnyDoubted,
    count_doubts,
    first_of,
    list_doubts,
    print_doubts,
    write_doubts,
    write_proposals,
)
from thawline.runs.directory import read_config, read_status
from thawline.runs.finished import finished_run
from thawline.runs.predictions import Predictions
from thawline.runs.reading import read_record
from thawline.runs.sweep import INNER_FILE, is_sweep_directory, read_sweep, read_trial
from thawline.runs.unpacked import REPORT_FILE
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.settings import read_settings
from thawline.tasks.task import find_task
from thawline.tasks.typed import to_settings

CSV, SHEET = "labels.csv", "labels.html"
_JUDGES = ("train", "sweep")


def data_labels(config: DictConfig) -> None:
    """List them on screen and in a table, and draw the sheet.

    Raises:
        UserError: The run judged nothing that has labels, or a file to be written is there already.
    """
    settings: DataLabelsSettings = to_settings(config)
    console = Console()
    run = Path(settings.run)
    said, kind = _judged(run)
    out = Path(settings.out).expanduser().absolute() if settings.out else run / "labels"
    proposals = None if settings.proposals is None else Path(settings.proposals).expanduser().absolute()
    if proposals is not None:
        check_table_name(proposals, "proposals")
        if proposals.exists():
            raise UserError(f"{proposals} is there already, and what people said is not overwritten; name another")
    doubts = list_doubts(said)
    first = first_of(doubts, settings.share)
    out.mkdir(parents=True, exist_ok=True)
    write_doubts(out / CSV, doubts)
    about = _about(said, len(first), len(doubts), kind) + _untold(run)
    photos = _photos(run, settings.data.path) if settings.thumbnails else None
    if settings.thumbnails and photos is None:
        say(
            console, f"the {kind} are not where they were: the sheet has no pictures; data.path=NEW says where they are"
        )
    report(about=about, kind=kind, samples=doubts, shown=len(first), written={"table": out / CSV, "sheet": out / SHEET})
    write_sheet(out / SHEET, first, said.classes, about, photos)
    say(console, about)
    _show(first, console, kind)
    if proposals is not None:
        proposals.parent.mkdir(parents=True, exist_ok=True)
        number = write_proposals(proposals, doubts, "proposed by thawline", datetime.now(UTC).date())
        say(console, f"{number} proposals that nobody looked at: go through them before you train with them")
        say_whole(console, f"file   {proposals}")
    say_whole(console, f"table  {out / CSV}", f"sheet  {out / SHEET}")
    _say_next(run, console)


def _judged(run: Path) -> tuple[Predictions, str]:
    """What `run` said of samples that it had not seen, and what such are called.

    Raises:
        UserError: It judged none, or none with labels that a table of corrections could change.
    """
    if (run / INNER_FILE).exists():
        raise UserError(f"{run} is a trial of a sweep; 'thawline data labels {run.parent}' takes what that chose")
    if (verb := read_status(run)["verb"]) not in _JUDGES:
        raise UserError(f"{run} is a run of 'thawline {verb}'; give one of 'thawline train'")
    said, _ = finished_run(run)
    # The config of a sweep lacks what its trials name, such as the method.
    fitted = read_trial(run, read_sweep(run, "winner")["winner"]).path if is_sweep_directory(run) else run
    trained = read_settings(read_config(fitted))
    kind = find_task(trained.task).samples
    if said.scores is not None:
        raise UserError(f"the {kind} of {run} have scores, not labels; give a run of classes or labels")
    try:
        replace(trained.data, corrections=CSV)
    except UserError as error:
        raise UserError(
            f"labels of task={trained.task} can't be corrected by what is said of a list: {error}"
        ) from error
    return said, kind


def _about(said: Predictions, shown: int, total: int, kind: str) -> str:
    if set(said.folds) == {HOLDOUT}:
        who = (
            f"the {total:,} {kind} that the run held out: those that it was trained on are not listed (cv=5 lists all)"
        )
    else:
        who = f"{total:,} {kind}, each judged by a fit that had not seen it"
    return f"The {shown:,} whose labels are likeliest to be wrong, of {who}."


def _untold(run: Path) -> str:
    """Which labels of photos with several the run does not tell: a row that lacks them would take them away."""
    rare = read_record(run / REPORT_FILE).get("rare_labels") if (run / REPORT_FILE).exists() else None
    if not rare:
        return ""
    named = ", ".join(repr(printable(name)) for name in sorted(rare)[:5]) + (" …" if len(rare) > 5 else "")
    return (
        f" Labels on too few groups to be told ({named}) are not offered: add them by hand to the rows of photos that "
        "have them, since a row holds all labels of its photo."
    )


def _show(first: Sequence[AnyDoubted], console: Console, kind: str) -> None:
    print_doubts(first, console, kind)
    say(console, count_doubts(first))


def _photos(run: Path, given: str | None) -> Path | None:
    """The folder that the photos' paths start from; None where it is not there."""
    place = photos_of(run) if given is None else Path(given).expanduser()
    if place is None or not place.exists():
        return None
    return place if place.is_dir() else place.parent  # of a table


def _say_next(run: Path, console: Console) -> None:
    data = read_config(run).data
    before = data.get("corrections")
    add = f", and add its rows to {before}" if before else ""
    say(console, f"Look through the sheet, say what each photo is, download corrections.csv{add}; then")
    file = as_word(Path(before)) if before else "corrections.csv"
    several = " data.labels=several" if data.get("labels") == "several" else ""
    say_next(console, [f"thawline train {as_word(Path(data.path))}{several} data.corrections={file} …"])
