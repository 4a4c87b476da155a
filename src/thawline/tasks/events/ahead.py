"""Photos are read before the libraries are imported that the run waits for. Nothing heavy is imported here."""

from dataclasses import replace
from pathlib import Path

from thawline.data.listing import list_photos
from thawline.encoders.vision.processor import load_preprocessing
from thawline.encoders.weights import locate
from thawline.features import ahead
from thawline.tasks.settings import RunSettings


def begin(settings: RunSettings) -> None:
    """Begin to read the photos of a run, where it is known without any library how they are prepared.

    Raises:
        UserError: They can't be listed, or the encoder is not there.
    """
    encoder = settings.encoder
    # A full decode needs torchvision, and the other families' preprocessing their libraries.
    if encoder.family not in ("clip", "vit") or settings.data.decode != "reduced":
        return
    if settings.cluster.kind or settings.trainer.launched:  # others read them, or would read them too
        return
    if settings.data.corrections is not None and settings.data.classes is not None:
        return  # which photos are of these classes the corrections say
    preprocessing = replace(load_preprocessing(locate(encoder), encoder), decode="reduced")
    photos = list_photos(Path(settings.data.path), settings.data.classes, layout=settings.data.layout).photos
    ahead.begin(photos, settings.store.root, preprocessing, settings.data.max_megapixels)
