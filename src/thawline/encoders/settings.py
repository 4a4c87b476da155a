"""Settings of an encoder."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from omegaconf import MISSING

from thawline.errors import UserError
from thawline.plugins import added, added_beside

# Whose weights lie in a directory with their config; what each is called.
_IN_DIRECTORIES = {
    "clip": "CLIP",
    "open_clip": "CLIP in open_clip's format",
    "siglip": "SigLIP",
    "vit": "ViT",
    "dinov2": "DINOv2",
    "dinov3": "DINOv3",
    "ast": "AST",
    "wav2vec2": "wav2vec 2.0",
    "hubert": "HuBERT",
    "audio": "network that classifies sound",
    "sentences": "sentence encoder",
}
_BY_NAME = ("timm", "torchvision")
AUDIO_FROM_TRANSFORMERS = ("ast", "wav2vec2", "hubert", "audio")
# Nothing is fetched for these.
WITHOUT_WEIGHTS = ("scratch", "mel_cnn", "descriptors")
STEMS = (2, 4)
# These read texts and nothing else.
TEXT = ("sentences", "scratch")
# These have a tower for photos and one for texts.
TOWERS = ("clip", "siglip", "open_clip")
WITH_ATTENTION = ("clip", "siglip", "vit", "dinov2", "dinov3")
AUDIO = (*AUDIO_FROM_TRANSFORMERS, "mel_cnn", "descriptors")


class Gift(StrEnum):
    """What an encoder has, and a method may need."""

    SOUND = "sound"  # it hears; others see
    WEIGHTS = "weights"  # it was pretrained
    TEXT = "text"  # and a space that pictures and texts have in common
    ATTENTION = "attention"  # over photos, as transformers writes it: a matrix each for queries, keys and values
    LAYERS = "layers"  # a transformer's, all of which can be read at once, under a head of its own class
    SPECTROGRAMS = "spectrograms"  # they are what it is given
    DESCRIPTORS = "descriptors"  # measures with names


_FAMILIES = (*_IN_DIRECTORIES, *_BY_NAME, *WITHOUT_WEIGHTS)


@dataclass
class EncoderSettings:
    """A pretrained network and where its weights are.

    Attributes:
        family: For photos `clip`, `siglip`, `vit`, `dinov2` or `dinov3` (transformers), `open_clip` (a CLIP in its
            format), `timm`, `torchvision`; for text `clip`, `siglip`, `open_clip`, `sentences` (any of
            sentence-transformers), or `scratch`, which has no pretrained weights; for sound `ast`, `wav2vec2`, `hubert`
            or `audio` (transformers), or `mel_cnn` and `descriptors`, which have none either; or one that an installed
            package adds.
        name: Hub id or local directory; `package:tiny_clip` is the one that the package carries.
        model: timm's or torchvision's name of the architecture, timm's with the tag that says which preprocessing; null
            for transformers' and open_clip's networks, and where `name` is `timm/` and this.
        weights: A local safetensors file (timm, torchvision), or a folder of such, each named after its architecture;
            null: those of `name`.
        revision: Commit of the Hub repository that the weights are pinned to; null: the newest when they are fetched.
        model_args: What else timm or torchvision is given to create the network; for `scratch` and `mel_cnn` its size.
        bn_eps: eps of every BatchNorm, where the weights want another than the library's; null: the library's.
        size: Side of the input, px; null: the checkpoint's.
        crop_pct: Share of the resized shortest side that the centre crop keeps; null: the checkpoint's.
        interpolation: `bicubic` or `bilinear`; null: the checkpoint's.
        mean: Mean of the pixels in 0..1, a number a channel; null: the checkpoint's.
        std: Standard deviation, likewise.
        seconds: Length of a window of sound; null: the family's usual.
        hop: Seconds between the starts of windows; null: `seconds`.
        windows: At most so many windows of a track, spread evenly over it; null: 8.
        stems: Into how many stems a window is separated before a network of transformers' hears them: 4 (drums, bass,
            other, vocals) or 2 (vocals, the rest); null: it hears the window as it is.
        separator: Hub id or local directory of the Demucs that separates; used with `stems` only.
        separator_revision: Commit of its Hub repository; null: the newest when it is fetched.
        separator_licence: Licence of its weights; null: what the model card beside them says.
        licence: Licence of the weights; null: what the model card beside them says.
        allow_noncommercial: Whether weights are used whose licence forbids commercial use.
        precision: What the frozen part computes in: `float32`, or `bfloat16` where a processor is faster with it;
            `float16` for a GPU that has no bfloat16.
    """

    family: str = MISSING
    name: str = MISSING
    model: str | None = None
    weights: str | None = None
    revision: str | None = None
    model_args: dict[str, Any] = field(default_factory=dict)
    bn_eps: float | None = None
    size: int | None = None
    crop_pct: float | None = None
    interpolation: str | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    seconds: float | None = None
    hop: float | None = None
    windows: int | None = None
    stems: int | None = None
    separator: str = "adefossez/HTDemucs"
    separator_revision: str | None = None
    separator_licence: str | None = None
    licence: str | None = None
    allow_noncommercial: bool = False
    precision: str = "float32"

    @property
    def setting(self) -> str:
        """What names it, for messages: `encoder.name` or `text.name`."""
        return "text.name" if self.family in TEXT else "encoder.name"

    @property
    def without_files(self) -> bool:
        """Whether no files are looked for: it has no weights, or the package that adds it sees to them."""
        return self.family in WITHOUT_WEIGHTS or self.family in added("encoders")

    @property
    def gifts(self) -> frozenset[Gift]:
        """What it has."""
        had = {
            Gift.SOUND: self.family in AUDIO,
            Gift.WEIGHTS: self.family not in ("scratch", "mel_cnn"),
            Gift.TEXT: self.family in TOWERS,
            Gift.ATTENTION: self.family in WITH_ATTENTION,
            Gift.LAYERS: self.family in AUDIO_FROM_TRANSFORMERS and self.stems is None,
            Gift.SPECTROGRAMS: self.family == "mel_cnn",
            Gift.DESCRIPTORS: (self.family, self.name) == ("descriptors", "descriptors"),
        }
        return frozenset(gift for gift, has in had.items() if has)

    def __post_init__(self) -> None:
        """Check the names."""
        families = [*_FAMILIES, *added_beside("encoders", _FAMILIES)]
        if self.family not in families:
            raise UserError(
                f"encoder.family={self.family} is not known; use {', '.join(families[:-1])} or {families[-1]}"
            )
        self._check_windows()
        self._check_stems()
        if self.precision not in ("float32", "bfloat16", "float16"):
            raise UserError(f"encoder.precision={self.precision} is not known; use float32, bfloat16 or float16")
        if self.family == "timm" and not self.model and self.name.startswith("timm/"):
            self.model = self.name.removeprefix("timm/")  # as its repositories on the Hub are called
        if self.family in _BY_NAME and not self.model:
            raise UserError(
                f"encoder.family={self.family} needs encoder.model, {self.family}'s name of the architecture"
            )
        if self.family in _IN_DIRECTORIES and (self.model or self.weights or self.model_args or self.bn_eps):
            raise UserError(
                "encoder.weights, model, model_args and bn_eps are for timm's and torchvision's networks; choose one "
                f"(encoder=resnet50, say), or set encoder.name to a directory with a {_IN_DIRECTORIES[self.family]}"
            )

    def _check_windows(self) -> None:
        for name in ("seconds", "hop", "windows"):
            value = getattr(self, name)
            if value is None:
                continue
            if self.family not in AUDIO:
                raise UserError(f"encoder.{name} is for sound, which encoder.family={self.family} does not hear")
            if not 0 < value < float("inf"):
                raise UserError(f"encoder.{name}={value} must be above 0")

    def _check_stems(self) -> None:
        if self.stems is None:
            return
        if self.stems not in STEMS:
            raise UserError(f"encoder.stems={self.stems} is not possible; use 2, 4, or null for none")
        if self.family not in AUDIO_FROM_TRANSFORMERS:
            raise UserError(
                f"encoder.stems={self.stems} is for transformers' networks for sound, not for encoder.family="
                f"{self.family}; use {', '.join(AUDIO_FROM_TRANSFORMERS)}, or leave it out"
            )
