"""`thawline export` of classes of photos: the network with its head, and the decision beside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from thawline.bundles.join import Tuned
from thawline.bundles.photos import Known
from thawline.bundles.write import Extras, write_bundle
from thawline.data.tables.places import find_file
from thawline.runs.split import SplitRow, read_split_rows
from thawline.screen import say
from thawline.tasks.events.prompts import class_prompts
from thawline.tasks.fits import (
    Fitted,
    check_known,
    say_bundle,
    temperature_of,
    tolerance_of,
    trained_of,
    which_fit,
    which_temperature,
)

_PHOTOS = 8


def export_photos(
    fitted: Fitted, target: Path, facts: dict[str, Any], notes: Sequence[str], *, onnx: bool = False
) -> None:
    """Write the bundle and say where it is; see `tasks.task.TaskExporter`."""
    if onnx:
        from thawline.bundles.onnx import check_onnx  # late: an extra that few install

        check_onnx()
    photos = _photos(fitted, read_split_rows(fitted.run / "split.csv"))
    lost = check_known(fitted, [(photo.path, photo.digest) for photo in photos])
    tuned = _tuned(fitted)
    extras = Extras(
        photos=photos,
        tolerance=tolerance_of(fitted),
        facts=facts,
        notes=notes,
        onnx=onnx,
        trained=trained_of(fitted),
    )
    manifest = write_bundle(target, tuned, extras)
    _say(target, fitted, tuned, manifest, lost)


def _tuned(fitted: Fitted) -> Tuned:
    settings = fitted.settings
    prompts = None
    if settings.method.head == "prompts":
        prompts = dict(zip(fitted.classes, class_prompts(settings.prompts, fitted.classes), strict=True))
    return Tuned(
        task=settings.task,
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
