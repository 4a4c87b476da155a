"""`thawline compare DIR …`: runs and sweeps side by side, on screen and as a page."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.line.settings import CompareSettings
from thawline.errors import UserError
from thawline.output import report
from thawline.reports.comparison import Board, Line
from thawline.reports.gather import gather
from thawline.reports.leaderboard import print_leaderboard
from thawline.reports.page.document import write_page
from thawline.reports.tables import ComparisonRow, print_comparison
from thawline.screen import say, say_whole
from thawline.tasks.typed import to_settings


def compare(config: DictConfig) -> None:
    """Print each board, the best first, and write the page.

    Raises:
        UserError: A directory holds no finished run, runs judged different samples, or a file of another system's
            predictions can't be used, or `out` is a folder.
    """
    settings: CompareSettings = to_settings(config)
    out = Path(settings.out).expanduser().absolute()
    if out.is_dir():
        raise UserError(f"out={settings.out} is a folder; name a file in it, such as out={settings.out}/compare.html")
    comparison = gather([Path(path) for path in settings.runs], [Path(path).expanduser() for path in settings.others])
    console = Console()
    for board in comparison.boards:
        if board.rows:
            say(console, board.title)
            print_leaderboard(board.rows, console)
        else:
            _print_runs(board, console)
        for failed in board.failed:
            say(console, f"not finished: {failed}")
    for sentence in comparison.left_out:
        say(console, f"left out: {sentence}")
    write_page(out, comparison, thumbnails=settings.thumbnails)
    report(boards=[_facts(board) for board in comparison.boards], left_out=comparison.left_out, written={"page": out})
    say_whole(console, f"page  {out}")


def _print_runs(board: Board, console: Console) -> None:
    """Print runs and other systems, each tested against its baseline, and then against the best run."""
    rows, baselines = [], {}
    most = max(line.judgement.samples for line in board.lines)
    for number, line in enumerate(board.lines, start=1):
        called = line.entry.method if line.entry.certain else line.entry.name
        part = "" if line.judgement.samples == most else f" ({line.judgement.samples} of {most})"
        rows.append(ComparisonRow(f"{number} {called}{part}", line.judgement, line.against_baseline))
        if not part:
            baselines[line.entry.baseline] = line.baseline
    print_comparison([*rows, *(ComparisonRow(name, baseline) for name, baseline in baselines.items())], console)
    for line in board.lines:
        if line.against_best is not None:
            say(console, line.against_best.summary())
    for number, line in enumerate(board.lines, start=1):
        say(console, f"{number} {_cost(line)}")
        for note in line.entry.notes:
            say(console, note)


def _facts(board: Board) -> dict[str, Any]:
    """A board as plain JSON: runs have what their `metrics.json` has, under the same keys; a sweep, its rows."""
    return {
        "title": board.title,
        "rows": [row.to_json() for row in board.rows],
        "lines": [_line_facts(line) for line in board.lines] if not board.rows else [],
        "failed": board.failed,
        "next": board.advice,
    }


def _line_facts(line: Line) -> dict[str, Any]:
    entry = line.entry
    return {
        "name": entry.name,
        "directories": [str(path) for path in entry.directories],
        "method": entry.method,
        "encoder": entry.encoder,
        "baseline": entry.baseline,
        "kind": entry.kind,
        "judged": line.judgement.to_json(),
        "judged_baseline": line.baseline.to_json(),
        "test": line.against_baseline.to_json(),
        "against_best": None if line.against_best is None else line.against_best.to_json(),
        "seconds": entry.seconds,
        "features": {"computed": entry.computed, "read": entry.read},
        "price": entry.price,
        "currency": entry.currency,
        "notes": list(entry.notes),
    }


def _cost(line: Line) -> str:
    entry = line.entry
    if not entry.certain:
        price = "no price given" if entry.priced is None else f"{entry.priced} per 1,000"
        return f"{entry.name}: another system, {price}"
    counts = f"{entry.computed} features computed, {entry.read} read"
    said = entry.encoder if entry.label == entry.name else entry.label
    return f"{entry.name}: {said}, {counts}, {entry.seconds:.0f} s"
