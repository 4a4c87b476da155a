"""Callbacks by name: what a config may name under `callbacks`, and the settings that each takes.

What is not named is not imported. Installed packages add to `CALLBACKS` by entry points, `thawline.callbacks`.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.errors import UserError
from thawline.plugins import added_beside
from thawline.process import importing

if TYPE_CHECKING:
    from lightning.pytorch import Callback

EMA, SWA, EARLY_STOPPING, LR_FINDER = "ema", "swa", "early_stopping", "lr_finder"


def _require(callback: str, key: str, value: float, holds: bool, words: str) -> None:
    if not holds:
        raise UserError(f"callbacks.{callback}.{key}={value} must be {words}")


@dataclass
class CallbackSettings:
    """What a callback takes; one without settings takes nothing."""


@dataclass
class EmaSettings(CallbackSettings):
    """The exponential moving average of the weights is judged and kept.

    Attributes:
        decay: How much of the average stays at each update: it looks back over 1 / (1 - decay) of them.
        warmup: Whether less stays at first, (1 + n) / (10 + n) after n updates as in TensorFlow: a start is forgotten.
        update_every_n_steps: Steps between updates.
        update_starting_at_step: The first step that counts; before it the weights are judged as they are and not kept.
    """

    decay: float = 0.99
    warmup: bool = True
    update_every_n_steps: int = 1
    update_starting_at_step: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(EMA, "decay", self.decay, 0 < self.decay < 1, "above 0 and below 1")
        every, start = self.update_every_n_steps, self.update_starting_at_step
        _require(EMA, "update_every_n_steps", every, every >= 1, "at least 1")
        _require(EMA, "update_starting_at_step", start, start >= 0, "at least 0")


@dataclass
class SwaSettings(CallbackSettings):
    """Stochastic weight averaging (arXiv 1803.05407): the mean of the weights at the ends of the last epochs is kept.

    Attributes:
        start: Share of `method.epochs` after which it begins; before, no epoch is kept and patience doesn't count.
        lr: Learning rate of a new head from there on, others in proportion; null: the method's own course goes on.
        annealing_epochs: Epochs over which the rates come to that, along a cosine.
    """

    start: float = 0.75
    lr: float | None = None
    annealing_epochs: int = 5

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(SWA, "start", self.start, 0 <= self.start < 1, "at least 0 and below 1")
        if self.lr is not None:
            _require(SWA, "lr", self.lr, self.lr > 0, "above 0, or null")
        _require(SWA, "annealing_epochs", self.annealing_epochs, self.annealing_epochs >= 0, "at least 0")


@dataclass
class EarlyStoppingSettings(CallbackSettings):
    """When the training ends before `method.epochs`; without it, after `method.patience` epochs without a better loss.

    Attributes:
        monitor: `inner_loss`, or `inner_accuracy`. The best epoch is that of the least inner loss in any case.
        patience: Epochs without a better one; null: `method.patience`.
        min_delta: What is better by no more than this is not better.
        stopping_threshold: The training ends once this is passed; null: nothing is good enough.
        divergence_threshold: It ends once this is passed on the bad side; null: nothing is bad enough.
    """

    monitor: str = "inner_loss"
    patience: int | None = None
    min_delta: float = 0.0
    stopping_threshold: float | None = None
    divergence_threshold: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.monitor not in ("inner_loss", "inner_accuracy"):
            raise UserError(
                f"callbacks.early_stopping.monitor={self.monitor} is not known; use inner_loss or inner_accuracy"
            )
        if self.patience is not None:
            _require(EARLY_STOPPING, "patience", self.patience, self.patience >= 1, "at least 1, or null")
        _require(EARLY_STOPPING, "min_delta", self.min_delta, self.min_delta >= 0, "at least 0")


@dataclass
class TimerSettings(CallbackSettings):
    """The training ends after the epoch in which its time is up; the best epoch so far is kept.

    Attributes:
        minutes: Of one training, that before a kill included; each fold has so many.
    """

    minutes: float = 60.0

    def __post_init__(self) -> None:
        """Check the range."""
        _require("timer", "minutes", self.minutes, self.minutes > 0, "above 0")


@dataclass
class LrFinderSettings(CallbackSettings):
    """A learning rate found before each training, in place of `method.lr`; others keep their proportion to it.

    Attributes:
        min_lr: The rate of the first step of the search.
        max_lr: That of the last one.
        steps: How many there are.
    """

    min_lr: float = 1e-6
    max_lr: float = 1.0
    steps: int = 100

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(LR_FINDER, "min_lr", self.min_lr, self.min_lr > 0, "above 0")
        _require(LR_FINDER, "max_lr", self.max_lr, self.max_lr > self.min_lr, f"above min_lr={self.min_lr}")
        _require(LR_FINDER, "steps", self.steps, self.steps >= 20, "at least 20")


@dataclass(frozen=True)
class NamedCallback:
    """A callback that a config may name.

    Attributes:
        settings: What it takes.
        made_by: `module:function`; the function makes it of its own settings and the method's. None: it is no callback
            of the Trainer's, but acts before the training begins.
        ends: Whether it decides how or when a training ends, which for a refit was decided already.
        resumes: Whether a training that was cut off goes on with it to the same bits, all that it has to know being in
            its `state_dict`. Otherwise such a training begins anew.
    """

    settings: type[CallbackSettings]
    made_by: str | None
    ends: bool = False
    resumes: bool = False


_HERE = "thawline.fitting.lightning.callbacks"
CALLBACKS: dict[str, NamedCallback] = {
    EMA: NamedCallback(EmaSettings, f"{_HERE}.averaging:Ema", resumes=True),
    SWA: NamedCallback(SwaSettings, f"{_HERE}.averaging:Swa", resumes=True),
    EARLY_STOPPING: NamedCallback(EarlyStoppingSettings, f"{_HERE}.stopping:early_stopping", ends=True, resumes=True),
    "timer": NamedCallback(TimerSettings, f"{_HERE}.stopping:timer", ends=True, resumes=True),
    "lr_monitor": NamedCallback(CallbackSettings, f"{_HERE}.monitors:LearningRateMonitor", resumes=True),
    LR_FINDER: NamedCallback(LrFinderSettings, None, ends=True, resumes=True),
    "gradient_norm": NamedCallback(CallbackSettings, f"{_HERE}.monitors:GradientNorm", resumes=True),
}
Chosen = Mapping[str, CallbackSettings]


def check_callbacks(given: Mapping[str, Any]) -> dict[str, CallbackSettings]:
    """The settings of the callbacks that a config names, typed, by their names; one that is null is left out.

    Raises:
        UserError: There is no such callback, or it doesn't take such a setting.
    """
    chosen = {}
    names = {*CALLBACKS, *added_beside("callbacks", CALLBACKS)}
    for name, own in given.items():
        if name not in names:
            raise UserError(f"there is no callback '{name}'; there are {', '.join(sorted(names))}")
        if own is not None:
            chosen[name] = _typed(name, own)
    if EMA in chosen and SWA in chosen:
        raise UserError("callbacks ema and swa both say which weights are kept; leave one of them out")
    return chosen


def callbacks_of(chosen: Chosen, method: Any, *, refit: bool) -> "list[Callback]":
    """Lightning's callbacks for a training, each freshly made.

    Args:
        chosen: Their settings by their names.
        method: The settings of the method.
        refit: Whether it has a fixed number of epochs, which others chose.
    """
    named = [(find_callback(name), own) for name, own in chosen.items()]
    return [
        _function(one.made_by)(own, method)
        for one, own in named
        if one.made_by is not None and not (refit and one.ends)
    ]


def find_callback(name: str) -> NamedCallback:
    """The callback `name`, Thawline's own or one that an installed package adds, whose record is then imported.

    Raises:
        UserError: It can't be imported, or is no such record.
    """
    if name in CALLBACKS:
        return CALLBACKS[name]
    one = added_beside("callbacks", CALLBACKS)[name]
    callback = one.imported()
    if not isinstance(callback, NamedCallback) or not issubclass(callback.settings, CallbackSettings):
        raise UserError(
            f"{one.where} of the package {one.package} must be a NamedCallback, with settings from CallbackSettings"
        )
    return callback


def _typed(name: str, own: Any) -> CallbackSettings:
    schema = find_callback(name).settings
    takes = [field.name for field in fields(schema)]
    if not isinstance(own, Mapping):
        raise UserError(f"callbacks.{name}={own} must hold its settings, or null; it takes {_listed(takes)}")
    for key in own:
        if key not in takes:
            raise UserError(f"callbacks.{name} has no setting '{key}'; it takes {_listed(takes)}")
    try:
        typed = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), own))
    except OmegaConfBaseException as error:
        where = f"callbacks.{name}.{getattr(error, 'full_key', None) or ''}".rstrip(".")
        raise UserError(f"{where}: {str(error).splitlines()[0]}") from error
    if not isinstance(typed, CallbackSettings):
        raise TypeError("the schema of a callback is CallbackSettings")
    return typed


def _listed(takes: list[str]) -> str:
    return ", ".join(takes) or "none"


def _function(named: str) -> "Callable[[CallbackSettings, Any], Callback]":
    module, _, name = named.partition(":")
    with importing():
        function: Callable[[CallbackSettings, Any], Callback] = getattr(importlib.import_module(module), name)
    return function
