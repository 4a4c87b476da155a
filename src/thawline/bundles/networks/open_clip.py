"""CLIPs as open_clip's own factory loads them: `open_clip.create_model("local-dir:DIR")`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from thawline.bundles.bounds import check_fits
from thawline.bundles.manifest import CONFIG, MODEL, OPEN_CLIP
from thawline.bundles.shards import load_weights
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.text.open_clip import load_open_clip_tokenizer
from thawline.encoders.towers import ClipTowers
from thawline.encoders.vision.imported import timm
from thawline.encoders.vision.open_clip import build_model, cut_open_clip, cut_open_clip_vision, read_config
from thawline.encoders.weights import locate
from thawline.errors import UserError
from thawline.files import read_json, write_json


class _OpenClip:
    """The weights, `model_cfg` and the tokenizer, with how photos are prepared."""

    def save(
        self,
        folder: Path,
        settings: EncoderSettings,
        encoder: Encoder,
        classifier: nn.Linear | None,  # open_clip has no place for it
        labels: Sequence[str],
    ) -> bool:
        directory = locate(settings)
        config = read_config(directory)
        how = encoder.preprocessing
        if how is None:
            raise ValueError("an image encoder has a preprocessing")
        if settings.crop_pct or (settings.size and config["vision_cfg"].get("timm_model_name")):
            raise UserError(
                "encoder.crop_pct, and encoder.size over a network of timm's, can't be written in open_clip's format; "
                "export a run without"
            )
        config["vision_cfg"]["image_size"] = how.size
        # Convolutions lie with the channels last, which the format does not know.
        state = {name: tensor.detach().contiguous().clone() for name, tensor in encoder.model.state_dict().items()}
        save_file(state, folder / MODEL, metadata={"format": "pt"})
        write_json(folder / CONFIG, {"model_type": "open_clip", "model_cfg": config})
        prepared = {
            "mean": list(how.mean),
            "std": list(how.std),
            "interpolation": how.interpolation,
            "resize_mode": "shortest" if how.crop == "center" else "squash",
        }
        write_json(folder / OPEN_CLIP, {"model_cfg": config, "preprocess_cfg": prepared})
        own = getattr(load_open_clip_tokenizer(directory, config["text_cfg"]), "tokenizer", None)
        if own is not None:  # else it is the library's
            own.save_pretrained(folder)
        return False

    def load(
        self, folder: Path, preprocessing: Preprocessing, labels: Sequence[str], *, classified: bool
    ) -> tuple[Encoder, nn.Linear | None]:
        config, model = self._model(folder)
        return cut_open_clip_vision(model, config, preprocessing), None

    def load_towers(self, folder: Path, preprocessing: Preprocessing) -> ClipTowers:
        """Both towers of what `save` wrote, with the tokenizer."""
        config, model = self._model(folder)
        return cut_open_clip(model, folder, config, preprocessing)

    def _model(self, folder: Path) -> tuple[dict[str, Any], Any]:
        config = read_config(folder)
        if read_json(folder / CONFIG) != {"model_type": "open_clip", "model_cfg": config}:
            raise ValueError(f"{CONFIG} and {OPEN_CLIP} are of two models")
        name = config["vision_cfg"].get("timm_model_name")
        # Anything else is a place on the network or on the disk, to timm.
        if name and not (re.fullmatch(r"\w+(\.\w+)?", name) and timm.is_model(name)):
            raise ValueError(f"timm has no model '{name}'")
        check_fits(folder, lambda: build_model(folder, "meta"))
        model = build_model(folder)
        model.load_state_dict(load_weights(folder))
        return config, model


OPEN = _OpenClip()
