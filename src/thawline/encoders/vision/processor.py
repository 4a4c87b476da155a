"""How photos are prepared for transformers' networks, by the file beside their weights. The library is not imported."""

from pathlib import Path
from typing import Any

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.directory import read_json
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError

_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}  # as Pillow counts them

# What the library's own processors do where the file says nothing.
_USUAL: dict[str, dict[str, Any]] = {
    "clip": {"do_center_crop": True, "resample": 3},
    "dinov2": {"do_center_crop": True, "resample": 3},
    "dinov3": {"do_center_crop": False, "resample": 2},
    "siglip": {"do_center_crop": False, "resample": 3},
    "vit": {"do_center_crop": False, "resample": 2},
}


def load_preprocessing(directory: Path, settings: EncoderSettings) -> Preprocessing:
    """What `preprocessor_config.json` (or `processor_config.json`) says, with what the settings override.

    Args:
        directory: Where it lies.
        settings: What overrides it.

    Raises:
        UserError: There is no such file, or it wants what photos are not prepared with here.
    """
    values = {**_USUAL[settings.family], **_processor_values(directory)}
    cropped = bool(values["do_center_crop"])
    for name in ("size", "image_mean", "image_std", *(["crop_size"] if cropped else [])):
        if values.get(name) is None:
            raise UserError(f"the preprocessor's config in {directory} lacks {name}; copy the model's own there")
    if settings.crop_pct and not cropped:
        raise UserError(f"encoder.crop_pct: the photos of {settings.name} are not cropped; leave it out")
    size = settings.size or side(values["crop_size"] if cropped else values["size"])
    resize = round(size / settings.crop_pct) if settings.crop_pct else max(size, side(values["size"]))
    interpolation = settings.interpolation or _INTERPOLATIONS.get(values["resample"])
    if interpolation is None:
        raise UserError(f"{directory}: resample={values['resample']} is not supported; set encoder.interpolation")
    mean, std = settings.mean or values["image_mean"], settings.std or values["image_std"]
    return Preprocessing(
        size=size,
        resize=resize,
        crop="center" if cropped else "squash",
        offset="floor",
        interpolation=interpolation,
        mean=(float(mean[0]), float(mean[1]), float(mean[2])),
        std=(float(std[0]), float(std[1]), float(std[2])),
    )


def side(size: Any) -> int:
    """The side that a size in any of the library's spellings means, px."""
    if isinstance(size, dict):
        return int(size.get("shortest_edge") or size.get("height") or 0)
    return int(size[0] if isinstance(size, list | tuple) else size)


def _processor_values(directory: Path) -> dict[str, Any]:
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (directory / name).exists():
            values = read_json(directory, name)
            inner = values.get("image_processor", values)
            if not isinstance(inner, dict):
                raise UserError(f"image_processor in {directory / name} is no object; copy the model's own there")
            return inner
    raise UserError(f"{directory} has no preprocessor_config.json, so how its photos are prepared is unknown")
