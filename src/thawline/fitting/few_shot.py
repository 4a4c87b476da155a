"""Settings of few-shot methods: what they fit begins at the classes' prompts, and no validation samples are needed."""

import math
from dataclasses import dataclass, field
from importlib.util import find_spec

from omegaconf import MISSING

from thawline.encoders.settings import Gift
from thawline.errors import UserError
from thawline.fitting.settings import CLASSES, GradientSettings, MethodSettings, require_at_least

PER_CLASS, PER_SAMPLE = "per_class", "per_sample"
_MOST_PHOTOS = 16  # of a class: beyond that the paper has no number of steps


@dataclass
class _ProbeSettings(MethodSettings):
    """A method that fits `head=probe`."""

    def __post_init__(self) -> None:
        """Check the head."""
        super().__post_init__()
        if self.head != "probe":
            raise UserError(f"method={self.name} begins at the classes' prompts; use method.head=probe")


@dataclass
class DescentSettings(_ProbeSettings):
    """A probe by gradient descent over all samples, with a momentum of 0.9 and a cosine to nothing.

    Attributes:
        steps: Its steps.
        lr: Its learning rate.
    """

    steps: int = MISSING
    lr: float = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        require_at_least("method.steps", self.steps, 1)
        _require_above_0("method.lr", self.lr)


@dataclass
class ClapSettings(DescentSettings):
    """A linear probe that begins at zero-shot and is drawn back to it, each class as far as zero-shot knows it.

    CLAP (arXiv 2312.12730, section 4), by the authors' defaults.

    Attributes:
        constrained: Whether classes are drawn back; `false` is the paper's ZS-LP.
    """

    fit: str = "clap"
    constrained: bool = True


@dataclass
class WiseFTSettings(DescentSettings):
    """Weights between those of zero-shot and of a probe that began there.

    WiSE-FT of a linear classifier (arXiv 2109.01903, section 4).

    Attributes:
        alpha: How much of the probe, 0 to 1: what to choose from.
        folds: Inner grouped folds by whose log-loss it is chosen.
    """

    fit: str = "wise_ft"
    alpha: list[float] = field(default_factory=list)
    folds: int = 5

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if not self.alpha or not all(0 <= each <= 1 for each in self.alpha):
            raise UserError(f"method.alpha={self.alpha} must list numbers from 0 to 1, 0.5 say")
        require_at_least("method.folds", self.folds, 2)


@dataclass
class TipAdapterSettings(MethodSettings):
    """Zero-shot beside a cache of the training samples, whose keys learn.

    Tip-Adapter-F (arXiv 2111.03930, section 3.2); `epochs=0` is Tip-Adapter.

    Attributes:
        alpha: How much the cache counts: what to choose from.
        beta: How fast that falls with the distance: what to choose from.
        epochs: Steps of AdamW over all samples, with a cosine to nothing.
        lr: Its learning rate.
        folds: Inner grouped folds by whose log-loss alpha and beta are chosen.
    """

    fit: str = "tip_adapter"
    alpha: list[float] = field(default_factory=list)
    beta: list[float] = field(default_factory=list)
    epochs: int = MISSING
    lr: float = MISSING
    folds: int = 5

    def __post_init__(self) -> None:
        """Check the head and the ranges."""
        super().__post_init__()
        if self.head != "cache":
            raise UserError(f"method={self.name} fits a cache beside the classes' prompts; use method.head=cache")
        for key in ("alpha", "beta"):
            values = getattr(self, key)
            if not values or min(values) <= 0:
                raise UserError(f"method.{key}={values} must list at least one number, all above 0")
        require_at_least("method.epochs", self.epochs, 0)
        _require_above_0("method.lr", self.lr)
        require_at_least("method.folds", self.folds, 2)


@dataclass
class SSTextSettings(_ProbeSettings):
    """A class's text and its photos, added up: no training at all.

    SS-Text (arXiv 2506.06076, and of unequal classes arXiv 2506.17500, section 2).

    Attributes:
        text: What a class's text weighs against its photos: `per_class` (one by how many photos the class has),
            `per_sample` (one by how many there are in all), or a number.
    """

    fit: str = "ss_text"
    text: float | int | str = PER_CLASS

    def __post_init__(self) -> None:
        """Check the weight."""
        super().__post_init__()
        if isinstance(self.text, str):
            if self.text not in (PER_CLASS, PER_SAMPLE):
                raise UserError(f"method.text={self.text} is not known; use {PER_CLASS}, {PER_SAMPLE} or a number")
        elif not self.text > 0:
            raise UserError(f"method.text={self.text} must be above 0")


@dataclass
class LoraSettings(GradientSettings):
    """Matrices of low rank beside those of the attention: they alone train, by AdamW and a cosine to nothing.

    CLIP-LoRA (arXiv 2405.18541, section 4), by the authors' defaults. With `head=linear` a new head trains as well.

    Attributes:
        rank: Of what is added to a matrix.
        alpha: It counts alpha / sqrt(rank) times, as in the authors' code.
        dropout: Of what enters it.
        steps: So many for each photo a class that is trained on, of 16 at most, told off in `epochs` epochs; 0: each of
            these goes over the photos once.
        train_text: Whether the blocks of the text encoder have such matrices too.
    """

    fit: str = "lora"
    rank: int = MISSING
    alpha: float = MISSING
    steps: int = MISSING
    patience: int | None = None

    def __post_init__(self) -> None:
        """Check the head, the ranges, and that peft is there."""
        super().__post_init__()
        if self.head not in ("prompts", "linear"):
            raise UserError(f"method.head={self.head} is not for method={self.name}; use prompts or linear")
        require_at_least("method.rank", self.rank, 1)
        require_at_least("method.steps", self.steps, 0)
        _require_above_0("method.alpha", self.alpha)
        if self.penalty is not None:
            raise UserError(
                "method.penalty draws pretrained weights back, which low-rank matrices leave as they are; use null, or "
                "method.weight_decay"
            )
        if find_spec("peft") is None:
            raise UserError(f"method={self.name} needs peft, not installed; run: pip install 'thawline[lora]'")

    @property
    def needs(self) -> tuple[Gift, ...]:
        """Attention that has matrices, besides what the head needs."""
        return (*super().needs, Gift.ATTENTION)

    @property
    def targets(self) -> tuple[str, ...]:
        """One class of a sample."""
        return (CLASSES,)

    @property
    def top_lr(self) -> float:
        """Learning rate of the uppermost matrices: they are as new as a head is."""
        return self.lr if self.body_lr is None else self.body_lr

    def passes(self, samples: int, classes: int) -> int:
        """As often as makes `steps` for each photo a class within all epochs, but at least once."""
        steps = self.steps * min(samples / classes, _MOST_PHOTOS)
        a_pass = math.ceil(samples / (self.batch_size * self.accumulate_grad_batches))
        return max(1, round(steps / (self.epochs * a_pass)))


def _require_above_0(key: str, value: float) -> None:
    if not value > 0:
        raise UserError(f"{key}={value} must be above 0")
