"""Optimisers by name: PyTorch's own, and beside them those of timm. What is not named is not imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from thawline.errors import UserError
from thawline.process import importing, importing_without

if TYPE_CHECKING:
    from torch.optim import Optimizer

ADAMW = "adamw"
Kinds = Mapping[str, type | tuple[type, ...]]

_NUMBER, _PAIR = (float, int), list  # a list stands for two numbers
_ADAM: Kinds = {"betas": _PAIR, "eps": _NUMBER}
_MOMENTUM: Kinds = {"momentum": _NUMBER, "nesterov": bool}
_SGD: Kinds = {**_MOMENTUM, "dampening": _NUMBER}


@dataclass(frozen=True)
class NamedOptimiser:
    """An optimiser that a config may name.

    Attributes:
        settings: What it takes besides the learning rate and `weight_decay`, each with its type.
        torch: Its class in `torch.optim`; None: timm's factory knows it by its name.
    """

    settings: Kinds
    torch: str | None = None


# All of these take a step from the gradient alone, keep their state in `state_dict` and go on from it to the same bits.
# Those that don't are left out: L-BFGS, Rprop (whole data a step), AdaHessian, Kron (random numbers of its own),
# SparseAdam, PyTorch's Muon (matrices alone), and what needs Apex or bitsandbytes.
OPTIMISERS: dict[str, NamedOptimiser] = {
    "adadelta": NamedOptimiser({"rho": _NUMBER, "eps": _NUMBER}, "Adadelta"),
    "adafactor": NamedOptimiser({"beta2_decay": _NUMBER, "d": _NUMBER}, "Adafactor"),
    "adagrad": NamedOptimiser({"lr_decay": _NUMBER, "initial_accumulator_value": _NUMBER, "eps": _NUMBER}, "Adagrad"),
    "adam": NamedOptimiser({**_ADAM, "amsgrad": bool}, "Adam"),
    "adamax": NamedOptimiser(_ADAM, "Adamax"),
    ADAMW: NamedOptimiser({**_ADAM, "amsgrad": bool}, "AdamW"),
    "asgd": NamedOptimiser({"lambd": _NUMBER, "alpha": _NUMBER, "t0": _NUMBER}, "ASGD"),
    "nadam": NamedOptimiser({**_ADAM, "momentum_decay": _NUMBER, "decoupled_weight_decay": bool}, "NAdam"),
    "radam": NamedOptimiser({**_ADAM, "decoupled_weight_decay": bool}, "RAdam"),
    "rmsprop": NamedOptimiser({"alpha": _NUMBER, "eps": _NUMBER, "momentum": _NUMBER, "centered": bool}, "RMSprop"),
    "sgd": NamedOptimiser(_SGD, "SGD"),
    "adabelief": NamedOptimiser({**_ADAM, "amsgrad": bool, "decoupled_decay": bool}),
    "adamp": NamedOptimiser({**_ADAM, "delta": _NUMBER, "wd_ratio": _NUMBER, "nesterov": bool}),
    "adopt": NamedOptimiser({**_ADAM, "decoupled": bool, "caution": bool}),
    "cadamw": NamedOptimiser({**_ADAM, "amsgrad": bool}),
    "lamb": NamedOptimiser({**_ADAM, "max_grad_norm": _NUMBER, "trust_clip": bool, "decoupled_decay": bool}),
    "laprop": NamedOptimiser({**_ADAM, "caution": bool}),
    "lars": NamedOptimiser({**_SGD, "trust_coeff": _NUMBER, "eps": _NUMBER, "trust_clip": bool}),
    "lion": NamedOptimiser({"betas": _PAIR, "caution": bool}),
    "madgrad": NamedOptimiser({"momentum": _NUMBER, "eps": _NUMBER, "decoupled_decay": bool}),
    "mars": NamedOptimiser({**_ADAM, "gamma": _NUMBER, "caution": bool}),
    "muon": NamedOptimiser({**_MOMENTUM, "ns_steps": int, "adamw_lr": _NUMBER}),
    "nadamw": NamedOptimiser({**_ADAM, "caution": bool}),
    "novograd": NamedOptimiser({**_ADAM, "grad_averaging": bool, "decoupled_decay": bool}),
    "sgdp": NamedOptimiser({**_SGD, "eps": _NUMBER, "delta": _NUMBER, "wd_ratio": _NUMBER}),
    "sgdw": NamedOptimiser({**_SGD, "caution": bool}),
}


def check_optimiser(name: str, settings: Mapping[str, Any]) -> None:
    """Is there an optimiser of that name, and does it take `settings`?

    Raises:
        UserError: It is not known, or one of the settings is not, or is of another type.
    """
    if name not in OPTIMISERS:
        raise UserError(f"method.optimiser={name} is not known; use one of {', '.join(sorted(OPTIMISERS))}")
    takes = OPTIMISERS[name].settings
    for key, value in settings.items():
        if key not in takes:
            raise UserError(
                f"method.optimiser={name} has no setting '{key}'; method.optimiser_settings may hold "
                f"{', '.join(sorted(takes))}"
            )
        if not _is_of(value, takes[key]):
            raise UserError(f"method.optimiser_settings.{key}={value} must be {_words(takes[key])}")
    if settings:
        _try(name, settings)


def _try(name: str, settings: Mapping[str, Any]) -> None:
    """Make it once, since it alone knows its ranges: better now than after an hour of features."""
    with importing():  # late: PyTorch takes seconds
        import torch

    make_optimiser(name, [{"params": [torch.zeros(1, requires_grad=True)], "lr": 1.0}], lr=1.0, **settings)


def make_optimiser(name: str, groups: list[dict[str, Any]], **given: Any) -> "Optimizer":
    """The optimiser `name`, checked before, over groups of parameters.

    Args:
        name: Its name.
        groups: Each with `params` and `lr`.
        given: Its other settings, the weight decay and the learning rate of groups that have none.

    Raises:
        UserError: A setting is out of range, as the optimiser says.
    """
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    try:
        if (own := OPTIMISERS[name].torch) is not None:
            import torch.optim

            optimiser: Optimizer = getattr(torch.optim, own)(groups, **given)
            return optimiser
        with importing(), importing_without("wandb"):  # as in `encoders.vision.imported`
            from timm.optim._optim_factory import create_optimizer_v2

        return create_optimizer_v2(groups, opt=name, **given)
    except ValueError as error:
        raise UserError(f"method.optimiser={name} can't take its settings: {error}") from error


def _is_of(value: Any, kinds: type | tuple[type, ...]) -> bool:
    if kinds is list:
        return isinstance(value, list) and len(value) == 2 and all(_is_of(each, _NUMBER) for each in value)
    return isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool))


def _words(kinds: type | tuple[type, ...]) -> str:
    if kinds is list:
        return "a list of two numbers, [0.9, 0.99] say"
    return "true or false" if kinds is bool else "a whole number" if kinds is int else "a number"
