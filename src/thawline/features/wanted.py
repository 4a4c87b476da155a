"""Which features of photos or tracks a survey is to yield."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

import torch

from thawline.encoders.encoder import Encoder
from thawline.encoders.late import LateEncoder
from thawline.features.kinds import F
from thawline.features.media import Medium
from thawline.features.passes.computing import CPU, Prefix
from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore, Shelf
from thawline.files import JSON

# A guess, not measured: compiling takes as long as a GPU takes for thousands.
_WORTH_COMPILING = 20_000  # samples

Augment = Callable[[torch.Tensor, str, int], torch.Tensor]


@dataclass(frozen=True)
class Target:
    """One shelf that a survey fills, or starts from.

    Attributes:
        shelf: Where the features are kept.
        cut: The border at which they cross; 0: uint8 pixels, {"pixels": [3, size, size]}.
        view: Number of the augmented view; 0 is the plain one.
    """

    shelf: Shelf
    cut: int
    view: int = 0

    @property
    def exact(self) -> bool:
        """Whether what it gives back is what the network gave, bit for bit, so that the network can go on from it."""
        return self.shelf.key.get("dtype") in (None, "float32")


@dataclass(frozen=True)
class Wanted(Generic[F]):
    """Which features a survey is to yield, and how they are computed.

    Attributes:
        targets: Shelves to fill, at least one, no two of them the same.
        prefix: From a border and a higher one (or the same) to the frozen stages between them, on `device` and in eval
            mode. Two of them in a row must give the bits of the one over both, however the tensors lie in memory.
        medium: How a file becomes what enters.
        device: Where the prefixes lie.
        augment: Pixels uint8 [3, size, size], digest and number of the view to the view's pixels; a pure function,
            called from several threads. Needed for views above 0.
        sources: Shelves that are read and never filled: what they hold is not computed on the way to a target.
        compile_above: PyTorch compiles the network for a pass over more samples; None: for none.
        build: Builds the network that the prefixes are of; None if it is there. The main thread calls it before others
            run: two threads that import parts of one library at once can each see the other's half.
    """

    targets: tuple[Target, ...]
    prefix: Callable[[int, int], Prefix]
    medium: Medium[F]
    device: torch.device = CPU
    augment: Augment | None = None
    sources: tuple[Target, ...] = ()
    compile_above: int | None = None
    build: Callable[[], object] | None = None

    def __post_init__(self) -> None:
        """Check what a caller could get wrong."""
        if not self.targets:
            raise ValueError("no targets")
        if len({target.shelf.id for target in self.targets}) < len(self.targets):
            raise ValueError("two targets have one shelf")
        if any(place.view and not place.cut for place in (*self.targets, *self.sources)):
            raise ValueError("the pixels of augmented views are not stored")
        if self.augment is None and any(target.view for target in self.targets):
            raise ValueError("augmented views need `augment`")

    def compiles(self, samples: int) -> bool:
        """Whether PyTorch compiles the network for a pass over so many samples."""
        return self.compile_above is not None and samples > self.compile_above

    def target(self, cut: int, view: int = 0) -> Target:
        """The target of a cut and a view; KeyError if there is none."""
        return {(target.cut, target.view): target for target in self.targets}[cut, view]


def wanted_features(
    encoder: Encoder,
    store: FeatureStore,
    medium: Medium[F],
    *,
    cuts: Sequence[int],
    views: int = 0,
    dtype: str,
    device: torch.device,
    label: str,
    augment: Augment | None = None,
    augmentation: Mapping[str, JSON] | None = None,
    compiled: bool | None = None,
) -> Wanted[F]:
    """An encoder's features at every cut in every view, computed from the highest ones below that are stored already.

    Args:
        encoder: Of images or sound. Its frozen stages move to `device` when they are first needed.
        store: Where the features are kept.
        medium: How a file becomes what enters the encoder.
        cuts: Borders of the encoder, at least one. Pixels, cut 0, are stored plain only: their views cost little.
        views: Number of augmented views besides the plain one.
        dtype: Data type that the features are stored in: "float32", "float16" or "bfloat16".
        device: What computes them.
        label: What to call the encoder on screen.
        augment: See `Wanted`; needed with views.
        augmentation: Everything that decides the pixels of a view besides the photo and the number; needed with views.
        compiled: Whether PyTorch compiles the network, on an NVIDIA or AMD GPU; None: see `compile_above`.
    """
    if views and (augment is None or augmentation is None):
        raise ValueError("views need `augment` and `augmentation`")
    highest = max(cuts)
    entering = medium.key()
    keys = [encoder.key(cut) for cut in range(highest + 1)]

    def places(at: Sequence[int], stored: str) -> list[Target]:
        found = []
        for cut in at:
            for view in range(views + 1 if cut else 1):
                key = shelf_key(
                    keys[cut],
                    entering,
                    cut=cut,
                    dtype=stored,
                    device=device.type,
                    view=view,
                    augmentation=augmentation,
                )
                name = f"{label} at {encoder.borders[cut]}" + (f", view {view}" if view else "")
                found.append(Target(store.shelf(key, name), cut, view))
        return found

    targets = places(sorted(set(cuts)), dtype)
    filled = {target.shelf.id for target in targets}
    others = (place for place in places(range(highest + 1), "float32") if place.shelf.id not in filled)
    return Wanted(
        targets=tuple(targets),
        prefix=lambda start, cut: encoder.prefix(cut, start).to(device),
        medium=medium,
        device=device,
        augment=augment,
        sources=tuple(place for place in others if place.shelf.index.exists()),
        compile_above=compile_above(compiled, encoder.precision, device),
        build=(lambda: encoder.network) if isinstance(encoder, LateEncoder) else None,
    )


def compile_above(compiled: bool | None, precision: torch.dtype, device: torch.device) -> int | None:
    """For passes over how many samples the network is compiled, `Wanted.compile_above`.

    What compiling saves is the way of a result to memory and back between two operations. In float32 that is little
    beside the matrix products, which it leaves as they are; with the half precisions' products it is most of the time.

    Args:
        compiled: What the user wants; None: nothing was said.
        precision: What the network computes in.
        device: What it computes on.
    """
    if device.type != "cuda" or compiled is False:
        return None
    if compiled:
        return 0
    return None if precision == torch.float32 else _WORTH_COMPILING
