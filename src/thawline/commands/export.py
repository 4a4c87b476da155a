"""`thawline export RUN`: the model of a run, or of a sweep's winner, as a directory that other services load."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console

from thawline.bundles.join import Tuned
from thawline.bundles.photos import Known
from thawline.bundles.write import Extras, check_target, write_bundle
from thawline.commands.fits import (
    REFIT,
    Fitted,
    check_known,
    find_fit,
    say_bundle,
    temperature_of,
    tolerance_of,
    which_fit,
    which_temperature,
)
from thawline.commands.settings import to_settings
from thawline.data.tables.places import find_file
from thawline.errors import UserError
from thawline.judging.tags import OVERLAP
from thawline.runs.directory import CONFIG_FILE, read_status
from thawline.runs.split import SplitRow, read_split_rows
from thawline.screen import say
from thawline.tasks.events.prompts import class_prompts

FORMATS = ("safetensors", "onnx")
_PHOTOS = 8
_ESTIMATES = (
    *("accuracy", "overlap", "balanced_accuracy", "micro_f1", "macro_f1", "mean_average_precision"),
    *("roc_auc", "average_precision", "log_loss"),
)


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
    if read_status(source)["verb"] == "ensemble":
        from thawline.commands.export_ensemble import export_ensemble

        export_ensemble(source, _target(settings.out, source), settings.format, settings.data.places)
        return
    fitted = find_fit(source, settings.data.places)
    if settings.format == "onnx":
        if fitted.settings.task != "events":
            raise UserError(f"format=onnx is for classes of photos; leave it out for task={fitted.settings.task}")
        from thawline.bundles.onnx import check_onnx

        check_onnx()
    target = _target(settings.out, source)
    check_target(target)
    rows = read_split_rows(fitted.run / "split.csv")
    if fitted.settings.task == "match":
        from thawline.commands.export_pairs import export_pairs

        export_pairs(fitted, target, facts_of(fitted, source.name, rows), notes_of(fitted))
        return
    if fitted.settings.task == "genre":
        from thawline.commands.export_tracks import export_tracks

        export_tracks(fitted, target, rows, facts_of(fitted, source.name, rows), notes_of(fitted))
        return
    photos = _photos(fitted, rows)
    lost = check_known(fitted, [(photo.path, photo.digest) for photo in photos])
    tuned = _tuned(fitted)
    extras = Extras(
        photos=photos,
        tolerance=tolerance_of(fitted),
        facts=facts_of(fitted, source.name, rows),
        notes=notes_of(fitted),
        onnx=settings.format == "onnx",
    )
    manifest = write_bundle(target, tuned, extras)
    _say(target, fitted, tuned, manifest, lost)


def _target(out: str | None, source: Path) -> Path:
    return Path(out).expanduser().absolute() if out else source / "bundle"


def _tuned(fitted: Fitted) -> Tuned:
    settings = fitted.settings
    prompts = None
    if settings.method.head == "prompts":
        prompts = dict(zip(fitted.classes, class_prompts(settings.prompts, fitted.classes), strict=True))
    return Tuned(
        encoder=settings.encoder,
        decode=settings.data.decode,
        thaw=settings.cut,
        state=fitted.fit.state,
        classes=fitted.classes,
        prompts=prompts,
        temperature=temperature_of(fitted),
    )


def _photos(fitted: Fitted, rows: Sequence[SplitRow]) -> list[Known]:
    """Some of the photos that the run was judged by, from its first to its last."""
    root, judged = Path(fitted.settings.data.path), fitted.judged
    digests = {row.path: row.digest for row in rows}
    chosen: NDArray[np.int64] = np.unique(np.linspace(0, len(judged.paths) - 1, _PHOTOS).round().astype(np.int64))
    return [
        Known(
            find_file(judged.paths[i], root),
            digests[judged.paths[i]],
            judged.probabilities[i] if fitted.judged_itself else None,
        )
        for i in chosen
    ]


def facts_of(fitted: Fitted, name: str, rows: Sequence[SplitRow]) -> dict[str, Any]:
    """What the manifest says of the run."""
    judged = fitted.facts["judged"]
    of = "held out of this very model" if fitted.name != REFIT else "each held out of a model fitted the same way"
    photos = sorted(f"{row.digest} {row.label}" for row in rows)
    return {
        "run": {"name": name, "trial": fitted.trial, "fit": fitted.name, "method": fitted.settings.method.name},
        "hashes": {
            "config": _sha256((fitted.run / CONFIG_FILE).read_bytes()),
            "split": _sha256((fitted.run / "split.csv").read_bytes()),
            "data": _sha256("\n".join(photos).encode()),
        },
        "metrics": {
            "samples": judged["samples"],
            "groups": judged["groups"],
            "of": of,
            "estimates": estimates_of(judged),
        },
    }


def estimates_of(judged: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of all classes together that a card shows, as a run's `metrics.json` has them."""
    headline = judged.get("headline", "accuracy")
    return {name: judged[name] for name in _ESTIMATES if name in judged and (name != "accuracy" or name == headline)}


def notes_of(fitted: Fitted) -> list[str]:
    """What a card says of a run's settings that the model does not have."""
    settings = fitted.settings
    notes = []
    if fitted.facts["judged"].get("headline") == OVERLAP:
        notes.append("Overlap: of a sample, the classes both true and said by those that are either (Jaccard).")
    if settings.augmentation.average:
        notes.append("The run was judged by the mean over several views of a photo; the bundle looks at the plain one.")
    if settings.store.dtype != "float32":
        notes.append(f"It was trained on features kept as {settings.store.dtype}, and computes in float32.")
    if settings.encoder.precision != "float32":
        precision = settings.encoder.precision
        notes.append(f"It was trained on features that were computed in {precision}, and computes in float32.")
    if settings.debug.name != "none":
        notes.append(f"It comes from a run with debug={settings.debug.name}, which is not for use.")
    return notes


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _say(target: Path, fitted: Fitted, tuned: Tuned, manifest: dict[str, Any], lost: str) -> None:
    """What was exported, how it compares with the run, and where it is."""
    console = Console()

    say(console, which_fit(fitted, "photos"))
    if (raw := manifest["largest_difference"]["probabilities_of_raw_photos"]) is not None:
        say(console, f"largest difference from the run's own probabilities, from raw photos: {raw:.1g}")
    say(console, which_temperature(tuned.temperature, "photos"))
    if lost:
        say(console, lost)
    say_bundle(console, target, fitted)
