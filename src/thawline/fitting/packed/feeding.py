"""What many trainings are given in each step: batches, and what dropout multiplies by."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from thawline.fitting.feature_set import Batch, Features
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.module import seed_step
from thawline.fitting.packed.members import Member, Run
from thawline.fitting.packed.products import RecordsDropout

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Fed:
    """A batch for each of many trainings.

    Attributes:
        features: Named tensors, [batch, …] if `shared`, else [trainings, batch, …].
        targets: Of each training, each [batch].
        shared: Whether all of them see the same batch.
    """

    features: Features
    targets: list[torch.Tensor]
    shared: bool


class Feed:
    """The batches of many trainings, each in the order that it has alone."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Know the sources of the batches."""
        data: dict[Hashable, TailData] = {}
        for member in members:
            data.setdefault(member.source, member.data)
        self._loaders = {source: each.train_dataloader() for source, each in data.items()}
        self._inner = {source: _inner_batches(each) for source, each in data.items()}

    def epoch(self, epoch: int, runs: Sequence[Run]) -> Iterator[Fed]:
        """The training batches of an epoch."""
        needed = dict.fromkeys(run.member.source for run in runs)
        for source in needed:
            self._loaders[source].sampler.set_epoch(epoch)  # type: ignore[attr-defined]  # it is an `EpochBatches`
        for batches in zip(*(_iterate(self._loaders[source]) for source in needed), strict=True):
            yield _fed(dict(zip(needed, batches, strict=True)), runs)

    def inner(self, runs: Sequence[Run]) -> Iterator[Fed]:
        """The batches of inner samples."""
        needed = dict.fromkeys(run.member.source for run in runs)
        for batches in zip(*(self._inner[source] for source in needed), strict=True):
            yield _fed(dict(zip(needed, batches, strict=True)), runs)


def _iterate(loader: Any) -> Iterator[Batch]:
    for place in loader.sampler:
        yield loader.dataset[place]


def _inner_batches(data: TailData) -> list[Batch]:
    """The batches of inner samples; none where nothing is chosen."""
    return [batch for loader in data.val_dataloader() for batch in _iterate(loader)]


def _fed(batches: dict[Hashable, Batch], runs: Sequence[Run]) -> Fed:
    each = [batches[run.member.source] for run in runs]
    targets = [batch[1] for batch in each]
    if len(batches) == 1:
        return Fed(each[0][0], targets, True)
    return Fed({name: torch.stack([batch[0][name] for batch in each]) for name in each[0][0]}, targets, False)


class Dropout:
    """What each dropout of each tail multiplies by: what the tail would draw alone, in the step's random state."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Nothing was drawn yet."""
        self._calls: dict[int, list[tuple[float, torch.Size]]] = {}
        self._any = any(
            isinstance(each, torch.nn.Dropout) for member in members for each in member.module.tail.modules()
        )

    def draw(self, step: int, fed: Fed, runs: Sequence[Run]) -> list[torch.Tensor]:
        """The factors, in the order of the calls, each [trainings, …]."""
        if not self._any:
            return []
        drawn: dict[Hashable, list[torch.Tensor]] = {}
        each = []
        for place, run in enumerate(runs):
            calls = self._of(run, fed, place)
            key = (run.member.module.seed, tuple(calls))
            if key not in drawn:
                seed_step(run.member.module.seed, step, _CPU)
                drawn[key] = [F.dropout(torch.ones(shape), rate) for rate, shape in calls]
            each.append(drawn[key])
        return [torch.stack(factors) for factors in zip(*each, strict=True)]

    def _of(self, run: Run, fed: Fed, place: int) -> list[tuple[float, torch.Size]]:
        """The rate and the shape of each dropout of a tail for a batch of this size."""
        size = len(fed.targets[place])
        if id(run) not in self._calls:
            features = {name: each if fed.shared else each[place] for name, each in fed.features.items()}
            recording = RecordsDropout()
            with torch.no_grad(), recording:
                run.member.module(features)
            self._calls[id(run)] = recording.seen
        return [(rate, torch.Size((size, *shape[1:]))) for rate, shape in self._calls[id(run)]]
