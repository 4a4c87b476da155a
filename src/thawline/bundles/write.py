"""Writing a bundle, of whatever task: complete or absent, and only where it says what its run did."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.bundles.manifest import CARD, DECISION, GOLDEN, is_bundle, seal, verify
from thawline.bundles.trained import Trained, write_trained
from thawline.decisions.temperature import Temperature
from thawline.encoders.settings import EncoderSettings
from thawline.errors import RunError, UserError
from thawline.files import digest_of, write_folder, write_json, write_text

CPU = torch.device("cpu")
LIBRARIES = ("thawline", "torch", "torchvision", "transformers", "timm", "safetensors", "pillow", "numpy")
_ONNX = ("onnx", "onnxruntime", "onnxscript")
# Logits of the joined network may differ by this share of the largest from those of the parts.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class KnownFile:
    """A file of the run's own; tasks that are asked about more than a file add to it.

    Attributes:
        path: Where it was.
        digest: sha256 of the file's bytes, hex.
        said: The exported fit's own probabilities of it, [classes]; None where it was not judged by that fit.
    """

    path: Path
    digest: str
    said: NDArray[np.float32] | None


@dataclass(frozen=True)
class Extras:
    """What a bundle is given besides the model.

    Attributes:
        known: Samples of the run's own, some of which it was judged by.
        tolerance: By how much the bundle's probabilities of these may differ from the run's.
        facts: What the manifest says of the run.
        notes: Sentences for the card.
        onnx: Whether ONNX graphs are written too.
        trained: What the model was trained on; None: it is not known.
    """

    known: Sequence[KnownFile]
    tolerance: float
    facts: Mapping[str, Any]
    notes: Sequence[str] = ()
    onnx: bool = False
    trained: Trained | None = None


@dataclass(frozen=True)
class BundleChecks:
    """What a bundle said when it was asked.

    Attributes:
        golden: What `golden.json` holds.
        differences: By how much it differs from what it was written from, at most, by what was compared.
        notes: Sentences for the card.
        base: What the manifest says of the pretrained network, besides what `base_facts` does.
        libraries: What it computes with besides `LIBRARIES`.
    """

    golden: Mapping[str, Any]
    differences: Mapping[str, float | None]
    notes: Sequence[str] = ()
    base: Mapping[str, Any] = field(default_factory=dict)
    libraries: Sequence[str] = ()


class Tuned(Protocol):
    """What a run fitted: what a task gives to be written."""

    @property
    def encoder(self) -> EncoderSettings:
        """The settings of the pretrained network."""

    @property
    def temperature(self) -> Temperature:
        """Fitted beforehand."""

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the network with all that it needs into `folder`: what `decision.json` is to hold."""

    @property
    def load(self) -> Callable[[Path, dict[str, Any], dict[str, Any], torch.device], Any]:
        """What reads the bundle that was saved, as for a service."""

    def ask(self, bundle: Any, known: Sequence[Any], tolerance: float) -> BundleChecks:
        """Ask `bundle` about inputs that anyone can make, and about `known`, which are still what they were.

        Raises:
            RunError: It does not compute what the run did.
        """

    def graphs(self, folder: Path, bundle: Any) -> dict[str, float]:
        """Write the ONNX graphs of `bundle` into `folder`: by how much each differs from it. Not of sound."""

    @property
    def card(self) -> Callable[[Mapping[str, Any], Mapping[str, Any], Sequence[str]], str]:
        """What writes the card by `decision.json`, what the manifest says, and sentences beside."""


def write_bundle(target: Path, tuned: Tuned, extras: Extras) -> dict[str, Any]:
    """Write `tuned` as a bundle into the directory `target`, which an older bundle may hold.

    Returns:
        The manifest.

    Raises:
        UserError: `target` holds something else, the pretrained weights are not on this machine, or can't be exported.
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
    decision = tuned.save(folder)
    write_json(folder / DECISION, decision)
    try:
        bundle = tuned.load(folder, {}, decision, CPU)
    except (ValueError, TypeError) as error:
        raise UserError(f"this encoder can't be exported: {str(error).splitlines()[0]}") from error
    asked = tuned.ask(bundle, [known for known in extras.known if is_unchanged(known)], extras.tolerance)
    write_json(folder / GOLDEN, asked.golden)
    graphs = tuned.graphs(folder, bundle) if extras.onnx else {}
    facts = {
        **extras.facts,
        "base": {**base_facts(tuned.encoder), **asked.base},
        "versions": versions(*asked.libraries, *(_ONNX if extras.onnx else ())),
        "largest_difference": {**asked.differences, **graphs},
    }
    if extras.trained is not None:
        write_trained(folder, extras.trained)
    write_text(folder / CARD, tuned.card(decision, facts, [*extras.notes, *asked.notes]))
    seal(folder, facts)


def is_unchanged(known: KnownFile) -> bool:
    """Whether the file is still there, and what it was."""
    try:
        return digest_of(known.path) == known.digest
    except OSError:
        return False


def furthest(
    said: Iterable[tuple[KnownFile, NDArray[np.float32]]], classes: Sequence[str], tolerance: float
) -> float | None:
    """By how much what a bundle `said` of samples differs from what the run said, at most; None: there is nothing.

    Raises:
        RunError: By more than `tolerance`; the most probable of `classes` that each names is told.
    """
    largest = None
    for known, bundle in said:
        if known.said is None:
            continue
        difference = float(np.abs(bundle - known.said).max())
        if not difference <= tolerance:
            run, here = (f"{classes[int(each.argmax())]} with {each.max():.4f}" for each in (known.said, bundle))
            raise RunError(
                f"of {known.path} the run said {run}, and the bundle {here}; nothing was written (were the encoder's "
                "weights or this program changed since?)"
            )
        largest = max(largest or 0.0, difference)
    return largest


def joined_difference(written: NDArray[np.float32], parts: NDArray[np.float32]) -> float:
    """By how much logits of what was written differ from those of its parts in memory, which they may hardly do.

    Raises:
        RunError: They do.
    """
    difference = float(np.abs(written - parts).max())
    if not difference <= _ROUNDING * max(1.0, float(np.abs(parts).max())):
        raise RunError(f"the joined network's logits differ from those of its parts by {difference:.2g}; not written")
    return difference


def versions(*more: str) -> dict[str, str]:
    """The versions of what bundles compute with, `more` among it."""
    return {name: version(name) for name in (*LIBRARIES, *more)}


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
