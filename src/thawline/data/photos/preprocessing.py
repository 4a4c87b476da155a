"""What happens to a photo between its bytes and the network."""

from dataclasses import dataclass
from importlib.metadata import version

from PIL import features

from thawline.errors import UserError
from thawline.files import JSON

# Counts changes of our own code that move pixels; raise it with each, so that stored pixels are not mixed.
PIXELS_VERSION = 2

# The largest photos of common phones have 108. The setting is data.max_megapixels.
MAX_MEGAPIXELS = 110.0

_CHOICES = {
    "crop": ("center", "squash"),
    "offset": ("round", "floor"),
    "interpolation": ("bicubic", "bilinear"),
    "decode": ("reduced", "full"),
}


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a square of uint8 pixels, and how a network wants these scaled.

    Attributes:
        size: side of the square, px.
        resize: px that the shortest side becomes before the centre of `size` is cut out (only for crop "center").
        crop: "center", or "squash": both sides become `size`, whatever the aspect ratio.
        interpolation: "bicubic" or "bilinear", antialiased either way.
        mean: of pixels in 0..1, per channel; applied by the encoder's first stage, not here.
        std: like `mean`.
        offset: where the centre begins if that is half a pixel: "round" to the even one, as torchvision and timm do, or
            "floor", as transformers does.
        decode: "reduced" decodes large JPEGs at a smaller DCT scale, at least twice the target; "full" does not.
    """

    size: int
    resize: int
    crop: str = "center"
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    decode: str = "reduced"
    offset: str = "round"

    def __post_init__(self) -> None:
        for field, choices in _CHOICES.items():
            if getattr(self, field) not in choices:
                raise UserError(f"{field}={getattr(self, field)!r} is not known; use one of {', '.join(choices)}")
        if self.size < 1:
            raise UserError(f"size={self.size} px is not possible; use at least 1")
        if self.crop == "center" and self.resize < self.size:
            raise UserError(f"resize={self.resize} is smaller than size={self.size}: the centre crop would not fit")

    def pixel_key(self) -> dict[str, JSON]:
        """Everything that decides the uint8 pixels; equal keys mean equal pixels for equal bytes."""
        return {
            "size": self.size,
            "resize": self.resize if self.crop == "center" else None,
            "crop": self.crop,
            "offset": self.offset if self.crop == "center" else None,
            "interpolation": self.interpolation,
            "decode": self.decode,
            "decoders": {
                "thawline": PIXELS_VERSION,
                "pillow": version("pillow"),
                "libjpeg_turbo": features.version("libjpeg_turbo"),
                "webp": features.version("webp"),
                "torch": version("torch"),
                "torchvision": version("torchvision"),
            },
        }
