"""What `thawline train` can begin before its libraries are imported: reading the photos. Nothing heavy is imported."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig

from thawline.data.listing import list_photos
from thawline.encoders.vision.processor import load_preprocessing
from thawline.encoders.weights import locate
from thawline.errors import UserError
from thawline.features import ahead
from thawline.tasks.settings import RunSettings
from thawline.tasks.typed import to_settings


@contextmanager
def reading_ahead(config: DictConfig) -> Iterator[None]:
    """Read photos within, where it is known without any library how they are prepared."""
    with suppress(UserError):  # what is wrong is said when the run begins
        _begin(to_settings(config))
    try:
        yield
    finally:
        ahead.forget()


def _begin(settings: RunSettings) -> None:
    encoder = settings.encoder
    # A full decode needs torchvision, and the other families' preprocessing their libraries.
    if settings.task != "events" or encoder.family not in ("clip", "vit") or settings.data.decode != "reduced":
        return
    preprocessing = replace(load_preprocessing(locate(encoder), encoder), decode="reduced")
    photos = list_photos(Path(settings.data.path), settings.data.classes, layout=settings.data.layout).photos
    ahead.begin(photos, settings.store.root, preprocessing, settings.data.max_megapixels)
