"""`thawline export RUN`: write a run's model as a bundle."""

from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.bundles.networks.onnx import check_onnx
from thawline.bundles.write import check_target
from thawline.commands.bundles.pushing import check_push, push
from thawline.commands.gating import given_gates, hold
from thawline.commands.line.settings import ExportSettings
from thawline.commands.written import report_written
from thawline.errors import UserError
from thawline.output import report
from thawline.runs.directory import read_config, read_status
from thawline.runs.finished import finished_run
from thawline.runs.moved import members_of
from thawline.screen import say_whole
from thawline.tasks.bundle.exporting import export_run
from thawline.tasks.capabilities import EnsembleExporter
from thawline.tasks.run_model import find_run_model
from thawline.tasks.task import capability, find_task, task_names
from thawline.tasks.typed import to_settings

FORMATS = ("safetensors", "onnx")


def export(config: DictConfig) -> Path:
    """Write the bundle, say where it is, and give that back.

    Raises:
        UserError: The run has no model to export, or the bundle can't go where it should.
        RunError: The bundle does not compute what the run did, or the run misses a gate, and nothing was written; or it
            was written, and can't be sent to the Hub.
    """
    settings: ExportSettings = to_settings(config)
    if settings.push is None:
        return _export(settings)
    check_push(settings.push)
    target = _export(settings)
    report_written(target)
    address = push(target, settings.push, private=settings.private)
    report(pushed=address)
    say_whole(Console(), f"pushed {address}")
    return target


def _export(settings: ExportSettings) -> Path:
    """Write the bundle; see `export`."""
    if settings.format not in FORMATS:
        raise UserError(f"format={settings.format} is not known; use {' or '.join(FORMATS)}")
    source = Path(settings.run)
    target = Path(settings.out).expanduser().absolute() if settings.out else source / "bundle"
    if settings.ignore_gates and settings.gates is None:
        raise UserError("ignore_gates=true ignores no gates; give gates=FILE.yaml, or leave it out")
    if read_status(source)["verb"] == "ensemble":
        _refuse_unknown(settings, "a single model; leave it out for an ensemble")
        if settings.gates is not None:
            raise UserError(
                f"gates={settings.gates} is for a single model; leave it out, and hold the ensemble's bundle against "
                "them by 'thawline evaluate BUNDLE NEWDATA gates=FILE'"
            )
        _export_ensemble(source, target, settings)
        return target
    fitted = find_run_model(source, settings.data.places)
    fitted = replace(fitted, max_error=settings.max_error, out_of_place=settings.out_of_place)
    task = find_task(fitted.settings.task)
    if not task.abstains:
        of = f"{task.samples} of task={fitted.settings.task}"
        _refuse_unknown(settings, f"models that say one of several classes; leave it out for {of}")
    if settings.format == "onnx":
        if task.sound:
            raise UserError(f"format=onnx is for models of photos; leave it out for {task.samples}")
        check_onnx()
    check_target(target)
    gates = given_gates(settings.gates, fitted.classes)
    held = None if gates is None else hold(gates, fitted.facts, Console())
    if held is not None and not settings.ignore_gates:
        held.refuse_missed("; nothing was written, ignore_gates=true exports it nevertheless, and the bundle says so")
    verdicts = () if held is None else held.verdicts
    export_run(fitted, target, source.name, onnx=settings.format == "onnx", gates=verdicts)
    return target


def _refuse_unknown(settings: ExportSettings, what_for: str) -> None:
    """Refuse a setting by which a model says `unknown`, if one is given; raises UserError."""
    for name, share in settings.unknown.items():
        raise UserError(f"{name}={share:g} is for {what_for}")


def _export_ensemble(source: Path, target: Path, settings: ExportSettings) -> None:
    """Write the bundle of an ensemble, where its members' task has such."""
    members = members_of(source, finished_run(source)[1]["components"])
    able = [name for name in task_names() if find_task(name).export_ensemble]
    task, *others = sorted({str(read_config(path)["task"]) for path in members})
    if others or task not in able:
        which = " or ".join(f"of {find_task(name).samples} (task={name})" for name in able)
        raise UserError(
            f"{source} is a run of 'thawline ensemble', which fits nothing itself, and its members are of "
            f"task={' and '.join([task, *others])}; only an ensemble {which} can be exported"
        )
    if settings.format != FORMATS[0]:
        what = find_task(task).samples
        raise UserError(f"format={settings.format} is for models of photos; leave it out for an ensemble of {what}")
    write: EnsembleExporter = capability(task, "export_ensemble")
    write(source, members, target, settings.data.places)
