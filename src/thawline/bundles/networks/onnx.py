"""A bundle's network as ONNX graphs, checked by onnxruntime against PyTorch."""

import copy
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from thawline.bundles.golden import golden_pixels
from thawline.bundles.heads import ClassHead
from thawline.bundles.manifest import TEXT, VISION
from thawline.bundles.networks.classifier import Classifier
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder, Normalise
from thawline.encoders.towers import ClipTowers, TextTower
from thawline.errors import RunError, UserError
from thawline.fitting.heads.head import PromptHead

TOLERANCE = 1e-3
LOGITS, IMAGE_EMBEDS, TEXT_EMBEDS = "logits", "image_embeds", "text_embeds"
_LARGEST = 2**31 - 2**20  # bytes: a graph is one message of Protocol Buffers, which may not be longer
Array = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]


class Units(nn.Module):
    """What stands in a head's place where an image's features are compared with any text: unit vectors."""

    def __init__(self, projection: nn.Module | None = None) -> None:
        """Take what leads to the space of both; None: the features lie there."""
        super().__init__()
        self.projection = projection or nn.Identity()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to [batch, dim of that space]."""
        return F.normalize(self.projection(features), dim=-1)


class Vision(nn.Module):
    """Normalised pixels to what the head says and, where that compares with classes' texts, to unit embeddings."""

    def __init__(self, classifier: Classifier) -> None:
        """Take a copy of the network without its own normalisation."""
        super().__init__()
        self.stages, self.head = copy.deepcopy(classifier.stages), classifier.head
        for module in list(self.stages.modules()):
            if isinstance(getattr(module, "normalise", None), Normalise):
                module.normalise = nn.Identity()

    def forward(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """[batch, 3, size, size] to logits [batch, classes], embeddings [batch, dim], or both."""
        features = self.stages({"pixels": pixel_values})["features"]
        said = self.head(features)
        return (said, F.normalize(features, dim=-1)) if isinstance(self.head, ClassHead) else (said,)


class Text(nn.Module):
    """Tokens to unit embeddings."""

    def __init__(self, text: Encoder, units: Units) -> None:
        """Take the text encoder, and what follows."""
        super().__init__()
        self.stages, self.units = text.prefix(len(text.stages)), units

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Int64 [batch, length], both, to [batch, dim]."""
        units: torch.Tensor = self.units(
            self.stages({"input_ids": input_ids, "attention_mask": attention_mask})["features"]
        )
        return units


def check_onnx() -> None:
    """Are the libraries there?

    Raises:
        UserError: They are not.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # otherwise its import looks up a host
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"format=onnx needs the package {error.name}, which is not installed; install thawline[onnx]"
        ) from error


def write_vision(folder: Path, classifier: Classifier, how: Preprocessing) -> float:
    """Write `vision.onnx`.

    Returns:
        By how much what the head says differs from PyTorch's on the golden inputs, at most.

    Raises:
        RunError: By more than 0.001 (of the largest, if that is above 1).
    """
    pixels = golden_pixels(how.size)
    values = Normalise(how)(pixels)
    outputs = [IMAGE_EMBEDS] if isinstance(classifier.head, Units) else [LOGITS]
    if isinstance(classifier.head, ClassHead):
        outputs.append(IMAGE_EMBEDS)
    model = Vision(classifier).eval()
    _export(model, {"pixel_values": values}, outputs, [{0: "batch"}], folder / VISION)
    wanted = classifier.logits(pixels)
    said = [_run(folder / VISION, {"pixel_values": part.numpy()})[0] for part in (values[:1], values[1:])]
    return _compared(VISION, np.concatenate(said), wanted)


def write_text(
    folder: Path, towers: ClipTowers | TextTower, texts: Sequence[str], projection: nn.Module | None = None
) -> float:
    """Write `text.onnx`.

    Args:
        folder: Where to.
        towers: What reads texts.
        texts: Some to compare by.
        projection: What leads to the space of images; None: the features lie there.

    Returns:
        By how much its embeddings of `texts` differ from PyTorch's, at most.

    Raises:
        RunError: By more than 0.001.
        UserError: It reads words without tokens.
    """
    said, wanted = _text_graph(folder, towers, texts, Units(projection))
    return _compared(TEXT, said, wanted)


def write_text_of_classes(
    folder: Path, towers: ClipTowers, prompts: Mapping[str, Sequence[str]], head: ClassHead
) -> float:
    """Write `text.onnx`.

    Returns:
        By how much the classes' embeddings made of its own differ from those of `head`, at most.

    Raises:
        RunError: By more than 0.001.
    """
    said, _ = _text_graph(folder, towers, [text for texts in prompts.values() for text in texts], Units())
    of = torch.tensor([number for number, texts in enumerate(prompts.values()) for _ in texts])
    classes = PromptHead({"features": torch.from_numpy(said)}, of, 1.0).class_embeddings()
    return _compared(TEXT, classes.numpy(), head.embeddings.numpy())


@torch.no_grad()
def _text_graph(
    folder: Path, towers: ClipTowers | TextTower, texts: Sequence[str], units: Units
) -> tuple[Array, Array]:
    """Write `text.onnx`: what it says of `texts`, and what PyTorch does, each [texts, dim]."""
    tokens, model = towers.tokenize(list(texts)), Text(towers.text, units).eval()
    if list(tokens) != ["input_ids", "attention_mask"]:
        raise UserError(f"format=onnx: the text encoder {towers.text.family} reads no tokens; leave it out")
    dynamic = {0: "batch", 1: "length"}
    _export(model, tokens, [TEXT_EMBEDS], [dynamic, dynamic], folder / TEXT)
    [said] = _run(folder / TEXT, {name: tensor.numpy() for name, tensor in tokens.items()})
    return said, model(**tokens).numpy()


def _export(
    model: nn.Module,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    dynamic: Sequence[Mapping[int, str]],
    path: Path,
) -> None:
    """Write `model` as one file, without the notes of the exporter, in which the paths of this machine stand."""
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    if sum(tensor.nbytes for tensor in model.state_dict().values()) > _LARGEST:
        raise UserError("the network is too large for one ONNX file (2 GB); leave out format=onnx")
    sizes = {name: torch.export.Dim(name) for name in ("batch", "length")}
    loud = logging.getLogger("torch.onnx")
    level = loud.level
    loud.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model,
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=tuple({axis: sizes[name] for axis, name in each.items()} for each in dynamic),
                dynamo=True,
                verbose=False,
            )
    finally:
        loud.setLevel(level)
    if program is None:
        raise TypeError("the exporter gave no program")
    ClearMetadataAndDocStringPass()(program.model)
    program.save(path, external_data=False)


def _run(path: Path, inputs: Arrays) -> list[Array]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    said: list[Array] = session.run(None, inputs)
    return said


def _compared(name: str, said: Array, wanted: Array) -> float:
    difference = float(np.abs(said - wanted).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        raise RunError(f"{name} differs from the network by {difference:.2g}; nothing was written")
    return difference
