"""Settings of methods and of the Trainer, typed, so that an unknown key or a wrong type is refused."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from thawline.errors import UserError


@dataclass
class MethodSettings:
    """What every method states.

    Attributes:
        name: The method's name in reports.
        head: `prompts` (cosine to the classes' prompts; needs an encoder with text), `linear` or `mlp`.
        fit: How the tail is fitted: `nothing`, `closed_form` or `gradient`; fixed by the method's schema.
    """

    name: str = MISSING
    head: str = MISSING
    fit: str = MISSING

    def __post_init__(self) -> None:
        """Check what does not depend on the encoder."""
        _require_one_of("method.head", self.head, ("prompts", "linear", "mlp"))


@dataclass
class ZeroShotSettings(MethodSettings):
    """The classes' prompts and nothing fitted (CLIP, arXiv 2103.00020, section 3.1)."""

    fit: str = "nothing"


@dataclass
class LogisticSettings(MethodSettings):
    """Multinomial logistic regression on the features, in closed form (scikit-learn's L-BFGS).

    Attributes:
        c: Inverse strengths of the L2 penalty to choose from; features are scaled to unit variance on average.
        folds: Inner grouped folds by whose log-loss `c` is chosen.
    """

    fit: str = "closed_form"
    c: list[float] = field(default_factory=list)
    folds: int = 5

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if not self.c or min(self.c) <= 0:
            raise UserError(f"method.c={self.c} must list at least one number, all above 0")
        _require_at_least("method.folds", self.folds, 2)


@dataclass
class GradientSettings(MethodSettings):
    """Gradient descent by AdamW over exactly the trainable parameters.

    Attributes:
        loss: `cross_entropy` over the logits, or `contrastive` (pairs of the batch, same-class pairs positive).
        epochs: At most this many; fewer when `patience` ends it.
        batch_size: Samples a step.
        lr: Learning rate.
        weight_decay: AdamW's decoupled weight decay.
        penalty: λ of λ‖W−W₀‖² toward the start; `per_class`: 1/N with N photos a class (ProLIP, arXiv 2410.05270);
            null: none.
        train_text: With `head=prompts`: also train the text projection.
        patience: Epochs without a better inner loss before it stops; the best epoch is kept.
        hidden: Width of the hidden layer of `head=mlp`.
        dropout: Dropout before the last layer of `head=mlp`.
    """

    fit: str = "gradient"
    loss: str = "cross_entropy"
    epochs: int = MISSING
    batch_size: int = MISSING
    lr: float = MISSING
    weight_decay: float = 0.0
    penalty: float | str | None = None
    train_text: bool = False
    patience: int = MISSING
    hidden: int = 256
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        _require_one_of("method.loss", self.loss, ("cross_entropy", "contrastive"))
        for key in ("epochs", "batch_size", "patience", "hidden"):
            _require_at_least(f"method.{key}", getattr(self, key), 1)
        if not self.lr > 0:
            raise UserError(f"method.lr={self.lr} must be above 0")
        _require_at_least("method.weight_decay", self.weight_decay, 0)
        if isinstance(self.penalty, str) and self.penalty != "per_class":
            raise UserError(f"method.penalty={self.penalty} is not known; use a number, per_class or null")
        if isinstance(self.penalty, float):
            _require_at_least("method.penalty", self.penalty, 0)
        if not 0 <= self.dropout < 1:
            raise UserError(f"method.dropout={self.dropout} must be at least 0 and below 1")
        if self.head != "prompts" and (self.loss == "contrastive" or self.train_text):
            raise UserError(
                f"method.loss=contrastive and method.train_text=true need method.head=prompts, not {self.head}"
            )


@dataclass
class TrainerSettings:
    """What the run computes on.

    Attributes:
        accelerator: `auto` (a GPU when there is one), `cpu`, `gpu` or `mps`.
        precision: `32-true`, `bf16-mixed` or `16-mixed`, of the tail's training.
        threads: Threads of a small tail's arithmetic; one is fastest and never slowed by a busy neighbour.
    """

    accelerator: str = MISSING
    precision: str = "32-true"
    threads: int = 1

    def __post_init__(self) -> None:
        """Check the names."""
        _require_one_of("trainer.accelerator", self.accelerator, ("auto", "cpu", "gpu", "mps"))
        _require_one_of("trainer.precision", self.precision, ("32-true", "bf16-mixed", "16-mixed"))
        _require_at_least("trainer.threads", self.threads, 1)


def _require_one_of(key: str, value: str, names: tuple[str, ...]) -> None:
    if value not in names:
        raise UserError(f"{key}={value} is not known; use one of {', '.join(names)}")


def _require_at_least(key: str, value: float, least: float) -> None:
    if not value >= least:
        raise UserError(f"{key}={value} must be at least {least}")
