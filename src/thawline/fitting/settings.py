"""Settings of methods and of the Trainer, typed, so that an unknown key or a wrong type is refused."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from thawline.encoders.settings import Gift
from thawline.errors import UserError
from thawline.fitting.named.optimisers import ADAMW, check_optimiser
from thawline.plugins import added

# The heads, and what each needs of an encoder.
_NEEDS: dict[str, tuple[Gift, ...]] = {
    "prompts": (Gift.TEXT,),
    "probe": (Gift.TEXT,),
    "cache": (Gift.TEXT,),
    "linear": (),
    "mlp": (),
    "pairs": (),
    "own": (Gift.SOUND, Gift.LAYERS),
    "layers": (Gift.SOUND, Gift.LAYERS),
    "trees": (Gift.SOUND,),
    "rules": (Gift.SOUND, Gift.DESCRIPTORS),
    "hints": (Gift.SOUND,),
}
# Those that a method of an installed package can fit.
_FOR_ADDED = ("linear", "probe")
# What is told of a sample: one of several classes, several labels at once, a score, or whether two things match.
CLASSES, TAGS, SCORES, PAIRS = "classes", "tags", "scores", "pairs"
CLASS_LOSSES = ("cross_entropy", "contrastive")
SCORE_LOSSES = ("mse", "huber", "ordinal")
PAIR_LOSSES = ("sigmoid", "siglip", "infonce", "triplet")


@dataclass
class MethodSettings:
    """What every method states.

    Attributes:
        name: The method's name in reports.
        head: `prompts` (cosine to the classes' prompts; needs an encoder with text), `probe` (linear on unit features,
            begins at these prompts), `cache` (of samples, beside the prompts), `linear`, `mlp`, `pairs` (cosine of an
            image and a text), or of sound: `own` (that of the network's own class), `layers` (pools over all layers),
            `trees`, `rules` (a table of rules over descriptors), `hints`.
        fit: How the tail is fitted: `nothing`, `rules`, `closed_form`, `gaussian`, `ridge`, `clap`, `ss_text`,
            `tip_adapter`, `wise_ft`, `trees`, `gradient` or `lora`, or the name of a package's method; fixed by the
            method's schema.
    """

    name: str = MISSING
    head: str = MISSING
    fit: str = MISSING

    def __post_init__(self) -> None:
        """Check what does not depend on the encoder."""
        require_one_of("method.head", self.head, _FOR_ADDED if self.fit in added("methods") else tuple(_NEEDS))

    @property
    def needs(self) -> tuple[Gift, ...]:
        """What it needs of an encoder."""
        return _NEEDS[self.head]

    @property
    def targets(self) -> tuple[str, ...]:
        """What it can tell of a sample."""
        return (CLASSES,)

    @property
    def holds_out(self) -> bool:
        """Whether it keeps inner samples out of its training, and chooses by them."""
        return False


@dataclass
class ZeroShotSettings(MethodSettings):
    """The classes' prompts and nothing fitted (CLIP, arXiv 2103.00020, section 3.1)."""

    fit: str = "nothing"

    @property
    def targets(self) -> tuple[str, ...]:
        """Classes by their prompts, pairs by their texts."""
        return (CLASSES, PAIRS)


@dataclass
class LogisticSettings(MethodSettings):
    """Logistic regression on the features, in closed form (L-BFGS): multinomial, or of each of several classes.

    Attributes:
        c: Inverse strengths of the L2 penalty to choose from; features are scaled to unit variance on average.
        folds: Inner grouped folds by whose log-loss `c` is chosen.
    """

    fit: str = "closed_form"
    c: list[float] = field(default_factory=list)
    folds: int = 5

    @property
    def targets(self) -> tuple[str, ...]:
        """One class of a sample, or several."""
        return (CLASSES, TAGS)

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if self.head != "linear":
            raise UserError(f"method.head={self.head} is not what logistic regression fits; use linear")
        if not self.c or min(self.c) <= 0:
            raise UserError(f"method.c={self.c} must list at least one number, all above 0")
        require_at_least("method.folds", self.folds, 2)


@dataclass
class GaussianSettings(MethodSettings):
    """Gaussian discriminant analysis with one covariance for all classes: a linear head in closed form.

    With `head=probe` its logits on unit features are added to those of zero-shot (arXiv 2402.04087, section 3.2).

    Attributes:
        shrinkage: How far the covariance is drawn to one that is the same in all directions, above 0 and at most 1:
            what to choose from.
        folds: Inner grouped folds by whose log-loss it is chosen, and how large the logits are.
    """

    fit: str = "gaussian"
    shrinkage: list[float] = field(default_factory=list)
    folds: int = 5

    def __post_init__(self) -> None:
        """Check the range."""
        super().__post_init__()
        if self.head not in ("linear", "probe"):
            raise UserError(
                f"method.head={self.head} is not linear, as Gaussians with one covariance are; use linear, or probe "
                "to begin at zero-shot"
            )
        if not self.shrinkage or not all(0 < each <= 1 for each in self.shrinkage):
            raise UserError(f"method.shrinkage={self.shrinkage} must list numbers above 0 and at most 1, 0.9 say")
        require_at_least("method.folds", self.folds, 2)


@dataclass
class RulesSettings(MethodSettings):
    """A table of rules over descriptors, and nothing fitted."""

    fit: str = "rules"


@dataclass
class GradientSettings(MethodSettings):
    """Gradient descent over exactly the trainable parameters.

    Attributes:
        loss: `cross_entropy` over the logits, or `contrastive` (pairs of the batch, same-class pairs positive); of
            scores `mse` (mean squared error), `huber`, which counts those that are far off less, or `ordinal` (ordered
            answers, CORAL); with `head=pairs` one of `sigmoid`, `siglip`, `infonce` and `triplet`. Null:
            `cross_entropy`, of scores `mse`.
        epochs: At most this many; fewer when `patience` ends it.
        batch_size: Samples a step.
        lr: Learning rate of a new head, and of all that trains where no head is new (`head=prompts`).
        body_lr: Learning rate of the uppermost pretrained stage, under a new head; null: a tenth of `lr`, with
            `head=pairs` `lr`.
        layer_decay: Each pretrained stage further down learns this many times as fast as the one above it
            (ULMFiT, arXiv 1801.06146, section 3.2; BEiT, arXiv 2106.08254, appendix H).
        warmup: Epochs over which the learning rates rise from nothing, evenly by step.
        schedule: `constant`, or `cosine`: falling to nothing at the end of `epochs` (SGDR, arXiv 1608.03983).
        label_smoothing: Share of each target that is spread over all classes (arXiv 1512.00567, section 7); scores have
            none, and it does nothing.
        class_weights: `balanced` weighs each class by the inverse of its number of training samples; null: none.
        batch_norm: `frozen` keeps the pretrained statistics of thawed stages; `train` lets them follow the batches.
        optimiser: Its name: PyTorch's or timm's, see `fitting.named.optimisers`.
        optimiser_settings: What it takes besides the learning rate and the weight decay, `momentum` say.
        weight_decay: Decoupled from the gradient where the optimiser decouples it, as AdamW does.
        gradient_clip_val: The gradient's greatest norm, or value, in a step (arXiv 1211.5063, section 3.2); null: any.
        gradient_clip_algorithm: Of which of the two that is: `norm` over all parameters, or `value` of each number.
        accumulate_grad_batches: Batches whose mean gradient makes one step; an epoch's last step has what is left.
        penalty: λ of λ‖W−W₀‖² toward the start; `per_class`: 1/N with N photos a class (ProLIP, arXiv 2410.05270);
            null: none.
        train_text: With `head=prompts`: also train the text projection.
        patience: Epochs without a better inner loss before it stops; the best epoch is kept. Null: no inner samples are
            held out, it trains to the end, and the last epoch is kept.
        hidden: Width of the hidden layer of `head=mlp` and `layers`, where 0 is none; with `head=pairs` of the space
            that two encoders are brought to that share none.
        dropout: Dropout before the last layer of `head=mlp`.
    """

    fit: str = "gradient"
    loss: str | None = None
    epochs: int = MISSING
    batch_size: int = MISSING
    lr: float = MISSING
    body_lr: float | None = None
    layer_decay: float = 1.0
    warmup: float = 0.0
    schedule: str = "constant"
    label_smoothing: float = 0.0
    class_weights: str | None = None
    batch_norm: str = "frozen"
    optimiser: str = ADAMW
    optimiser_settings: dict[str, Any] = field(default_factory=dict)
    weight_decay: float = 0.0
    gradient_clip_val: float | None = None
    gradient_clip_algorithm: str = "norm"
    accumulate_grad_batches: int = 1
    penalty: float | int | str | None = None
    train_text: bool = False
    patience: int | None = MISSING
    hidden: int = 256
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if self.head in ("probe", "cache"):
            raise UserError(f"method.head={self.head} is not for method={self.name}; use linear, mlp or prompts")
        if self.loss is not None:
            losses = PAIR_LOSSES if self.head == "pairs" else (*CLASS_LOSSES, *SCORE_LOSSES)
            require_one_of("method.loss", self.loss, losses)
        elif self.head == "pairs":
            raise UserError(f"method.loss=null says nothing of pairs; use one of {', '.join(PAIR_LOSSES)}")
        for key in ("epochs", "batch_size"):
            require_at_least(f"method.{key}", getattr(self, key), 1)
        if self.patience is not None:
            require_at_least("method.patience", self.patience, 1)
        require_at_least("method.hidden", self.hidden, 0 if self.head == "layers" else 1)
        require_at_least("method.weight_decay", self.weight_decay, 0)
        self._check_course()
        self._check_step()
        self._check_loss()

    @property
    def targets(self) -> tuple[str, ...]:
        """Pairs by a head for pairs, classes by prompts; otherwise classes, several labels at once, or scores."""
        if self.head in ("pairs", "prompts"):
            return (PAIRS,) if self.head == "pairs" else (CLASSES,)
        if self.loss is not None:
            return (SCORES,) if self.loss in SCORE_LOSSES else (CLASSES, TAGS)
        return (CLASSES, TAGS, SCORES) if self.head in ("linear", "mlp") else (CLASSES, TAGS)

    @property
    def holds_out(self) -> bool:
        """Whether early stopping and the best epoch have inner samples to go by."""
        return self.patience is not None

    def passes(self, samples: int, classes: int) -> int:
        """How often an epoch goes over the training samples, of which there are so many, of so many classes."""
        return 1

    @property
    def top_lr(self) -> float:
        """Learning rate of the uppermost pretrained stage."""
        if self.head == "prompts" or (self.head == "pairs" and self.body_lr is None):
            return self.lr
        return self.lr / 10 if self.body_lr is None else self.body_lr

    def _check_course(self) -> None:
        """Check the learning rates and their course."""
        if not self.lr > 0:
            raise UserError(f"method.lr={self.lr} must be above 0")
        if self.body_lr is not None:
            if self.head == "prompts":
                raise UserError("method.body_lr is for a new head above pretrained stages; with prompts use method.lr")
            require_at_least("method.body_lr", self.body_lr, 0)
        if not 0 < self.layer_decay <= 1:
            raise UserError(f"method.layer_decay={self.layer_decay} must be above 0 and at most 1")
        require_one_of("method.schedule", self.schedule, ("constant", "cosine"))
        if not 0 <= self.warmup < self.epochs:
            raise UserError(f"method.warmup={self.warmup} must be at least 0 and less than method.epochs={self.epochs}")
        require_one_of("method.batch_norm", self.batch_norm, ("frozen", "train"))

    def _check_step(self) -> None:
        """Check what is made of a gradient."""
        check_optimiser(self.optimiser, self.optimiser_settings)
        if self.gradient_clip_val is not None and not self.gradient_clip_val > 0:
            raise UserError(f"method.gradient_clip_val={self.gradient_clip_val} must be above 0; null clips nothing")
        require_one_of("method.gradient_clip_algorithm", self.gradient_clip_algorithm, ("norm", "value"))
        require_at_least("method.accumulate_grad_batches", self.accumulate_grad_batches, 1)

    def _check_loss(self) -> None:
        """Check what the loss is made of, and the head it is for."""
        if isinstance(self.penalty, str) and self.penalty != "per_class":
            raise UserError(f"method.penalty={self.penalty} is not known; use a number, per_class or null")
        if isinstance(self.penalty, float | int):
            require_at_least("method.penalty", self.penalty, 0)
        if not 0 <= self.dropout < 1:
            raise UserError(f"method.dropout={self.dropout} must be at least 0 and below 1")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(f"method.label_smoothing={self.label_smoothing} must be at least 0 and below 1")
        if self.class_weights not in (None, "balanced"):
            raise UserError(f"method.class_weights={self.class_weights} is not known; use balanced or null")
        if self.loss not in (None, "cross_entropy") and (self.label_smoothing or self.class_weights):
            raise UserError("method.label_smoothing and class_weights are for method.loss=cross_entropy")
        if self.loss in SCORE_LOSSES and self.head not in ("linear", "mlp"):
            raise UserError(f"method.loss={self.loss} is for scores, by a new head; use method.head=linear or mlp")
        if self.head != "prompts" and (self.loss == "contrastive" or self.train_text):
            raise UserError(
                f"method.loss=contrastive and method.train_text=true need method.head=prompts, not {self.head}"
            )


@dataclass
class TrainerSettings:
    """What the run computes on.

    Attributes:
        accelerator: `auto` (a GPU when there is one), `cpu`, `gpu` or `mps`.
        precision: `32-true`, `bf16-mixed` or `16-mixed` (for a GPU that has no bfloat16), of the tail's training.
        threads: Threads of the tail's arithmetic on the CPU; null: one for a tail of less than a million parameters,
            which gains little by more and is slowed several times by a busy neighbour; for a larger one as many as
            PyTorch takes (OMP_NUM_THREADS, or the cores).
        devices: Devices of one run; more than one means DDP, each process with its share of the batches.
        workers: Loader processes that augment stored pixels ahead; only for `thaw=all`.
        save_models: Whether the model of each epoch, of the best and of the last one is written in `transformers`
            format (of pairs): `checkpoint_epoch_N/`, `best_model/`, `final_model/`.
        checkpoint_every: Steps between checkpoints within an epoch; each epoch ends with one too. Null: one a minute,
            but none for a new head or projection that is fitted without a Trainer.
        compile: Whether PyTorch compiles the frozen part for a feature pass on an NVIDIA or AMD GPU; null: for one
            over more than 20,000 files in `encoder.precision=bfloat16` or `float16`. Never on the CPU.
        launched: Whether torchrun or SLURM started the processes that train together, as many as there are devices on
            any number of machines (`trainer=ddp`).
    """

    accelerator: str = MISSING
    precision: str = "32-true"
    threads: int | None = None
    devices: int = 1
    workers: int = 0
    checkpoint_every: int | None = None
    save_models: bool = False
    compile: bool | None = None
    launched: bool = False

    @property
    def several(self) -> bool:
        """Whether several processes train together."""
        return self.devices > 1 or self.launched

    def __post_init__(self) -> None:
        """Check the names."""
        require_one_of("trainer.accelerator", self.accelerator, ("auto", "cpu", "gpu", "mps"))
        require_one_of("trainer.precision", self.precision, ("32-true", "bf16-mixed", "16-mixed"))
        if self.threads is not None:
            require_at_least("trainer.threads", self.threads, 1)
        require_at_least("trainer.devices", self.devices, 1)
        if self.launched and self.devices > 1:
            raise UserError(
                f"trainer.devices={self.devices} can't be used with trainer=ddp: torchrun or srun says how many "
                "processes there are; leave it out"
            )
        require_at_least("trainer.workers", self.workers, 0)
        if self.checkpoint_every is not None:
            require_at_least("trainer.checkpoint_every", self.checkpoint_every, 1)


@dataclass
class DebugSettings:
    """How a run is looked into. What it then says of the photos is no result.

    Attributes:
        name: The profile's name.
        epochs: At most this many; null: the method's.
        limit_batches: At most this many batches an epoch, of training and of choosing; null: all.
        overfit: Train and choose on one and the same first batch: the loss must go to nothing.
        profiler: `simple` or `advanced`, Lightning's, written to the run directory; null: none.
        anomaly: Find the operation that made a gradient NaN (slow).
    """

    name: str = "none"
    epochs: int | None = None
    limit_batches: int | None = None
    overfit: bool = False
    profiler: str | None = None
    anomaly: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.epochs is not None:
            require_at_least("debug.epochs", self.epochs, 1)
        if self.limit_batches is not None:
            require_at_least("debug.limit_batches", self.limit_batches, 1)
        if self.profiler not in (None, "simple", "advanced"):
            raise UserError(f"debug.profiler={self.profiler} is not known; use simple, advanced or null")


def require_one_of(key: str, value: str, names: tuple[str, ...]) -> None:
    """Is `value` of the setting `key` one of `names`? Raises UserError where not."""
    if value not in names:
        raise UserError(f"{key}={value} is not known; use one of {', '.join(names)}")


def require_at_least(key: str, value: float, least: float) -> None:
    """Is `value` of the setting `key` so large? Raises UserError where not."""
    if not value >= least:
        raise UserError(f"{key}={value} must be at least {least}")
