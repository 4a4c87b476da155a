"""CLIP as transformers' own class loads it; here it is loaded without that library, whose import takes seconds."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from thawline.bundles.manifest import CONFIG
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.directory import read_json
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.text.clip_tokens import load_tokenizer
from thawline.encoders.towers import ClipTowers
from thawline.encoders.unfilled import unfilled
from thawline.encoders.vision.clip import cut_clip, cut_vision
from thawline.encoders.vision.clip_network import ClipNetwork, read_network
from thawline.encoders.weights import locate
from thawline.process import importing


class _Clip:
    """`CLIPModel`, with the tokenizer and the processor."""

    def save(
        self,
        folder: Path,
        settings: EncoderSettings,
        encoder: Encoder,
        classifier: nn.Linear | None,  # the class has no place for it
        labels: Sequence[str],
    ) -> bool:
        with importing():  # late: it takes seconds
            from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

            from thawline.bundles.networks.transformers import processing, save_model
        directory = locate(settings)
        network = encoder.model
        if not isinstance(network, ClipNetwork):
            raise TypeError("a CLIP's network is one of ours")
        with unfilled():
            model = CLIPModel(CLIPConfig(**_stated(network, directory)))
        model.load_state_dict(network.state_dict(), assign=True)
        save_model(model, CLIPConfig(), (), folder)
        create: Any = CLIPProcessor
        processor = create(
            image_processor=CLIPImageProcessor(**processing(encoder)),
            tokenizer=load_tokenizer(directory, network.config.text.vocab_size),
        )
        processor.save_pretrained(folder)
        return False

    def load(
        self, folder: Path, preprocessing: Preprocessing, labels: Sequence[str], *, classified: bool
    ) -> tuple[Encoder, nn.Linear | None]:
        return cut_vision(_read(folder), preprocessing), None

    def load_towers(self, folder: Path, preprocessing: Preprocessing) -> ClipTowers:
        """Both towers of what `save` wrote, with the tokenizer."""
        return cut_clip(_read(folder), folder, preprocessing)


CLIP = _Clip()


def _stated(network: ClipNetwork, directory: Path) -> dict[str, Any]:
    """What transformers is told of `network`, which is the one in `directory`."""
    config = network.config
    # Nothing computes with these, but other programs may read them.
    given = read_json(directory, CONFIG).get("text_config") or {}
    ids = {name: given[name] for name in ("bos_token_id", "pad_token_id") if isinstance(given.get(name), int)}
    dim = {"projection_dim": config.projection_dim}
    return {
        "text_config": {**ids, **asdict(config.text), **dim},
        "vision_config": {**asdict(config.vision), **dim},
        **dim,
    }


def _read(folder: Path) -> ClipNetwork:
    network = read_network(folder)
    if network is None:
        raise ValueError(f"{CONFIG} is of another network than the weights, or these can't be read")
    return network
