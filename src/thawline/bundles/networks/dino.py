"""DINOv2 and DINOv3 as transformers' own classes load them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn
from transformers import BitImageProcessor, Dinov2Config, DINOv3ViTConfig, DINOv3ViTImageProcessor

from thawline.bundles.networks.transformers import check_config, processing, save_model
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.transformers import load_model
from thawline.encoders.vision.dino import KINDS, called, cut_dino

_CONFIGS: dict[str, Any] = {"dinov2": Dinov2Config, "dinov3": DINOv3ViTConfig}
_PROCESSORS: dict[str, Any] = {"dinov2": BitImageProcessor, "dinov3": DINOv3ViTImageProcessor}


class _Dino:
    """`Dinov2Model` or `DINOv3ViTModel`, with the image processor."""

    def __init__(self, family: str) -> None:
        """Take the family, `dinov2` or `dinov3`."""
        self.family = family

    def save(
        self,
        folder: Path,
        settings: EncoderSettings,
        encoder: Encoder,
        classifier: nn.Linear | None,  # transformers' class for it reads more than the class token, or there is none
        labels: Sequence[str],
    ) -> bool:
        save_model(encoder.model, _CONFIGS[self.family](), (), folder)
        _PROCESSORS[self.family](**processing(encoder)).save_pretrained(folder)
        return False

    def load(
        self, folder: Path, preprocessing: Preprocessing, labels: Sequence[str], *, classified: bool
    ) -> tuple[Encoder, nn.Linear | None]:
        model_type, kind = KINDS[self.family]
        check_config(folder, model_type, _CONFIGS[self.family]())
        settings = EncoderSettings(family=self.family, name=str(folder))
        return cut_dino(load_model(kind, folder, called(self.family)), preprocessing, settings), None


DINO = {family: _Dino(family) for family in KINDS}
