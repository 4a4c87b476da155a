"""The trainings that are computed together: which can be, and what comes of each."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field

import torch
from torch import nn

from thawline.errors import RunError
from thawline.fitting.heads.head import Head
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.methods import FittedTail

# What a module of somebody else's may state; by anything more its steps may be other ones than those taken here.
_MAY_STATE = {"__init__", "loss"}
# What a data module of somebody else's may not state.
_FEEDS = (
    *("train_dataloader", "val_dataloader"),
    *("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer"),
)


@dataclass(frozen=True)
class Member:
    """One training of many.

    Attributes:
        module: The tail, fresh, and its loss.
        data: The samples.
        source: Members of which this is equal see the same batches.
        epochs: How many it has where there are no inner samples to choose by.
    """

    module: TailModule
    data: TailData
    source: Hashable
    epochs: int | None = None


class DivergedError(RunError):
    """A training came to no number.

    Attributes:
        history: A row an epoch before.
    """

    def __init__(self, said: str, history: list[dict[str, float]]) -> None:
        """Say so, and keep how it went."""
        super().__init__(said)
        self.history = history


@dataclass(frozen=True)
class Trained:
    """What came of one training.

    Attributes:
        fit: The state of the best epoch, or of the last where none was chosen, and which it was.
        state: That of the whole module, which its checkpoint has.
        steps: How many steps had been taken by then.
        history: A row an epoch.
    """

    fit: FittedTail
    state: dict[str, torch.Tensor]
    steps: int
    history: list[dict[str, float]]


def can_be_stacked(module: TailModule, data: TailData) -> bool:
    """Whether what `module` trains on `data` can be computed together with other tails of its kind.

    What trains must be linear layers, and what a head itself has: deeper tails spend their time in arithmetic anyway.
    """
    own = type(module).__mro__[: type(module).__mro__.index(TailModule)]
    foreign = [kind for kind in own if not kind.__module__.startswith("thawline.")]
    plain = module.steps_by_logits and not any(_states_more(kind) for kind in foreign)
    return plain and _feeds_plainly(data) and is_stackable(module.tail)


def is_stackable(tail: nn.Module) -> bool:
    """Whether what trains of `tail` are linear layers and what a head itself has."""
    training = [each for each in tail.modules() if any(p.requires_grad for p in each.parameters(recurse=False))]
    return bool(training) and all(type(each) is nn.Linear or isinstance(each, Head) for each in training)


def _feeds_plainly(data: TailData) -> bool:
    """Whether the batches are those that `TailData` makes, and reach the module as they are."""
    return all(getattr(type(data), name) is getattr(TailData, name) for name in _FEEDS)


def _states_more(kind: type) -> bool:
    return any(callable(each) and name not in _MAY_STATE for name, each in vars(kind).items())


@dataclass
class Run:
    """One training on its way.

    Attributes:
        member: What is trained.
        error: Why it ended, where it diverged.
        ended: Whether no more is to be done.
    """

    member: Member
    error: RunError | None = None
    ended: bool = False
    _losses: float = 0.0
    _seen: int = 0
    _best: float = math.inf
    _waited: int = 0
    _kept: tuple[int, int, dict[str, torch.Tensor]] | None = None
    _history: list[dict[str, float]] = field(default_factory=list)

    def took(self, loss: float, size: int, epoch: int) -> None:
        """Note the mean loss of a step over `size` samples."""
        if self.error is None and not math.isfinite(loss):
            self.error = RunError(f"the training loss became {loss} in epoch {epoch}; try a smaller method.lr")
        self._losses += loss * size
        self._seen += size

    def passed(self, epoch: int) -> bool:
        """Note the end of an epoch of a training that nothing is chosen in, and give whether it is the last one."""
        self._history.append({"epoch": epoch, "train_loss": self._mean()})
        self.ended = epoch + 1 == self.member.epochs
        return self.ended

    def judged(self, epoch: int, loss: float, accuracy: float) -> bool:
        """Note what the inner samples say of an epoch, and give whether it is the best so far.

        As early stopping does: one that is no number ends the training, and so do `patience` epochs without a better.
        """
        figures = {"inner_loss": loss, "inner_accuracy": accuracy}
        self._history.append({"epoch": epoch, "train_loss": self._mean(), **figures})
        settings = self.member.module.settings
        better = loss < self._best
        self._waited = 0 if better else self._waited + 1
        enough = settings.patience is not None and self._waited >= settings.patience
        self.ended = not math.isfinite(loss) or enough or epoch + 1 >= settings.epochs
        self._best = min(self._best, loss) if better else self._best
        return better

    def _mean(self) -> float:
        """The mean training loss of the epoch that ends, rounded as Lightning does when it is logged."""
        mean = torch.tensor(self._losses / self._seen) * self._seen / self._seen
        self._losses, self._seen = 0.0, 0
        return float(mean)

    def keep(self, epoch: int, steps: int, state: dict[str, torch.Tensor]) -> None:
        """Keep the state of the best epoch so far, or of the last one: what of the module trains, by name."""
        self._kept = epoch, steps, state

    def outcome(self) -> Trained | RunError:
        """What came of it."""
        if self.error is not None:
            return DivergedError(str(self.error), self._history)
        if self._kept is None:
            # Lightning takes a loss that is no number for one that is infinite.
            return DivergedError("the inner loss became inf; try a smaller method.lr", self._history)
        epoch, steps, trained = self._kept
        state = {**self.member.module.state_dict(), **trained}
        tail = {name.removeprefix("tail."): each for name, each in state.items() if name.startswith("tail.")}
        chosen = {"epochs": epoch + 1} | ({} if self.member.epochs else {"inner_loss": self._best})
        return Trained(FittedTail(tail, chosen), state, steps, self._history)
