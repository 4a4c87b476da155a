"""What can be set of the launchers, and how many trials each runs side by side."""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.util import find_spec

from omegaconf import DictConfig, OmegaConf

from thawline.cluster import require_ray
from thawline.errors import UserError
from thawline.runs.secrets import MASK, saved_word

# What names a partition, an account or the like: it stands in a script that SLURM runs.
_WORD = re.compile(r"[\w.,:+@&|*-]*")


@dataclass
class LocalSettings:
    """`hydra/launcher=submitit_local`.

    Attributes:
        n_jobs: How many trials run side by side; below 0: as joblib counts, -1 is one a core.
        time_min: Minutes that a trial has, after which it ends with a checkpoint and is run on in a new job.
        signal_delay_s: Seconds before that time at which it is told to end.
        retries: How often a trial whose time was up is run on.
    """

    _target_: str = "hydra_plugins.thawline.LocalLauncher"
    n_jobs: int = 1
    time_min: float = 1440
    signal_delay_s: int = 60
    retries: int = 3

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UserError: One is out of its range, or what it needs is not installed.
        """
        _require_submitit("submitit_local")
        _check_jobs(self.n_jobs)
        _check_limits(self.time_min, self.signal_delay_s, self.retries)


@dataclass
class SlurmSettings:
    """`hydra/launcher=submitit_slurm`: a job a trial, all of a batch in one array.

    Attributes:
        partition: Where the jobs wait; null: the cluster's own choice, as with all that follow.
        account: Who is charged.
        qos: The quality of service.
        constraint: What the nodes must have.
        time_min: Minutes that a job has, after which its trial ends with a checkpoint and is run on in a new job.
        signal_delay_s: Seconds before that time at which it is told to end.
        cpus: Cores of a trial.
        gpus: GPUs of a trial: none, or the one that it uses.
        mem_gb: Its memory in GB.
        array_parallelism: How many trials run side by side.
        retries: How often a trial is run on whose time was up or whose node was lost.
        poll_s: Seconds between two questions to SLURM.
    """

    _target_: str = "hydra_plugins.thawline.SlurmLauncher"
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    time_min: float = 240
    signal_delay_s: int = 120
    cpus: int = 2
    gpus: int = 0
    mem_gb: float | None = None
    array_parallelism: int = 16
    retries: int = 3
    poll_s: float = 15

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UserError: One is out of its range, what it needs is not installed, or SLURM is not here.
        """
        _require_submitit("submitit_slurm")
        for name in ("partition", "account", "qos", "constraint"):
            value = getattr(self, name)
            if value is not None and not _WORD.fullmatch(value):
                raise UserError(f"hydra.launcher.{name}={value!r} is no name; use letters, digits and .,:+@&|*-")
        if self.gpus not in (0, 1):
            raise UserError(f"hydra.launcher.gpus={self.gpus}: a trial is one device; use 0 or 1")
        for name, least in (("cpus", 1), ("array_parallelism", 1), ("poll_s", 0.1)):
            _check_least(name, getattr(self, name), least)
        if self.mem_gb is not None:
            _check_least("mem_gb", self.mem_gb, 0.1)
        _check_limits(self.time_min, self.signal_delay_s, self.retries)
        for program in ("sbatch", "srun", "squeue", "scancel"):
            if shutil.which(program) is None:
                raise UserError(
                    f"hydra/launcher=submitit_slurm needs SLURM's {program}, which is not on this machine; start the "
                    "sweep where jobs are submitted, or use hydra/launcher=submitit_local"
                )


