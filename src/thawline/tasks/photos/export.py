"""`thawline export` of classes of photos: the network with its head, and the decision beside."""

from thawline.decisions.label_thresholds import THRESHOLDS
from thawline.tasks.exporting import Exportable, known_files
from thawline.tasks.fits import Fitted, temperature_of
from thawline.tasks.photos.prompts import class_prompts
from thawline.tasks.photos.write import TunedPhotos

_PHOTOS = 8


def export_photos(fitted: Fitted) -> Exportable:
    """What the run fitted; see `tasks.capabilities.TaskExporter`."""
    settings = fitted.settings
    prompts = None
    if settings.method.head == "prompts":
        prompts = dict(zip(fitted.classes, class_prompts(settings.prompts, fitted.classes), strict=True))
    tuned = TunedPhotos(
        task=settings.task,
        encoder=settings.encoder,
        decode=settings.data.decode,
        thaw=settings.cut,
        state=fitted.fit.state,
        classes=fitted.classes,
        prompts=prompts,
        temperature=temperature_of(fitted),
        thresholds=fitted.fit.chosen.get(THRESHOLDS),
    )
    return Exportable(tuned, [photo for photo, _ in known_files(fitted, _PHOTOS)])
