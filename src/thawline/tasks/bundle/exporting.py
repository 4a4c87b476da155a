"""`thawline export` of a run of any task: what its task gives is written, compared with the run, and said."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from thawline.bundles.write import Extras, KnownFile, Tuned, is_unchanged, write_bundle
from thawline.data.tables.places import find_file
from thawline.decisions.gates import Verdict
from thawline.decisions.temperature import Temperature
from thawline.errors import UserError
from thawline.fitting.folds import REFIT
from thawline.judging.wording import percent
from thawline.runs.directory import REFIT_WORD
from thawline.runs.predictions import Predictions
from thawline.runs.split import SplitRow
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.capabilities import TaskExporter
from thawline.tasks.run_model import RunModel, facts_of, notes_of, tolerance_of, trained_of
from thawline.tasks.task import capability, find_task

_RAW = re.compile(r"(probabilities|scores)_of_raw_(\w+)")


@dataclass(frozen=True)
class Exportable:
    """What a task gives of a run to be written.

    Attributes:
        tuned: What it fitted.
        known: Samples that it judged, to ask the bundle about.
        lines: What the task prints of it; empty ones are left out.
        notes: Sentences for the card, before those of any task.
    """

    tuned: Tuned
    known: Sequence[KnownFile]
    lines: Sequence[str] = ()
    notes: Sequence[str] = ()


def some_places(judged: Predictions, count: int) -> NDArray[np.int64]:
    """Places of at most `count` of the samples that a run judged, from its first to its last."""
    return np.unique(np.linspace(0, len(judged.paths) - 1, count).round().astype(np.int64))


def known_files(fitted: RunModel, count: int) -> list[tuple[KnownFile, SplitRow]]:
    """Some of the files that the run was judged by, with their places in its split."""
    judged, by_path, root = fitted.judged, {row.path: row for row in fitted.rows}, samples_root(fitted)
    found = []
    for i in some_places(judged, count):
        row = by_path[judged.paths[i]]
        of_it = judged.probabilities[i] if judged.scores is None else judged.scores.said[i : i + 1].astype(np.float32)
        said = of_it if fitted.judged_itself else None
        found.append((KnownFile(find_file(row.path, root), row.digest, said), row))
    return found


def samples_root(fitted: RunModel) -> Path:
    """The folder that the run's paths are relative to."""
    path = Path(fitted.settings.data.path)
    return path if path.is_dir() else path.parent


def check_known(fitted: RunModel, known: Iterable[KnownFile]) -> str:
    """Of which of the run's own samples golden examples can be made, in a sentence where they are too few; or "".

    Raises:
        UserError: It was said where the data are now, and they are not there, or others.
    """
    lost = [one.path for one in known if not is_unchanged(one)]
    if not lost:
        return ""
    if fitted.moved:
        what = "has another content" if lost[0].exists() else "is not there"
        raise UserError(f"these are not the data of {fitted.source}: {lost[0]} {what}; give where they are now")
    why = fitted.absent or f"{lost[0]} is not what it was"
    return f"golden examples of the run's own samples: {len(lost)} fewer, since {why}"


def export_run(fitted: RunModel, target: Path, name: str, *, onnx: bool, gates: Sequence[Verdict] = ()) -> None:
    """Write the model of a run as a bundle, and print what it is, how it compares with the run, and what to do next.

    Args:
        fitted: The run's model.
        target: Where the bundle goes.
        name: What the run is called.
        onnx: Whether ONNX graphs are written too.
        gates: What the run reaches of those that it was held against, for the manifest and the card.

    Raises:
        UserError: The run's encoder or head can't be exported.
        RunError: The bundle does not compute what the run did; nothing was written.
    """
    manifest, given, lost = write_run(fitted, target, name, onnx=onnx, gates=gates)
    console, task = Console(), find_task(fitted.settings.task)
    say(console, _which_fit(fitted, task.samples))
    say_difference(console, manifest)
    if fitted.judged.scores is None:
        say(console, _which_temperature(given.tuned.temperature, task.samples))
    for line in filter(None, (lost, *given.lines)):
        say(console, line)
    say_whole(console, f"bundle {target}")
    use = [f"thawline predict {as_word(target)} {task.asked}", f"thawline evaluate {as_word(target)} NEWDATA"]
    if fitted.name != REFIT:
        source = fitted.run if fitted.trial is None else fitted.run.parent
        use.append(f"thawline train {as_word(source)} {REFIT_WORD}")
    say_next(console, use)


def write_run(
    fitted: RunModel, target: Path, name: str, *, onnx: bool = False, gates: Sequence[Verdict] = ()
) -> tuple[Mapping[str, Any], Exportable, str]:
    """Write the model of a run as a bundle, silently; see `export_run`.

    Returns:
        The manifest, what the task gave, and of which samples no golden example could be made, or "".
    """
    write: TaskExporter = capability(fitted.settings.task, "export")
    given = write(fitted)
    lost = check_known(fitted, given.known)
    extras = Extras(
        given.known,
        tolerance_of(fitted),
        {**facts_of(fitted, name), **({"gates": [one.to_json() for one in gates]} if gates else {})},
        [*given.notes, *notes_of(fitted), *_of_gates(gates)],
        onnx=onnx,
        trained=trained_of(fitted),
    )
    return write_bundle(target, given.tuned, extras), given, lost


def _of_gates(gates: Sequence[Verdict]) -> list[str]:
    """What a card says of the gates that its run was held against."""
    if not gates:
        return []
    said = [f"{one.gate.called} {percent(one.estimate)} for {100 * one.gate.wanted:g}, {one.verdict}" for one in gates]
    return [f"Gates, in percent with 95 % intervals: {'; '.join(said)}."]


def say_difference(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print by how much the bundle's answers differ from its run's, where it was asked about files of the run's."""
    for name, raw in manifest["largest_difference"].items():
        if (found := _RAW.fullmatch(name)) is not None and raw is not None:
            what, files = found.groups()
            say(console, f"largest difference from the run's own {what}, from raw {files}: {raw:.1g}")


def _which_fit(fitted: RunModel, samples: str) -> str:
    """The line that says what is exported; `samples` are photos or pairs."""
    whose = "" if fitted.trial is None else f" of the winner, trial {fitted.trial}"
    if fitted.name == REFIT:
        return f"exported the fit on all data{whose}"
    return f"exported the fit without the held-out {samples}{whose}"


def _which_temperature(temperature: Temperature, samples: str) -> str:
    """The line that says what the temperature was fitted on."""
    if temperature.log_loss is None:
        return f"temperature: NONE FITTED, calibrated=true changes nothing; {temperature.why_not}"
    before, after = temperature.log_loss
    return (
        f"temperature {temperature.value:g}, by {temperature.samples} {temperature.fitted_on} {samples}: "
        f"log-loss {before:.3f} to {after:.3f}"
    )