@dataclass
class RaySettings:
    """`hydra/launcher=ray`.

    Attributes:
        address: Of a cluster: `auto` (the one that this machine belongs to) or `HOST:PORT`; null: one of
            this machine alone, which ends with the sweep.
        n_jobs: How many trials run side by side; null: as many as there is room for.
        num_cpus: Cores of a trial.
        num_gpus: GPUs of a trial, or a share such as 0.25; null: one, where there are any and the trainer uses it.
        max_retries: How often a trial is run on whose node was lost.
    """

    _target_: str = "hydra_plugins.thawline.RayLauncher"
    address: str | None = None
    n_jobs: int | None = None
    num_cpus: float = 1
    num_gpus: float | None = None
    max_retries: int = 3

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UserError: One is out of its range, or Ray is not installed.
        """
        if self.n_jobs is not None:
            _check_jobs(self.n_jobs)
        _check_least("num_cpus", self.num_cpus, 0)
        if self.num_gpus is not None and not 0 <= self.num_gpus <= 1:
            raise UserError(f"hydra.launcher.num_gpus={self.num_gpus}: a trial is one device; use 0 to 1")
        _check_least("max_retries", self.max_retries, 0)
        require_ray("hydra/launcher=ray")


@dataclass
class PackedSettings:
    """`hydra/launcher=packed`: trials that differ only above the thaw line are one computation.

    Attributes:
        n_jobs: How many trials a search asks for at a time.
    """

    _target_: str = "hydra_plugins.thawline.PackedLauncher"
    n_jobs: int = 16

    def __post_init__(self) -> None:
        """Check the value.

        Raises:
            UserError: It is out of its range.
        """
        _check_least("n_jobs", self.n_jobs, 1)


def check_launcher(launcher: DictConfig, words: Sequence[str]) -> None:
    """Refuse what a launcher of ours can't use before anything runs.

    Args:
        launcher: Its config.
        words: The settings of the command line, which submitit writes into a file for each job.

    Raises:
        UserError: A value is out of its range, what it needs is not there, or a file would hold a secret.
    """
    settings = OmegaConf.to_object(launcher)
    if not isinstance(settings, LocalSettings | SlurmSettings | RaySettings | PackedSettings):
        return
    known = [field.name for field in fields(settings)]
    if unknown := [str(key) for key in launcher if key not in known]:
        raise UserError(f"hydra.launcher has no setting '{unknown[0]}'; it has {', '.join(known[1:])}")
    shown = [word for word in words if MASK in saved_word(word) and MASK not in word]
    if shown and isinstance(settings, LocalSettings | SlurmSettings):
        key = shown[0].partition("=")[0]
        raise UserError(f"'{key}' is a secret, and submitit keeps jobs in files; give it as {key}='${{oc.env:NAME}}'")


def side_by_side(launcher: DictConfig) -> int:
    """How many trials the launcher of this config runs side by side; 1 for what runs them one after another."""
    if "array_parallelism" in launcher:
        return int(launcher.array_parallelism)
    if "n_jobs" not in launcher:
        return 1
    return count_jobs(-1 if launcher.n_jobs is None else launcher.n_jobs)


def count_jobs(n_jobs: int) -> int:
    """`n_jobs` as joblib counts: below 0 from the number of cores down, -1 is all of them."""
    return n_jobs if n_jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + n_jobs)


def _require_submitit(launcher: str) -> None:
    if find_spec("submitit") is None:
        raise UserError(f"hydra/launcher={launcher} needs submitit, not installed; run: pip install 'thawline[slurm]'")


def _check_jobs(n_jobs: int) -> None:
    if n_jobs == 0:
        raise UserError("hydra.launcher.n_jobs=0 runs nothing; use 1 or more, or -1 for one a core")


def _check_limits(time_min: float, signal_delay_s: int, retries: int) -> None:
    _check_least("signal_delay_s", signal_delay_s, 1)
    if time_min * 60 <= signal_delay_s:
        raise UserError(
            f"hydra.launcher.time_min={time_min:g} is no longer than signal_delay_s={signal_delay_s}, the seconds "
            "before its end at which a trial is told to end; give it more time"
        )
    _check_least("retries", retries, 0)


def _check_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise UserError(f"hydra.launcher.{name}={value} is below {least}")
