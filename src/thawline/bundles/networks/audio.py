"""Networks for sound with their heads: transformers' (`hearing.py`), the mel-CNN, and none at all (descriptors)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from thawline.bundles.bounds import check_windows
from thawline.bundles.heads import AUDIO_HEADS, Rebuilds, save_head
from thawline.bundles.manifest import CONFIG, HEAD, MODEL, PREPROCESSING
from thawline.bundles.networks.stems import load_stems, save_stems
from thawline.bundles.shards import load_weights
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.descriptors import Describe, load_descriptors
from thawline.encoders.sound.hearing import Hearing
from thawline.encoders.sound.mel_cnn import load_mel_cnn, sizes
from thawline.encoders.sound.stems import AnyStem, StemsEncoder
from thawline.errors import UserError
from thawline.files import read_json, write_json
from thawline.fitting.heads.audio import OwnHead, TaggingHead
from thawline.fitting.heads.head import Head
from thawline.process import importing

_FORMAT = {"format": "pt"}
_HEARD = ("seconds", "hop", "windows")
_OF_TRANSFORMERS = ("ast", "wav2vec2", "hubert")


@dataclass(frozen=True, eq=False)
class Said:
    """What a network says of n windows.

    Attributes:
        logits: Of the classes, float32 [n, classes].
        tags: Logits of the network's own labels, [n, labels], each for itself; None where the head has them not.
        acousticness: 0 to 1, [n]; None where it is not among what enters the head.
    """

    logits: NDArray[np.float32]
    tags: NDArray[np.float32] | None
    acousticness: NDArray[np.float32] | None


class WindowClassifier:
    """Windows of sound to logits, always in batches of one size: a window's do not depend on what it is asked with.

    Attributes:
        hearing: How a track becomes what enters the network.
        tags: The network's own labels, which it knows beside the classes; None where the head has them not.
        stems: Into how many stems a window is separated first; None: it is heard as it is.
    """

    def __init__(self, encoder: Encoder, head: Head, device: torch.device) -> None:
        """Take the whole network, and what to compute on."""
        if encoder.hearing is None:
            raise ValueError(f"{encoder.family} does not hear")
        self.hearing: Hearing = encoder.hearing
        self._stages: nn.Module = encoder.prefix(len(encoder.stages)).to(device).eval()
        self._head, self._device = head.to(device).eval(), device
        self.tags = encoder.labels if isinstance(head, TaggingHead) else None
        self.stems = encoder.stems if isinstance(encoder, StemsEncoder) else None
        front = encoder.hearing.front
        names = front.names if isinstance(front, Describe) else ()
        self._acousticness = names.index("acousticness") if "acousticness" in names else None
        # A processor gains nothing by more, and a track of three windows would pay for what fills the batch.
        self._batch = 1 if device.type == "cpu" else 8

    def logits(self, waveforms: torch.Tensor, told: torch.Tensor | None = None) -> NDArray[np.float32]:
        """Float32 [n, samples] of windows as `hearing.windowing` cuts them to logits [n, classes]."""
        return self.ask(waveforms, told).logits

    def ask(self, waveforms: torch.Tensor, told: torch.Tensor | None = None) -> Said:
        """Float32 [n, samples] of windows as `hearing.windowing` cuts them to all that is said of them.

        `told` are the columns of their track's themes, float32 [themes], where the head takes some.
        """
        parts = [self._some(part, told) for part in torch.split(waveforms, self._batch)]
        said = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return Said(said["logits"], said.get("tags"), said.get("acousticness"))

    @torch.no_grad()
    def _some(self, waveforms: torch.Tensor, told: torch.Tensor | None) -> dict[str, NDArray[np.float32]]:
        rows = [self.hearing.front(waveform) for waveform in waveforms]
        rows += rows[:1] * (self._batch - len(rows))
        given = {name: torch.stack([row[name] for row in rows]).to(self._device) for name in rows[0]}
        leaving = self._stages(given)
        if told is not None:
            columns = told.to(self._device).expand(self._batch, -1)
            leaving = {**leaving, "features": torch.cat([leaving["features"], columns], dim=1)}
        said = {"logits": self._head(leaving if self._head.whole else leaving["features"])}
        if isinstance(self._head, TaggingHead):
            said["tags"] = self._head.tagger(leaving)
        if self._acousticness is not None:
            said["acousticness"] = leaving["features"][:, self._acousticness]
        return {name: tensor[: len(waveforms)].float().cpu().numpy() for name, tensor in said.items()}


def save_audio(folder: Path, settings: EncoderSettings, encoder: Encoder, head: Head, labels: Sequence[str]) -> str:
    """Write the joined network, how it hears, and its head into `folder`.

    An AST, wav2vec 2.0 or HuBERT with its own head becomes the library's classifying class, and with another one the
    library's class without a classifier, the head in a file beside it.

    Returns:
        The kind of head: `classifier` lies within the network's files; of one that makes something of the network's
        own labels their classifier does, and the rest beside; any other lies beside.

    Raises:
        UserError: The encoder's family can't be written.
    """
    if settings.family == "mel_cnn":
        _save_mel_cnn(folder, settings, encoder)
    elif settings.family == "descriptors":
        save_file({}, folder / MODEL, metadata=_FORMAT)  # there is no network
        write_json(folder / CONFIG, {"model_type": "descriptors", "kind": settings.name})
    elif settings.family in _OF_TRANSFORMERS:
        own = head.own if isinstance(head, OwnHead) else head.tagger if isinstance(head, TaggingHead) else None
        if isinstance(encoder, StemsEncoder):
            save_stems(folder, encoder)
            encoder, own = encoder.inner, own.classifier if isinstance(own, AnyStem) else own
        # What is made of the labels that the network had before needs them.
        names = encoder.labels if isinstance(head, TaggingHead) and encoder.labels else labels
        with importing():  # late, as below
            from thawline.bundles.networks.hearing import save_hearing
        save_hearing(folder, settings, encoder, own, names)
    else:
        raise UserError(
            f"encoder.family={settings.family} can't be exported; use ast, wav2vec2, hubert, mel_cnn or descriptors "
            "where a model is to be exported"
        )
    stems = {"stems": settings.stems} if settings.stems else {}
    write_json(folder / PREPROCESSING, {name: getattr(settings, name) for name in _HEARD} | stems)
    if not isinstance(head, OwnHead):
        save_head(folder, head)
    return head.kind


def load_audio(
    folder: Path, family: str, labels: Sequence[str], kind: str, heads: Rebuilds = AUDIO_HEADS
) -> tuple[Encoder, Head]:
    """The network and the head that `save_audio` wrote into `folder`. No name in it leads to code but through here.

    Args:
        folder: A directory whose files were verified.
        family: Of the encoder.
        labels: Names of the classes.
        kind: What `save_audio` returned.
        heads: How those that lie beside are made again.

    Raises:
        ValueError, KeyError: The files are of another form.
    """
    heard = read_json(folder / PREPROCESSING)
    if set(heard) - {"stems"} != set(_HEARD):
        raise ValueError(f"{PREPROCESSING} has something else than seconds, hop, windows and stems")
    check_windows(heard)
    settings = EncoderSettings(family=family, name=str(folder), **heard)
    encoder = load_stems(folder, _load_encoder(folder, settings), settings.stems)
    if kind != "classifier":
        return encoder, heads[kind](encoder, labels, load_file(folder / HEAD))
    if encoder.classifier is None or encoder.labels != tuple(labels):
        raise ValueError("the network has no classifier of these labels")
    return encoder, OwnHead(encoder.classifier, len(labels)).eval()


def _load_encoder(folder: Path, settings: EncoderSettings) -> Encoder:
    if settings.family == "mel_cnn":
        return _load_mel_cnn(folder, settings)
    if settings.family == "descriptors":
        return _load_descriptors(folder, settings)
    if settings.family not in _OF_TRANSFORMERS:
        raise ValueError(f"the network's family '{settings.family}' is not known")
    with importing():  # late: transformers takes seconds
        from thawline.bundles.networks.hearing import load_hearing
    return load_hearing(folder, settings)


def _save_mel_cnn(folder: Path, settings: EncoderSettings, encoder: Encoder) -> None:
    state = {name: tensor.contiguous().clone() for name, tensor in encoder.model.state_dict().items()}
    save_file(state, folder / MODEL, metadata=_FORMAT)
    write_json(folder / CONFIG, {"model_type": "mel_cnn", **sizes(settings)})


def _load_descriptors(folder: Path, settings: EncoderSettings) -> Encoder:
    config = read_json(folder / CONFIG)
    if set(config) != {"model_type", "kind"} or config["model_type"] != "descriptors":
        raise ValueError(f"{CONFIG} is not of descriptors")
    settings.name = str(config["kind"])
    return load_descriptors(settings)


def _load_mel_cnn(folder: Path, settings: EncoderSettings) -> Encoder:
    config = dict(read_json(folder / CONFIG))
    if config.pop("model_type") != "mel_cnn":
        raise ValueError(f"{CONFIG} is not of a mel_cnn")
    settings.model_args = config
    encoder = load_mel_cnn(settings)
    encoder.model.load_state_dict(load_weights(folder))
    return encoder
