"""The setting `gates` of verbs that judge or export: read, held against what was judged, shown, and refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from thawline.decisions.gates import GATES_FILE, MISSED, Gates, Verdict, check_classes, judge_gates, read_gates
from thawline.errors import RunError
from thawline.files import write_json
from thawline.judging.wording import percent
from thawline.reports.gates import print_gates
from thawline.runs.directory import RunDirectory
from thawline.runs.finished import METRICS_FILE
from thawline.runs.reading import read_record


@dataclass(frozen=True)
class Held:
    """Gates and how a model stands to each."""

    gates: Gates
    verdicts: Sequence[Verdict]

    def refuse_missed(self, consequence: str = "") -> None:
        """End with what was missed; `consequence` follows it.

        Raises:
            RunError: A gate is missed.
        """
        missed = [
            f"{one.gate.called} is {percent(one.estimate)}, wanted {100 * one.gate.wanted:g}"
            for one in self.verdicts
            if one.verdict == MISSED
        ]
        if missed:
            raise RunError(f"{len(missed)} of {len(self.verdicts)} gates missed: {'; '.join(missed)}{consequence}")


def given_gates(path: str | None, classes: Sequence[str]) -> Gates | None:
    """The gates of the file `path` for a model of `classes`; None where none is given.

    Raises:
        UserError: The file can't be used, or names a class that there is not.
    """
    if path is None:
        return None
    gates = read_gates(Path(path).expanduser())
    check_classes(gates, classes)
    return gates


def hold(gates: Gates, facts: dict[str, Any], console: Console) -> Held:
    """Hold what a run's `facts` say of its judgement against `gates`, and show it."""
    held = Held(gates, judge_gates(gates, facts["judged"]))
    print_gates(gates, held.verdicts, console, facts["kind"])
    return held


def hold_run(gates: Gates | None, run: RunDirectory, console: Console) -> Held | None:
    """Hold the results of `run` against `gates`, show it, and write it to the run's `gates.json`."""
    if gates is None:
        return None
    held = hold(gates, read_record(run.file(METRICS_FILE)), console)
    verdicts = [one.to_json() for one in held.verdicts]
    write_json(run.file(GATES_FILE), {"file": gates.path.name, "by": gates.by, "gates": verdicts})
    return held
