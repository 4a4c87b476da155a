"""`thawline export RUN`: write a run's model as a bundle."""

from pathlib import Path

from omegaconf import DictConfig

from thawline.bundles.write import check_target
from thawline.errors import UserError
from thawline.runs.directory import read_status
from thawline.runs.split import read_split_rows
from thawline.tasks.capabilities import TaskExporter
from thawline.tasks.fits import facts_of, find_fit, notes_of
from thawline.tasks.task import capability, find_task
from thawline.tasks.typed import to_settings

FORMATS = ("safetensors", "onnx")


def export(config: DictConfig) -> None:
    """Write the bundle and say where it is.

    Raises:
        UserError: The run has no model to export, or the bundle can't go where it should.
        RunError: The bundle does not compute what the run did; nothing was written.
    """
    settings = to_settings(config)
    if settings.format not in FORMATS:
        raise UserError(f"format={settings.format} is not known; use {' or '.join(FORMATS)}")
    source = Path(settings.run)
    target = Path(settings.out).expanduser().absolute() if settings.out else source / "bundle"
    if read_status(source)["verb"] == "ensemble":
        from thawline.commands.export_ensemble import export_ensemble

        export_ensemble(source, target, settings.format, settings.data.places)
        return
    fitted = find_fit(source, settings.data.places)
    task, more = fitted.settings.task, {}
    if settings.format == "onnx":
        if not find_task(task).onnx:
            raise UserError(f"format=onnx is for classes of photos; leave it out for task={task}")
        more = {"onnx": True}
    write: TaskExporter = capability(task, "export")
    check_target(target)
    rows = read_split_rows(fitted.run / "split.csv")
    write(fitted, target, facts_of(fitted, source.name, rows), notes_of(fitted), **more)
