"""One photo: read, reduced, looked at. Runs in processes of its own."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

from thawline.data.photos.photo import read_upright
from thawline.errors import UnusableError
from thawline.files import digest_of
from thawline.tasks.library.faces.dlib_network import DlibNetwork
from thawline.tasks.library.faces.found import DetectedFaces
from thawline.tasks.library.faces.settings import FacesSettings

Answer: TypeAlias = DetectedFaces | str


@dataclass(frozen=True)
class Photo:
    """A photo to look at.

    Attributes:
        path: Where it is.
        digest: Of its content.
        width: px, upright.
        height: px, upright.
    """

    path: Path
    digest: str
    width: int
    height: int


def load_network(settings: FacesSettings) -> DlibNetwork:
    """The network that `settings` name.

    Raises:
        UserError: It is not installed.
    """
    return _loaded(settings.detector, settings.upsample)


@cache
def _loaded(detector: str, upsample: int) -> DlibNetwork:
    return DlibNetwork(detector, upsample)


def look(photo: Photo, settings: FacesSettings) -> Answer:
    """The faces of a photo, or why it can't be used."""
    try:
        picture = read_upright(photo.path, settings.side, settings.max_megapixels)
        if digest_of(photo.path) != photo.digest:
            return "it was changed while it was read"
    except UnusableError as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    share = settings.side / max(photo.width, photo.height)
    if share < 1:
        size = (max(1, round(photo.width * share)), max(1, round(photo.height * share)))
        picture = picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    rgb = np.ascontiguousarray(np.asarray(picture, np.uint8))
    found = load_network(settings).find(rgb)
    height, width = rgb.shape[:2]
    found.looks[:, :4] *= np.array([photo.width / width, photo.height / height] * 2, np.float32)
    return found
