"""A pass over a Ray cluster: shares of the files go to the nodes, and what they give comes back in order."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Generic

from thawline.cluster import connected
from thawline.errors import UserError
from thawline.features.kinds import F, File
from thawline.features.passes.shares import Damaged, Outcome, Refused, Share, ShareResult, Worker, to_read
from thawline.features.passes.workers import cores
from thawline.features.progress import say
from thawline.features.settings import ClusterSettings
from thawline.features.store.store import DamagedShelfError, Shelf
from thawline.features.wanted import Wanted

_LOOK = 0.5  # seconds after which Ctrl-C, new nodes and idle processes are noticed
_PATIENCE = 20.0  # seconds without any process after which it is said what is waited for
_AT_ONCE = 2  # shares that a process has: one that it works on, and the next
_BATCHES = 4  # of a share, for each core or GPU: what a lost node costs, and the last of a share keeps some idle
_MOST = 1024  # files of a share: what they give lies in memory until those before them came
_AHEAD = 4  # shares for each process that may be done before the one whose turn it is


@dataclass
class _Hired:
    """A process on a node.

    Attributes:
        node: Where it is, by Ray's name.
        actor: Ray's handle.
        begun: Whether it is there, rather than waiting for cores that others use.
        shares: The numbers of those that it has, the first of which it works on.
    """

    node: str
    actor: Any
    begun: bool = False
    shares: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Room:
    """What one process gets of a node."""

    cpus: int
    gpus: int


@dataclass
class Crew(Generic[F]):
    """The processes of a pass.

    Attributes:
        ray: The module.
        settings: How many there are, and how often a share is tried.
        wanted: What they compute, kept by Ray for all of them.
        shelves: What that fills and begins from, by id.
        compiled: Whether PyTorch compiles the network.
        cuda: Whether they compute on GPUs.
    """

    ray: Any
    settings: ClusterSettings
    wanted: Any
    shelves: Mapping[str, Shelf]
    compiled: bool
    cuda: bool
    hired: list[_Hired] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)  # by node, processes that never began
    losses: Counter[int] = field(default_factory=Counter)  # by share
    reason: str = ""  # why the last process that never began did not

    def go_over(self, shares: Sequence[Share[F]]) -> Iterator[tuple[Share[F], ShareResult[F]]]:
        """What each share gave, in order.

        Raises:
            DamagedShelfError: What they began from has changed.
            UserError: No node is left, or a share ends its process again and again, or says why it can't be done.
        """
        waiting, ready = list(range(len(shares))), dict[int, Outcome[F]]()  # a heap: the first is the least
        running: dict[Any, tuple[_Hired, int | None]] = {}
        turn, idle_since, said = 0, time.monotonic(), False
        while turn < len(shares):
            running |= {one.actor.ready.remote(): (one, None) for one in self._hire()}
            begun = [one for one in self.hired if one.begun]
            for one in (one for held in range(_AT_ONCE) for one in begun if len(one.shares) == held):
                if waiting and waiting[0] < turn + _AHEAD * len(begun):
                    one.shares.append(heappop(waiting))
                    running[one.actor.go_over.remote(shares[one.shares[-1]])] = one, one.shares[-1]
            for reference in self.ray.wait(list(running), timeout=_LOOK)[0]:
                one, number = running.pop(reference)
                outcome = self._outcome(reference, one, None if number is None else shares[number])
                if number is None:
                    one.begun = one in self.hired
                elif outcome is None:
                    heappush(waiting, number)
                else:
                    ready[number] = outcome
            if begun:
                idle_since = time.monotonic()
            elif not said and time.monotonic() - idle_since > _PATIENCE:
                said = True
                say("waiting for a node of the Ray cluster to have its cores free")
            while turn in ready:
                yield shares[turn], self._found(ready.pop(turn))
                turn += 1

    def rooms(self) -> dict[str, list[_Room]]:
        """What each node that is there has for processes, by Ray's name for it."""
        nodes = {node["NodeID"]: node["Resources"] for node in self.ray.nodes() if node["Alive"]}
        return {node: _rooms(resources, self.settings.num_cpus, self.cuda) for node, resources in nodes.items()}

    def share_size(self, batch: int) -> int:
        """Files of a share, where a batch has so many samples."""
        cpus = max(room.cpus for rooms in self.rooms().values() for room in rooms)
        return min(_MOST, _BATCHES * batch * (1 if self.cuda else cpus))

    def end(self) -> None:
        """End all processes."""
        for one in self.hired:
            with suppress(Exception):  # the cluster may be what is gone
                self.ray.kill(one.actor)

    def check(self) -> None:
        """Refuse a cluster without room.

        Raises:
            UserError: No node has what a process is to get, or all were lost.
        """
        if any(rooms for node, rooms in self.rooms().items() if not self._is_left_out(node)):
            return
        if self.reason:
            raise UserError(f"no node of the Ray cluster could begin: {self.reason}")
        what = "a GPU" if self.cuda else f"{self.settings.num_cpus or 1} cores (cluster.num_cpus)"
        raise UserError(f"no node of the Ray cluster has {what} for the feature pass; what is stored stays")

    def _is_left_out(self, node: str) -> bool:
        return self.failed[node] > self.settings.max_retries

    def _hire(self) -> list[_Hired]:
        """New processes, on nodes that came or lost one."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.check()
        there = Counter(one.node for one in self.hired)
        new = []
        for node, rooms in self.rooms().items():
            for room in () if self._is_left_out(node) else rooms[there[node] :]:
                remote = self.ray.remote(Worker).options(
                    num_cpus=room.cpus,
                    num_gpus=room.gpus,
                    max_restarts=0,
                    max_task_retries=0,  # whose fault it was is told here
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
                )
                new.append(_Hired(node, remote.remote(self.wanted, room.cpus, self.compiled)))
        self.hired += new
        return new

    def _outcome(self, reference: Any, one: _Hired, share: Share[F] | None) -> Outcome[F] | None:
        """What a process gave; None where it was lost, or only began.

        Raises:
            UserError: The share was lost too often.
        """
        errors = self.ray.exceptions
        try:
            outcome: Outcome[F] | None = self.ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause if isinstance(getattr(error, "cause", None), Exception) else error from None
        except errors.RayError as error:
            self.hired = [other for other in self.hired if other is not one]
            if share is None:
                self.failed[one.node] += 1
                self.reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            elif share.number == one.shares[0]:  # the others only waited for it
                self._count_loss(share)
            return None
        if share is not None:
            one.shares.remove(share.number)
        return outcome

    def _count_loss(self, share: Share[F]) -> None:
        self.losses[share.number] += 1
        if self.losses[share.number] > self.settings.max_retries:
            raise UserError(
                f"the process that computes the features of {share.files[0].name} to {share.files[-1].name} was lost "
                f"{self.losses[share.number]} times; the system ends it where memory runs out, for which a larger "
                "cluster.num_cpus=… helps, or one of these files ends it, which cluster=none would show"
            )

    def _found(self, outcome: Outcome[F]) -> ShareResult[F]:
        if isinstance(outcome, Refused):
            raise UserError(outcome.reason)
        if isinstance(outcome, Damaged):
            raise DamagedShelfError(self.shelves[outcome.shelf], outcome.digests)
        return outcome


@contextmanager
def crew(settings: ClusterSettings, wanted: Wanted[F], compiled: bool) -> Iterator[Crew[F]]:
    """The processes that go over shares, which end when this does."""
    with connected(settings.address, "cluster", cores()) as ray:
        shelves = {target.shelf.id: target.shelf for target in (*wanted.targets, *wanted.sources)}
        own = Crew[F](ray, settings, ray.put(to_read(wanted)), shelves, compiled, wanted.device.type == "cuda")
        try:
            own.check()
            yield own
        finally:
            own.end()


def shares_of(files: Sequence[File], known: Mapping[str, F], size: int) -> list[Share[F]]:
    """The files in shares of `size`, in order."""
    parts = [files[start : start + size] for start in range(0, len(files), size)]
    return [
        Share(number, part, {file.name: known[file.name] for file in part if file.name in known})
        for number, part in enumerate(parts)
    ]


def _rooms(resources: Mapping[str, float], num_cpus: int | None, cuda: bool) -> list[_Room]:
    cpus = int(resources.get("CPU", 0))
    if cuda:
        gpus = int(resources.get("GPU", 0))
        each = num_cpus or max(1, cpus // max(1, gpus))
        return [_Room(each, 1)] * min(gpus, cpus // each)
    each = num_cpus or cpus
    return [_Room(each, 0)] * (cpus // each if each else 0)
