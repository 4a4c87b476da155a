"""`thawline export` of classes of photos: the network with its head, and the decision beside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thawline.bundles.join import Tuned
from thawline.bundles.write import Extras, write_bundle
from thawline.runs.split import read_split_rows
from thawline.tasks.exporting import check_known, known_files, say_exported
from thawline.tasks.fits import Fitted, temperature_of, tolerance_of, trained_of
from thawline.tasks.photos.prompts import class_prompts

_PHOTOS = 8


def export_photos(
    fitted: Fitted, target: Path, facts: dict[str, Any], notes: Sequence[str], *, onnx: bool = False
) -> None:
    """Write the bundle and say where it is; see `tasks.task.TaskExporter`."""
    if onnx:
        from thawline.bundles.onnx import check_onnx  # late: an extra that few install

        check_onnx()
    photos = [photo for photo, _ in known_files(fitted, read_split_rows(fitted.run / "split.csv"), _PHOTOS)]
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
    say_exported(target, fitted, tuned.temperature, manifest, lost)


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
