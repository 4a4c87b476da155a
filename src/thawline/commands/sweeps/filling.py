"""The feature passes of a sweep: one for each encoder, for all its thaw lines at once."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.results import save_report
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.runs.directory import RunDirectory
from thawline.screen import say
from thawline.tasks.capabilities import Filled, TaskFiller
from thawline.tasks.settings import RunSettings
from thawline.tasks.task import capability
from thawline.tasks.typed import to_settings

_DONE = "{encoder}: {photos} samples, {computed} features computed, {read} read from the store, {seconds:.1f} s"


def fill_features(configs: Sequence[DictConfig], run: RunDirectory, console: Console) -> list[dict[str, Any]]:
    """Compute what is missing of the features of `configs` in one pass over the photos for each encoder.

    A config that can't be used is left for its trials to say; when none can, that is said here.

    Args:
        configs: Those that have different features, or different thaw lines.
        run: The sweep's directory, which gets the report of what the collection holds.
        console: Where that and the passes are shown.

    Returns:
        For each pass the encoder, its thaw lines, the photos, and how many features were computed and read.

    Raises:
        UserError: No config can be used, or one wants several devices.
    """
    refusals: list[UserError] = []
    runs = [settings for config in configs if (settings := _attempt(config, refusals)) is not None]
    passes: list[dict[str, Any]] = []
    for together in _by_pass(runs):
        filled = _fill(together, refusals)
        if filled is None:
            continue
        if not passes:
            save_report(run, filled.report, console, together[0].task)
        passes.append(_facts(together, filled))
        say(console, _DONE.format(**passes[-1]))
    if refusals and not passes:
        raise refusals[0]
    return passes


def _attempt(config: DictConfig, refusals: list[UserError]) -> RunSettings | None:
    del config.hydra
    try:
        settings: RunSettings = to_settings(config)
    except UserError as error:
        refusals.append(error)
        return None
    if settings.trainer.several:
        what = "trainer=ddp" if settings.trainer.launched else f"trainer.devices={settings.trainer.devices}"
        raise UserError(
            f"{what} can't be used with -m: a sweep's trials are one device each; leave out -m, or the devices"
        )
    return settings


def _by_pass(runs: Sequence[RunSettings]) -> list[list[RunSettings]]:
    """Runs that differ only above their thaw lines, and in where these lie, together."""
    together: dict[str, list[RunSettings]] = {}
    for run in runs:
        pixels = {**run.augmentation.key(), "views": run.augmentation.views} if run.augmentation.views else None
        # The shares of a split alone decide nothing below a thaw line.
        data = {**asdict(run.data), "split": None, "holdout": None, "inner": None}
        place = (
            run.task,
            data,
            asdict(run.people),
            asdict(run.encoder),
            run.text and asdict(run.text),
            asdict(run.store),
            pixels,
            run.trainer.accelerator,
        )
        together.setdefault(repr(place), []).append(run)
    return list(together.values())


def _fill(runs: list[RunSettings], refusals: list[UserError]) -> Filled | None:
    """One pass; thaw lines that this encoder does not have are left out of it."""
    try:
        fill: TaskFiller = capability(runs[0].task, "fill")
        return fill(runs, find_device(runs[0].trainer.accelerator), refusals)
    except UserError as error:
        refusals.append(error)
        return None


def _facts(runs: list[RunSettings], filled: Filled) -> dict[str, Any]:
    """What a pass did, as plain JSON."""
    encoder = runs[0].encoder
    return {
        "encoder": encoder.model or encoder.name,
        "thaw": list(dict.fromkeys(run.cut for run in runs)),
        **{key: getattr(filled, key) for key in ("photos", "computed", "read", "opened", "seconds")},
    }
