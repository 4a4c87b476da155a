"""Writing a bundle: complete or absent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.bundles.card import model_card
from thawline.bundles.golden import golden_json, golden_pixels
from thawline.bundles.heads import ClassHead, fold, save_head
from thawline.bundles.join import Joined, Tuned, join
from thawline.bundles.manifest import (
    CARD,
    DECISION,
    GOLDEN,
    PREPROCESSING,
    TEXT,
    VISION,
    is_bundle,
    seal,
    verify,
)
from thawline.bundles.network import Classifier, load_classifier, preprocessing_json
from thawline.bundles.networks import save_network
from thawline.bundles.photos import Known, look
from thawline.bundles.trained import Trained, write_trained
from thawline.encoders.settings import EncoderSettings
from thawline.errors import RunError, UserError
from thawline.files import write_folder, write_json, write_text
from thawline.fitting.heads.head import DenseHead

CPU = torch.device("cpu")
_ONNX = ("onnx", "onnxruntime", "onnxscript")
LIBRARIES = ("thawline", "torch", "torchvision", "transformers", "timm", "safetensors", "pillow", "numpy")
# Logits of the joined network may differ by this share of the largest from those of the parts.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Extras:
    """What a bundle is given besides the model.

    Attributes:
        photos: Photos of the run's own, some of which it was judged by.
        tolerance: By how much the bundle's probabilities of these may differ from the run's.
        facts: What the manifest says of the run.
        notes: Sentences for the card.
        onnx: Whether ONNX graphs are written too.
        trained: What the model was trained on; None: it is not known.
    """

    photos: Sequence[Known]
    tolerance: float
    facts: Mapping[str, Any]
    notes: Sequence[str] = ()
    onnx: bool = False
    trained: Trained | None = None


def write_bundle(target: Path, tuned: Tuned, extras: Extras) -> dict[str, Any]:
    """Write `tuned` as a bundle into the directory `target`, which an older bundle may hold.

    Returns:
        The manifest.

    Raises:
        UserError: `target` holds something else, or the pretrained weights are not on this machine.
        RunError: What was written does not compute what the run did.
    """
    check_target(target)
    write_folder(target, lambda folder: _fill(folder, tuned, extras))
    return verify(target)


def check_target(target: Path) -> None:
    """May a bundle be written to `target`?

    Raises:
        UserError: Something else than a bundle is there.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UserError(f"{target} is no directory; name another one for the bundle")
    if target.is_dir() and any(target.iterdir()) and not is_bundle(target):
        raise UserError(f"{target} holds something else than a bundle; name an empty or a new directory")


def _fill(folder: Path, tuned: Tuned, extras: Extras) -> None:
    joined = join(tuned)
    decision = _decision(tuned, _save(folder, tuned, joined))
    write_json(folder / DECISION, decision)
    try:
        classifier = load_classifier(folder, decision, CPU)
    except (ValueError, TypeError) as error:
        raise UserError(f"this encoder can't be exported: {str(error).splitlines()[0]}") from error
    size = joined.preprocessing.size
    logits = classifier.logits(golden_pixels(size))
    difference = _compare(joined, logits)
    seen = look(classifier, joined.preprocessing, extras.photos, tuned.classes, extras.tolerance)
    write_json(folder / GOLDEN, golden_json(size, logits, seen.golden))
    facts = {
        **extras.facts,
        "base": base_facts(tuned.encoder),
        "versions": {name: version(name) for name in (*LIBRARIES, *(_ONNX if extras.onnx else ()))},
        "largest_difference": {"joined_logits": difference, **seen.differences()},
    }
    if extras.onnx:
        facts["largest_difference"] |= _write_onnx(folder, joined, classifier, tuned.prompts)
    if extras.trained is not None:
        write_trained(folder, extras.trained)
    write_text(folder / CARD, model_card(decision, facts, [*extras.notes, *seen.notes()]))
    seal(folder, facts)


def _save(folder: Path, tuned: Tuned, joined: Joined) -> str:
    """Write the network, its head and its preprocessing; the kind of head that lies there now."""
    head = joined.head
    dense = isinstance(head, DenseHead)
    linear = fold(head) if isinstance(head, DenseHead) and isinstance(head.layers, nn.Linear) else None
    inside = save_network(folder, tuned.encoder, joined.image, linear, tuned.classes)
    if not inside:
        save_head(folder, head)
    write_json(folder / PREPROCESSING, preprocessing_json(joined.preprocessing))
    return "classifier" if inside else "dense" if dense else "prompts"


def _compare(joined: Joined, logits: NDArray[np.float32]) -> float:
    """By how much what was written differs from its parts in memory, which it may hardly do."""
    plain = Classifier(joined.image.prefix(len(joined.image.stages)), joined.head, CPU)
    wanted = plain.logits(golden_pixels(joined.preprocessing.size))
    difference = float(np.abs(logits - wanted).max())
    if not difference <= _ROUNDING * max(1.0, float(np.abs(wanted).max())):
        raise RunError(f"the joined network's logits differ from those of its parts by {difference:.2g}; not written")
    return difference


def _write_onnx(
    folder: Path, joined: Joined, classifier: Classifier, prompts: Mapping[str, Sequence[str]] | None
) -> dict[str, float]:
    from thawline.bundles.onnx import write_text_graph, write_vision  # late: an extra that few install

    differences = {VISION: write_vision(folder, classifier, joined.preprocessing)}
    if isinstance(classifier.head, ClassHead) and joined.towers is not None and prompts is not None:
        differences[TEXT] = write_text_graph(folder, joined.towers, prompts, classifier.head)
    return differences


def _decision(tuned: Tuned, kind: str) -> dict[str, Any]:
    return {
        "task": tuned.task,
        "family": tuned.encoder.family,
        "head": kind,
        "labels": list(tuned.classes),
        "prompts": None if tuned.prompts is None else {name: list(each) for name, each in tuned.prompts.items()},
        "temperature": tuned.temperature.to_json(),
        "thresholds": None,
    }


def base_facts(settings: EncoderSettings) -> dict[str, Any]:
    """What the network was before; of a local path only the last part, since the rest is the user's own."""
    name = settings.weights or settings.name
    local = bool(settings.weights) or Path(name).expanduser().exists()
    return {
        "name": Path(name).name if local else name,
        "family": settings.family,
        "model": settings.model,
        "revision": settings.revision,
        "licence": settings.licence,
    }
