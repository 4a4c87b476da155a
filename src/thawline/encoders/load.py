"""The encoder families that there are."""

from typing import TYPE_CHECKING

from thawline.encoders.settings import EncoderSettings

if TYPE_CHECKING:
    from thawline.encoders.clip import ClipTowers
    from thawline.encoders.encoder import Encoder


def load(settings: EncoderSettings) -> "Encoder | ClipTowers":
    """The pretrained network that `settings` name; a CLIP comes as its two towers.

    Raises:
        UserError: Its weights are absent or don't fit.
    """
    # Late: transformers and timm take seconds to import, and a run needs one of them.
    if settings.family == "clip":
        from thawline.encoders.clip import load_clip

        return load_clip(settings)
    from thawline.encoders.timm import load_timm

    return load_timm(settings)
