"""SigLIP as transformers' own class loads it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn
from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

from thawline.bundles.networks.transformers import check_config, processing, save_model
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.encoders.transformers import load_model
from thawline.encoders.vision.siglip import cut_siglip, cut_siglip_vision, load_siglip_tokenizer
from thawline.encoders.weights import locate


class _Siglip:
    """`SiglipModel`, with the tokenizer and the image processor."""

    def save(
        self,
        folder: Path,
        settings: EncoderSettings,
        encoder: Encoder,
        classifier: nn.Linear | None,  # the class has no place for it
        labels: Sequence[str],
    ) -> bool:
        save_model(encoder.model, SiglipConfig(), (), folder)
        processor: Any = SiglipImageProcessor(**processing(encoder))
        processor.save_pretrained(folder)
        load_siglip_tokenizer(locate(settings)).save_pretrained(folder)
        return False

    def load(
        self, folder: Path, preprocessing: Preprocessing, labels: Sequence[str], *, classified: bool
    ) -> tuple[Encoder, nn.Linear | None]:
        return cut_siglip_vision(self._model(folder), preprocessing), None

    def load_towers(self, folder: Path, preprocessing: Preprocessing) -> ClipTowers:
        """Both towers of what `save` wrote, with the tokenizer."""
        return cut_siglip(self._model(folder), load_siglip_tokenizer(folder), preprocessing)

    def _model(self, folder: Path) -> Any:
        check_config(folder, "siglip", SiglipConfig())
        return load_model(SiglipModel, folder, "SigLIP")


SIGLIP = _Siglip()
