"""Several processes that train together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch.distributed

from thawline.fitting.launched import Launched
from thawline.fitting.lightning.imported import L

if TYPE_CHECKING:
    from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment

# The others wait while the first process reads the samples, which can take hours.
_PATIENCE = timedelta(days=3)
_CPU = torch.device("cpu")


class DDPByFile(L.strategies.DDPStrategy):
    """DDP whose processes, each spawned, find each other through a file.

    Lightning's find each other at a port that was free when it looked. They import for seconds before one of them
    listens there, in which any other program can take it.
    """

    def __init__(self, place: Path, **settings: Any) -> None:
        """Say where.

        Args:
            place: A file that is not there yet, on a local disk.
            settings: Lightning's.
        """
        super().__init__(start_method="spawn", **settings)
        self._place = place

    def setup_distributed(self) -> None:
        """Find the others, before Lightning would."""
        self.set_world_ranks()
        torch.distributed.init_process_group(
            self._get_process_group_backend(),
            init_method=self._place.absolute().as_uri(),
            rank=self.global_rank,
            world_size=self.world_size,
            timeout=self._timeout,
            device_id=None if self.root_device.type == "cpu" else self.root_device,
        )
        super().setup_distributed()  # which leaves what is initialised as it is


class Together:
    """The processes that were launched with this one: the first has the others do what it does, step by step."""

    def __init__(self, me: Launched) -> None:
        """Take what this process is."""
        self._me = me
        self._broken = False  # whether work ended by an error, after which nobody listens

    def trainer_settings(self) -> dict[str, Any]:
        """What Lightning's Trainer is told of the processes."""
        strategy = L.strategies.DDPStrategy(cluster_environment=_environment(self._me))
        return {"devices": self._me.devices, "num_nodes": self._me.nodes, "strategy": strategy}

    def do(self, work: Callable[[Together], None]) -> None:
        """Do `work`, which must pickle, here and in all others. Only in the first process."""
        self._say(work)
        self._broken = True
        work(self)
        self._broken = False

    def help(self) -> None:
        """Do what the first process says until it says that it is done."""
        while (work := self._say(None)) is not None:
            work(self)

    def dismiss(self) -> None:
        """Tell the others that all is done. Only in the first process."""
        if not self._broken:  # else they end by an error as well, or are ended by what started them
            self._say(None)

    def _say(self, work: Callable[[Together], None] | None) -> Callable[[Together], None] | None:
        said = [work]
        torch.distributed.broadcast_object_list(said, src=0, device=_CPU)
        return said[0]


_met: list[Together] = []


def together() -> Together | None:
    """The processes that this one was launched with, within `meeting`; None outside of it."""
    return _met[-1] if _met else None


@contextmanager
def meeting(me: Launched, device: torch.device) -> Iterator[Together]:
    """Within, the processes that were launched together can talk to each other.

    Args:
        me: What this process is among them.
        device: What each computes on.
    """
    environment = _environment(me)
    os.environ.update(MASTER_ADDR=environment.main_address, MASTER_PORT=str(environment.main_port))
    torch.distributed.init_process_group(
        "gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl",
        rank=me.rank,
        world_size=me.world,
        timeout=_PATIENCE,
    )
    others = Together(me)
    _met.append(others)
    try:
        yield others
    finally:
        _met.remove(others)
        if me.rank == 0:
            others.dismiss()
        torch.distributed.destroy_process_group()


def _environment(me: Launched) -> ClusterEnvironment:
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    return TorchElasticEnvironment() if me.by == "torchrun" else SLURMEnvironment()
