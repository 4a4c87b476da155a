"""How faces are found in photos."""

from dataclasses import dataclass

from thawline.data.photos.preprocessing import MAX_MEGAPIXELS
from thawline.errors import UserError

NETWORKS = ("dlib",)
DETECTORS = ("hog", "cnn")


@dataclass
class FacesSettings:
    """How faces are found in the photos of entries that have no encodings of their own.

    Attributes:
        network: `dlib`; null: photos are not looked at.
        detector: `hog`, dlib's gradients of faces seen from the front, or `cnn`, slower and for turned ones too.
        upsample: How often a photo is doubled first: a face must be 80 px then, 40 px before at 1.
        side: Px that the longer side of a photo is reduced to; smaller ones stay.
        max_megapixels: Larger photos are skipped.
        processes: How many look at photos at once; null: one for each core.
    """

    network: str | None = None
    detector: str = "hog"
    upsample: int = 1
    side: int = 1024
    max_megapixels: float = MAX_MEGAPIXELS
    processes: int | None = None


def check_faces(settings: FacesSettings) -> None:
    """Are the settings within their ranges?

    Raises:
        UserError: One is not.
    """
    if settings.network is not None and settings.network not in NETWORKS:
        raise UserError(f"faces.network={settings.network} is not known; use {' or '.join(NETWORKS)}, or null")
    if settings.detector not in DETECTORS:
        raise UserError(f"faces.detector={settings.detector} is not known; use {' or '.join(DETECTORS)}")
    if not 0 <= settings.upsample <= 3:
        raise UserError(f"faces.upsample={settings.upsample} must be 0 to 3")
    if not 80 <= settings.side <= 8192:
        raise UserError(f"faces.side={settings.side} must be 80 to 8192 px")
    if settings.max_megapixels <= 0:
        raise UserError(f"faces.max_megapixels={settings.max_megapixels:g} must be more than 0")
    if settings.processes is not None and settings.processes < 1:
        raise UserError(f"faces.processes={settings.processes} must be 1 or more, or null for one a core")
