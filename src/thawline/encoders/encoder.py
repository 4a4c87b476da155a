"""A pretrained network as a list of stages that can be cut at any border."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import torch
from torch import nn

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.device import require_precision
from thawline.encoders.digests import StageDigest, sha256_of
from thawline.errors import UserError
from thawline.files import JSON

if TYPE_CHECKING:
    from thawline.encoders.sound.hearing import Hearing  # it reads sound, which networks for photos do without

Features = dict[str, torch.Tensor]


class Stage(nn.Module):
    """One step of a network: named tensors to named tensors, batch first."""

    def forward(self, features: Features) -> Features:
        """Take what enters this stage and give what enters the next."""
        raise NotImplementedError(f"{type(self).__name__} computes nothing")

    def of_first(self, features: Features, count: int) -> Features:
        """What enters the next stage where of its tokens only the first `count` are read; all, where all cost as much.

        Tensors that depend on other tokens are left out.
        """
        leaving: Features = self(features)
        return leaving

    def tokens_read(self, only: str | None) -> int | None:
        """How many of the first tokens that enter this stage decide what leaves it; None: all.

        Args:
            only: The one tensor that is read of what leaves it; None: each.
        """
        return None


class Stages(nn.Module):
    """Stages in a row, in eval mode whatever the parent's: no dropout, and by default no new BatchNorm statistics.

    A tail keeps the pretrained statistics too: a few hundred photos give worse ones, and with them a sample's logits
    would depend on its batch. The scale and shift of a BatchNorm train.
    """

    def __init__(
        self, stages: Sequence[Stage], *, batch_norm: bool = False, sparing: bool = False, only: str | None = None
    ) -> None:
        """Hold the stages.

        Args:
            stages: In the order in which they run.
            batch_norm: Whether BatchNorm follows `train()` and `eval()`, so that its statistics train.
            sparing: Whether a stage computes only the tokens that the next one reads. That rounds in another way.
            only: The one tensor that is read of what leaves the last stage; None: each.
        """
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self._batch_norm = batch_norm
        self._following: list[nn.Module] = []
        # Of each stage, how many tokens the next one reads.
        self._counts = [*(stage.tokens_read(only) if sparing else None for stage in stages[1:]), None]
        self.eval()

    def forward(self, features: Features) -> Features:
        """Named tensors at the lower border to those at the upper one."""
        for stage, count in zip(self.stages, self._counts, strict=False):  # of no stages there is one count
            features = stage(features) if count is None else cast(Stage, stage).of_first(features, count)
        return features

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode: a network left in train mode moves its BatchNorm statistics even when it is frozen."""
        super().train(False)
        for module in self.modules() if self._batch_norm else ():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                # Not `module.train(mode)`: timm's have a dropout within.
                module.training = mode
        for module in self._following:
            module.training = mode
        return self

    def follow(self, dropouts: Sequence[nn.Module]) -> None:
        """Have `dropouts`, of layers that were put beside those of the network, follow `train()` and `eval()`.

        From then on each stage computes all tokens: what computes some of them knows the network's own layers alone.
        """
        self._following = list(dropouts)
        self._counts = [None] * len(self._counts)


class FrozenPrefix(Stages):
    """The stages below a cut. It shares its modules with the encoder, so moving it to a device moves the encoder's."""

    def __init__(self, stages: Sequence[Stage], precision: torch.dtype = torch.float32) -> None:
        """Hold the stages.

        Args:
            stages: In the order in which they run.
            precision: What matrix products and convolutions compute in; what crosses a border is float32 in any case.
        """
        super().__init__(stages)
        self._precision = precision
        self._compiled: list[Any] = []

    # Not inference mode: its tensors could not enter a tail that is trained on them directly.
    @torch.no_grad()
    def forward(self, features: Features) -> Features:
        """Named tensors at the lower border to those at the upper one, without gradients.

        Raises:
            UserError: The device does not compute in that precision, or a number is too large for it.
        """
        stages = self._compiled or self.stages
        if self._precision == torch.float32:
            for stage in stages:
                features = stage(features)
            return features
        device = next(iter(features.values())).device.type
        name = str(self._precision).removeprefix("torch.")
        require_precision(f"encoder.precision={name}", self._precision, device, "encoder.precision=float16")
        with torch.autocast(device, self._precision):
            for stage in stages:
                # At each border, so that features are the same bits whether a border is stored on the way or not.
                features = {name: _single(tensor) for name, tensor in stage(features).items()}
        if self._precision == torch.float16 and not all(tensor.isfinite().all() for tensor in features.values()):
            raise UserError(f"encoder.precision={name}: numbers within the network are too large for it; use float32")
        return features

    def compile_stages(self, **given: Any) -> None:
        """Have PyTorch compile each stage by itself: what crosses a border does not depend on which are stored.

        Where it can't (no C compiler, say) the stage runs as it is. What was compiled is this object's alone.

        Args:
            given: For `torch.compile`.
        """
        if not self._compiled:
            import torch._dynamo  # late: seconds

            torch._dynamo.config.suppress_errors = True
            # Stages of one class share the limit, a network of many kinds of them included.
            how = {"dynamic": False, "recompile_limit": 64, **given}
            self._compiled = [torch.compile(stage, **how) for stage in self.stages]


