"""Photos are read before the libraries are imported that the run waits for. Nothing heavy is imported here."""

from dataclasses import replace

from thawline.encoders.vision.processor import load_preprocessing
from thawline.encoders.weights import locate
from thawline.features import ahead
from thawline.tasks.events.listed import find_events
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
    if settings.people.mode is not None:  # a detector reads them first, and says which are used
        return
    if settings.cluster.kind or settings.trainer.launched:  # others read them, or would read them too
        return
    preprocessing = replace(load_preprocessing(locate(encoder), encoder), decode="reduced")
    photos = find_events(settings.data).photos
    ahead.begin(photos, settings.store.root, preprocessing, settings.data.max_megapixels)
