"""Whether torchrun or SLURM started this process together with others. Nothing heavy is imported."""

import os
from dataclasses import dataclass

from thawline.errors import UserError
from thawline.fitting.settings import TrainerSettings


@dataclass(frozen=True)
class Launched:
    """A process among others.

    Attributes:
        by: What started it.
        rank: Its number among all, from 0.
        world: How many there are.
        nodes: On how many machines, as many on each.
    """

    by: str
    rank: int
    world: int
    nodes: int

    @property
    def devices(self) -> int:
        """Processes, and so devices, of each machine."""
        return self.world // self.nodes


def launched() -> Launched | None:
    """What this process is among those that were started with it; None where it is alone."""
    env = os.environ
    if "TORCHELASTIC_RUN_ID" in env and int(env["WORLD_SIZE"]) > 1:
        world = int(env["WORLD_SIZE"])
        return Launched("torchrun", int(env["RANK"]), world, world // int(env["LOCAL_WORLD_SIZE"]))
    # Of the step, which srun begins: a batch script that asked for several tasks is one process all the same.
    if (world := int(env.get("SLURM_STEP_NUM_TASKS", 1))) > 1:
        return Launched("srun", int(env["SLURM_PROCID"]), world, int(env.get("SLURM_STEP_NUM_NODES", 1)))
    return None


def check_launched(trainer: TrainerSettings) -> Launched | None:
    """What this process is among others, as `launched` says, where the settings agree.

    Raises:
        UserError: There are others and each would do everything, or there are none.
    """
    me = launched()
    if me is None and trainer.launched:
        raise UserError(
            "trainer=ddp is for processes that torchrun or srun starts: torchrun --nproc-per-node 2 -m thawline train "
            "…; trainer.devices=2 starts two itself"
        )
    if me is not None and not trainer.launched:
        raise UserError(
            f"{me.by} started {me.world} processes, and each would do the whole run; add trainer=ddp, so that "
            "they train one model together, or start one"
        )
    return me


def refuse_torchrun() -> None:
    """Refuse to begin a sweep in each process of torchrun. Those of srun can help one sweep, in one directory.

    Raises:
        UserError: torchrun started this process with others.
    """
    me = launched()
    if me is not None and me.by == "torchrun":
        raise UserError(
            f"torchrun started {me.world} processes, each of which would run the whole sweep; start one, without "
            "torchrun: its trials run side by side by hydra/launcher=joblib, submitit_slurm or ray"
        )