def _single(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


class Encoder:
    """A pretrained network, cut where it is asked to be.

    The stages hold the modules of `model`, so `model` keeps its own names and can be saved as an ordinary network.
    Its parameters never train: a tail is a copy, and `load_tail` brings a trained copy back.

    Attributes:
        family: What it is: `clip`, `timm:resnet`, …
        modality: `image`, `text` or `audio`.
        model: The library's own network, frozen and in eval mode.
        stages: The network in order; stage i lies between the borders i and i+1.
        borders: Names of the borders, one more than stages; the first is what enters, the last is `features`.
        dim: Width of what leaves the last stage, {"features": [batch, dim]}.
        preprocessing: How a photo becomes what enters; None for text and sound.
        hearing: How a track becomes what enters; None for photos and text.
        labels: What the checkpoint's own classifier tells apart, in its order; None where it has none.
        classifier: The checkpoint's own classifier, frozen: all that leaves the last stage to logits over `labels`.
        new_classifier: Makes a classifier of the same kind, not yet trained, for a number of classes; None where the
            library's class for this network has none.
        architecture: What besides weights decides what the network computes.
        pretrained: Whether the weights are trained ones. If not, a tail trains its BatchNorm statistics in any case.
        licence: Licence of the weights; None if it is not stated.
        precision: What the frozen part's matrix products and convolutions compute in. A tail is float32.
    """

    def __init__(
        self,
        *,
        family: str,
        modality: Literal["image", "text", "audio"],
        model: nn.Module,
        stages: Sequence[Stage],
        borders: Sequence[str],
        dim: int,
        blocks: int,
        architecture: Mapping[str, JSON],
        entry: Mapping[str, JSON] | None = None,
        preprocessing: Preprocessing | None = None,
        projection: bool = False,
        licence: str | None = None,
        hearing: "Hearing | None" = None,
        labels: Sequence[str] | None = None,
        classifier: nn.Module | None = None,
        new_classifier: Callable[[int], nn.Module] | None = None,
        pretrained: bool = True,
        whole: str | None = None,
    ) -> None:
        """Freeze the network and remember its borders.

        Args:
            family: See the class.
            modality: See the class.
            model: See the class.
            stages: See the class.
            borders: See the class.
            dim: See the class.
            blocks: How many blocks or stages `thaw` counts; they follow the first stage. 0: no listed family.
            architecture: See the class.
            entry: What besides the preprocessing decides what enters (a text's tokenizer).
            preprocessing: See the class.
            projection: Whether the last stage is a projection.
            licence: See the class.
            hearing: See the class.
            labels: See the class.
            classifier: See the class.
            new_classifier: See the class.
            pretrained: See the class.
            whole: The setting by which it can't be cut, so that only a head is fitted; None: it can be.
        """
        if len(borders) != len(stages) + 1:
            raise ValueError(f"{len(stages)} stages have {len(stages) + 1} borders, not {len(borders)}")
        self.family = family
        self.modality = modality
        self.model = model.eval().requires_grad_(False)
        self.stages = tuple(stages)
        self.borders = tuple(borders)
        self.dim = dim
        self.preprocessing = preprocessing
        self.licence = licence
        self.hearing = hearing
        self.labels = None if labels is None else tuple(labels)
        self.classifier = None if classifier is None else classifier.eval().requires_grad_(False)
        self.new_classifier = new_classifier
        self.pretrained = pretrained
        self.precision = torch.float32
        self._blocks = blocks
        self.architecture = dict(architecture)
        self._entry = dict(entry or {})
        self._projection = projection
        self._whole = whole
        self._digests: list[Callable[[], str]] = [StageDigest(stage).hex for stage in self.stages]

    @property
    def network(self) -> "Encoder":
        """This encoder, its network in memory."""
        return self

    @property
    def blocks(self) -> int:
        """How many blocks or stages `thaw` counts."""
        return self._blocks

    @property
    def end(self) -> int:
        """The border above the last stage."""
        return len(self.borders) - 1

    def cut_for(self, thaw: int | str) -> int:
        """The border at which `thaw` cuts: `head`, `projection`, `all`, or the number of blocks that train.

        Raises:
            UserError: This network has no such border.
        """
        if thaw == "head":
            return self.end
        if self._whole:
            raise UserError(f"thaw={thaw} can't be used with {self._whole}: only a head is fitted; use thaw=head")
        if thaw == "all":
            return 0
        if thaw == "projection":
            if not self._projection:
                raise UserError(
                    f"thaw=projection: {self.family} has no projection; use thaw=head or a number of blocks"
                )
            return self.end - 1
        if not isinstance(thaw, int) or isinstance(thaw, bool):
            raise UserError(f"thaw={thaw} is not known; use head, projection, all, or a number of blocks")
        if not self._blocks:
            raise UserError(f"thaw={thaw}: {self.family} can't be cut into blocks; use thaw=head or thaw=all")
        if not 1 <= thaw <= self._blocks:
            raise UserError(f"thaw={thaw}: {self.family} has {self._blocks} blocks; use 1 to {self._blocks}, or all")
        return 1 + self._blocks - thaw

    def prefix(self, cut: int, start: int = 0) -> FrozenPrefix:
        """The frozen part from border `start`, where a lower cut is stored already, to border `cut`."""
        return FrozenPrefix(self.stages[start:cut], self.precision)

    def tail(self, cut: int, *, batch_norm: bool = False, only: str | None = None) -> Stages:
        """A copy of the part above `cut` whose parameters train. It lies on the CPU, wherever the network is.

        Its last block computes nothing for tokens that nobody reads, such as all but a ViT's class token.

        Args:
            cut: The border that it begins at.
            batch_norm: Whether the statistics of its BatchNorm train as well. In train mode a sample's features then
                depend on its batch, and PyTorch refuses a batch that has one value a channel.
            only: The one tensor that is read of what leaves it; None: each.
        """
        batch_norm = batch_norm or not self.pretrained
        stages = Stages(self._above(cut), batch_norm=batch_norm, sparing=True, only=only)
        return copy.deepcopy(stages).cpu().requires_grad_(True)

    def names(self, cut: int) -> dict[str, str]:
        """For each name in the state-dict of `tail(cut)`, the name of the same tensor in that of `model`."""
        own = {id(tensor): name for name, tensor in self.model.state_dict(keep_vars=True).items()}
        tail = Stages(self.stages[cut:]).state_dict(keep_vars=True)
        return {name: own[id(tensor)] for name, tensor in tail.items()}

    def load_tail(self, cut: int, state: Mapping[str, torch.Tensor]) -> None:
        """Put a trained tail, the state-dict of a `tail(cut)`, into the network; `model` is then the joined one.

        This alone changes the network, for everyone who holds it: take one from `load(settings, fresh=True)`.

        Raises:
            ValueError: `state` is of another cut or another network.
        """
        tail = Stages(self.stages[cut:])
        if set(state) != set(tail.state_dict()):
            odd = sorted(set(state) ^ set(tail.state_dict()))[0]
            raise ValueError(f"not the tail of {self.family} above {self.borders[cut]}: {odd} is on one side only")
        tail.load_state_dict(state)

    def key(self, cut: int) -> dict[str, JSON]:
        """What decides the features at `cut` besides pixels: architecture, versions, precision, weights below."""
        if cut == 0:
            return {"family": self.modality, **self._entry}
        # Each stage is digested once, not once for every cut above it.
        weights = self.digest(cut)
        key = {"family": self.family, **self._entry, **self.architecture, "weights": weights}
        return key if self.precision == torch.float32 else {**key, "precision": str(self.precision)}

    def digest(self, cut: int | None = None) -> str:
        """sha256 over the weights below `cut`; of all stages if left out."""
        return sha256_of([digest() for digest in self._digests[:cut]])

    def about(self) -> dict[str, JSON]:
        """All that is to be known of it without its network, as plain JSON; see `encoders.late`."""
        hearing = self.hearing
        last: dict[str, JSON] = {**self.names(self.end - 1)} if self._projection else {}
        return {
            "family": self.family,
            "modality": self.modality,
            "borders": list(self.borders),
            "dim": self.dim,
            "blocks": self._blocks,
            "projection": self._projection,
            "whole": self._whole,
            "architecture": self.architecture,
            "entry": self._entry,
            "preprocessing": None if self.preprocessing is None else asdict(self.preprocessing),
            "windowing": None if hearing is None else asdict(hearing.windowing),
            "front": None if hearing is None else dict(hearing.front_key),
            "labels": None if self.labels is None else list(self.labels),
            "pretrained": self.pretrained,
            "licence": self.licence,
            "precision": str(self.precision).removeprefix("torch."),
            "digests": [digest() for digest in self._digests],
            "last": last,
        }

    def _above(self, cut: int) -> Sequence[Stage]:
        """The stages above `cut`."""
        return self.stages[cut:]


class Normalise(nn.Module):
    """uint8 pixels [batch, 3, height, width] to standardised ones."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        # Not saved: a tail's state-dict has the model's own tensors and nothing else. the digest sees them.
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(preprocessing.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The same arithmetic as torchvision's: scale to 0..1, subtract, divide."""
        return (pixels.float() / 255 - self.mean) / self.std
