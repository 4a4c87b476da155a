"""The course of many trainings at once: each ends by its own early stopping and keeps its own best epoch."""

from collections.abc import Sequence

import torch

from thawline.errors import RunError
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.packed.feeding import Dropout, Feed
from thawline.fitting.packed.members import Member, Run, Trained
from thawline.fitting.packed.optimiser import StackedAdamW
from thawline.fitting.packed.stack import Stack


def train_together(members: Sequence[Member]) -> list[Trained | RunError]:
    """Train members of one shape: as many samples to train on, as many to choose by, in batches of one size.

    Returns:
        For each what came of it; an error where it diverged, which ends that training alone.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as for a small tail alone
    try:
        return _Course(members).run()
    finally:
        torch.set_num_threads(before)


class _Course:
    def __init__(self, members: Sequence[Member]) -> None:
        self._everyone = [Run(member) for member in members]
        self._runs = list(self._everyone)
        modules = [member.module for member in members]
        self._stack = Stack(modules)
        self._pull = _Pull(modules, self._stack)
        self._adamw = StackedAdamW(self._stack, modules)
        self._feed, self._dropout = Feed(members), Dropout(members)
        self._steps = 0

    def run(self) -> list[Trained | RunError]:
        """Train until the last one has ended."""
        epoch = 0
        while self._runs:
            self._train(epoch)
            self._choose(epoch)
            going = [place for place, run in enumerate(self._runs) if run.error is None and not run.ended]
            if going and len(going) < len(self._runs):
                for part in (self._stack, self._pull, self._adamw):
                    part.keep(going)
            self._runs = [self._runs[place] for place in going]
            epoch += 1
        return [run.outcome() for run in self._everyone]

    def _train(self, epoch: int) -> None:
        self._stack.train(True)
        for fed in self._feed.epoch(epoch, self._runs):
            factors = self._dropout.draw(self._steps, fed, self._runs)
            logits = self._stack.logits(fed.features, factors, shared=fed.shared).unbind()
            # Each by its own module: what is smoothed and weighed how is a training's own.
            losses = [run.member.module.loss(*each) for run, *each in zip(self._runs, logits, fed.targets, strict=True)]
            loss = torch.stack(losses) + self._pull.distances()
            names = list(self._stack.trained)
            gradients = torch.autograd.grad(loss.sum(), list(self._stack.trained.values()), allow_unused=True)
            self._adamw.step(dict(zip(names, gradients, strict=True)), self._steps)
            self._steps += 1
            for run, mean, targets in zip(self._runs, loss.tolist(), fed.targets, strict=True):
                run.took(mean, len(targets), epoch)

    def _choose(self, epoch: int) -> None:
        """Have the inner samples say how good each is, and keep those that are better than ever, or else the last."""
        self._stack.train(False)
        outputs: list[torch.Tensor] = []
        targets: list[list[torch.Tensor]] = []
        for batch in self._feed.inner(self._runs):
            outputs.append(self._stack.inner(batch.features, shared=batch.shared))
            targets.append(batch.targets)
        for place, run in enumerate(self._runs):
            said, true = ([each[place] for each in batches] for batches in (outputs, targets))
            if run.error is None and _is_kept(run, epoch, said, true):
                state = {name: each.detach()[place].clone() for name, each in self._stack.trained.items()}
                run.keep(epoch, self._steps, state)


def _is_kept(run: Run, epoch: int, said: list[torch.Tensor], true: list[torch.Tensor]) -> bool:
    """Note the end of an epoch of `run`, and give whether its state is that to keep; by its inner samples if any."""
    if run.member.epochs is not None:
        return run.passed(epoch)
    return run.judged(epoch, *run.member.module.inner_figures(said, true))


class _Pull:
    """λ‖W−W₀‖² of each tail over what was pretrained of it."""

    def __init__(self, modules: Sequence[TailModule], stack: Stack) -> None:
        self._stack = stack
        self._strengths = torch.tensor([module.penalty for module in modules])
        pretrained = {id(p) for tower in modules[0].tail.towers for p in tower.parameters()}
        names = [name for name, p in modules[0].named_parameters() if id(p) in pretrained and name in stack.trained]
        held = names if self._strengths.any() else []
        self._start = {name: stack.trained[name].detach().clone() for name in held}

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the tails at `places` alone."""
        index = torch.tensor(places)
        self._strengths = self._strengths[index]
        self._start = {name: each[index] for name, each in self._start.items()}

    def distances(self) -> torch.Tensor:
        """For each tail, [tails]."""
        if not self._start:
            return torch.zeros(self._stack.tails)
        moved = [self._stack.trained[name] - start for name, start in self._start.items()]
        squares = [each.square().reshape(self._stack.tails, -1).sum(dim=1) for each in moved]
        return self._strengths * torch.stack(squares).sum(dim=0)
