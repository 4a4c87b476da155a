"""`thawline retrain RUN [DATA] out=BUNDLE`: train anew, and put the model into use only where it is good enough."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console

from thawline.bundles.manifest import DECISION, VISION, is_bundle, verify
from thawline.bundles.write import check_target
from thawline.commands.gating import Held, given_gates, hold
from thawline.commands.line.settings import RetrainSettings
from thawline.commands.results import show_report
from thawline.commands.train import train_run
from thawline.encoders.device import find_device
from thawline.errors import RunError, UserError
from thawline.files import read_json, write_json
from thawline.fitting.folds import Fold
from thawline.fitting.predict import predict_fold
from thawline.judging.paired import PairedTest
from thawline.output import report
from thawline.reports.common import in_one_form
from thawline.reports.tables import ComparisonRow, print_comparison
from thawline.runs.directory import is_run_directory, read_config
from thawline.runs.moved import placed, refuse_absent
from thawline.runs.predictions import Predictions, join_predictions
from thawline.runs.reading import read_record
from thawline.runs.split import SplitRow, by_name
from thawline.runs.unpacked import REPORT_FILE
from thawline.screen import as_word, say, say_next, say_whole
from thawline.targets.predicted import compare_said, judge_said
from thawline.tasks.bundle.exporting import write_run
from thawline.tasks.capabilities import TaskProblem, task_reader
from thawline.tasks.run_model import RunModel, facts_of, find_run_model
from thawline.tasks.settings import RunSettings, saved_settings
from thawline.tasks.task import find_task
from thawline.tasks.typed import to_settings

RECORD = "retrain.json"
NEW = "new"  # the fold of samples that the model in use is asked about now


def retrain(config: DictConfig) -> Path:
    """Train as an earlier run did on the data as they are now, and put the model in the place of the one in use.

    Returns:
        The bundle.

    Raises:
        UserError: The earlier run, the data, the gates or the place can't be used.
        RunError: The new model misses a gate or is worse than the one in use, which stays.
    """
    settings: RetrainSettings = to_settings(config)
    source, out = Path(settings.run), Path(settings.out).expanduser().absolute()
    check_target(out)
    first = find_run_model(source, {})
    before, promised = _in_use(first, out, Path(settings.paths.outputs))
    gates = given_gates(settings.gates, before.classes)
    run, own = _new_run(first, settings)
    device = find_device(own.trainer.accelerator)
    said = said_before(before, own, device)
    train_run(run, own, Console(quiet=True))

    path, console = Path(own.paths.run), Console()
    after = replace(find_run_model(path, {}), max_error=promised.max_error, out_of_place=promised.out_of_place)
    show_report(path, read_record(path / REPORT_FILE), console, own.task)
    test = _compare(before, said, after, console)
    held = None if gates is None else hold(gates, after.facts, console)
    say_whole(console, f"run    {path}")
    record = {
        "before": str(before.source),
        "test": None if test is None else test.to_json(),
        "gates": [] if held is None else [one.to_json() for one in held.verdicts],
    }
    stays = f"; {out} stays as it is" if is_bundle(out) else "; nothing was written"
    try:
        refuse(test, held, stays)
        verdicts = () if held is None else held.verdicts
        write_run(after, out, path.name, onnx=promised.onnx, gates=verdicts)
    except (RunError, UserError) as error:
        record |= {"bundle": None, "why": str(error)}
        write_json(path / RECORD, record)
        report(run=path, retrain=record)
        if isinstance(error, UserError):  # it can't promise what the one in use does, say
            raise RunError(f"{error}{stays}") from error
        raise
    record |= {"bundle": str(out), "why": ""}
    write_json(path / RECORD, record)
    report(run=path, retrain=record)
    say_whole(console, f"bundle {out}")
    back = " ".join(["thawline export", as_word(before.source), f"out={as_word(out)}", *promised.words])
    say_next(console, [f"thawline predict {as_word(out)} PATHS", f"{back}   takes it back"])
    return out


@dataclass(frozen=True)
class _Promised:
    """What the bundle in use has besides what its run tells, which the one in its place must have too.

    Attributes:
        max_error: Which share of its answers may be wrong; None: it always answers.
        out_of_place: Which share of photos of the classes may be called out of place; None: none is.
        onnx: Whether it has ONNX graphs.
    """

    max_error: float | None = None
    out_of_place: float | None = None
    onnx: bool = False

    @property
    def words(self) -> list[str]:
        """The same for `thawline export`."""
        shares = {"max_error": self.max_error, "out_of_place": self.out_of_place}
        return [
            *(f"{name}={share:g}" for name, share in shares.items() if share is not None),
            *(["format=onnx"] if self.onnx else []),
        ]


def _in_use(first: RunModel, out: Path, outputs: Path) -> tuple[RunModel, _Promised]:
    """The run whose model is in use: that of the bundle at `out`, or the run that was named where there is none.

    Raises:
        UserError: That run is not there any more, or has no model of photos in classes.
    """
    if find_task(first.settings.task).samples != "photos" or not first.classes or first.judged.tags is not None:
        raise UserError(f"{first.source} tells no classes of photos, which 'thawline retrain' is for; train and export")
    if not is_bundle(out):
        return first, _Promised()
    manifest = verify(out)
    name = str(manifest.get("run", {}).get("name"))
    for path in dict.fromkeys([first.source, *(folder / name for folder in _folders(first.source, outputs))]):
        if path.name == name and is_run_directory(path):
            found = find_run_model(path, {})
            hashes, known = facts_of(found, name)["hashes"], manifest.get("hashes", {})
            if all(hashes[what] == known.get(what) for what in ("split", "data")):
                return found, _promised(out)
    raise UserError(
        f"{out} is of the run {name}, which is not beside {first.source} any more; without what it said of its samples "
        "the new model can't be compared with it: put it back, or give another out="
    )


def _promised(out: Path) -> _Promised:
    decision = read_json(out / DECISION)
    share = {
        key: (decision.get(part) or {}).get(key)
        for part, key in (("abstention", "max_error"), ("out_of_place", "most"))
    }
    return _Promised(share["max_error"], share["most"], onnx=(out / VISION).exists())


def _folders(source: Path, outputs: Path) -> Iterator[Path]:
    yield source.absolute().parent
    yield outputs / "train"
    yield outputs / "sweep"


def _new_run(first: RunModel, settings: RetrainSettings) -> tuple[DictConfig, RunSettings]:
    """The config of the new run, that of the earlier one on the data as they are now, and typed."""
    given = settings.data.places
    config = placed(first.run, read_config(first.run), given)
    refuse_absent("retrain", first.source, config)
    config.paths.run = settings.paths.run
    config.name = settings.name
    config.refit = None  # a sweep's trials are not fitted on all data
    return config, saved_settings(config, mirrored=True)


def said_before(before: RunModel, own: RunSettings, device: torch.device) -> Predictions:
    """What the model in use says of the samples that are there now, each by a fit that was not trained on it.

    Of samples that its run judged, what the run said then, whatever they are called now; of new ones that are not like
    any that it was trained on, what its model says now.

    Raises:
        UserError: The data can't be read, or have a class that the model does not know.
    """
    data = own.data.as_fitted(before.fit.chosen)
    problem = task_reader(own.task)(replace(before.settings, data=data), device, classes=before.classes)
    if len(gone := np.setdiff1d(np.arange(len(problem.classes)), problem.labels)):
        raise UserError(
            f"there is no photo of class '{problem.classes[gone[0]]}' any more, which the model in use knows; begin "
            "with 'thawline train'"
        )
    new = _new_samples(before, problem)
    parts = [_judged_then(before, by_name(problem.split_rows(())))]
    if len(new):
        majority = int(np.bincount(before.judged.labels).argmax())
        parts.append(in_one_form(predict_fold(problem, Fold(NEW, new[:0], None, new), before.fit, device, majority)))
    return join_predictions(parts)


def _judged_then(before: RunModel, now: Mapping[str, SplitRow]) -> Predictions:
    """What the run said of the samples `now`, under their names of now: a row of a data set, a photo in another folder.

    Copies were in one fold, so that what was said of any of them was said without knowing it.
    """
    judged, then = in_one_form(before.judged), by_name(before.rows)
    known = {(path, then[path].digest): i for i, path in enumerate(judged.paths)}
    contents = {digest: i for (_, digest), i in known.items() if digest}
    places = {path: known.get((path, row.digest), contents.get(row.digest)) for path, row in now.items()}
    found = {path: i for path, i in places.items() if i is not None}
    return replace(judged.subset(np.array(list(found.values()), dtype=np.int64)), paths=tuple(found))


def _new_samples(before: RunModel, problem: TaskProblem) -> NDArray[np.int64]:
    """Indices of samples that the run did not have, nor one of their groups."""
    known = problem.related_to(before.rows)
    return np.setdiff1d(np.arange(len(problem.names)), known).astype(np.int64)


def _compare(before: RunModel, said: Predictions, after: RunModel, console: Console) -> PairedTest | None:
    """Test and show both on what both said, by the labels of now; None where they said nothing of the same samples."""
    now = in_one_form(after.judged)
    places = {path: i for i, path in enumerate(said.paths)}
    common = [i for i, path in enumerate(now.paths) if path in places]
    if not common:
        return None
    mine = now.subset(np.array(common, dtype=np.int64))
    its = said.subset(np.array([places[path] for path in mine.paths], dtype=np.int64))
    relabelled = int((its.labels != mine.labels).sum())
    its = replace(its, labels=mine.labels, groups=mine.groups)
    fresh = its.folds.count(NEW)
    say_whole(console, f"in use {as_word(before.source)}")
    say(
        console,
        f"neither model was trained on any of these {len(common):,}; {fresh:,} are new, and {relabelled:,} have "
        "another label now",
    )
    test = compare_said(mine, its, "the new model", "the one in use")
    rows = [ComparisonRow("the new model", judge_said(mine), test), ComparisonRow("the one in use", judge_said(its))]
    print_comparison(rows, console)
    return test


def refuse(test: PairedTest | None, held: Held | None, stays: str) -> None:
    """End where the new model may not take the place.

    Raises:
        RunError: It misses a gate, is worse, or can't be compared.
    """
    if held is not None:
        held.refuse_missed(stays)
    if test is None:
        raise RunError(
            f"no sample was judged by both models, so it can't be told whether the new one is worse{stays}; begin with "
            "a run with cv=5, which judges all"
        )
    if test.differs and test.difference.value < 0:
        raise RunError(f"{test.summary()}{stays}")
