"""Trials as jobs of submitit: processes of this machine, or jobs of SLURM."""

import fcntl
import math
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from thawline.commands.sweeps.launchers.devices import VARIABLE, own_device
from thawline.commands.sweeps.launchers.jobs import Job, JobLauncher, mark_lost, plain, run_job
from thawline.commands.sweeps.launchers.lasting import keep
from thawline.commands.sweeps.launchers.settings import LocalSettings, SlurmSettings, count_jobs
from thawline.commands.sweeps.trial import say_trial
from thawline.runs.directory import mark_failed

FOLDER = "jobs"  # in the sweep's directory: what submitit writes
_PATIENCE = 25.0  # seconds that cancelled jobs have for a last checkpoint
_LOCK = "sweep.lock"
# States in which SLURM has a job still before it.
_BEFORE_ITS_END = frozenset(
    {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED", "REQUEUE_HOLD", "STAGE_OUT"}
)
# Ends for which a trial is not to blame: it is run on.
_RUN_ON = frozenset({"TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL"})


class _Submitted(JobLauncher):
    """What both have in common: jobs go in, their ends are looked for, and those cut off go in again."""

    written = True
    poll: float  # seconds between two looks
    retries: int  # how often a trial that was cut off is run on

    def run(self, jobs: Sequence[Job]) -> None:
        """Run the jobs and wait for them; none is left behind, however that ends."""
        # USR1 ends a run of ours in order; submitit's own choice, USR2, would kill it.
        os.environ["SUBMITIT_PREEMPT_SIGNAL"] = "USR1"
        folder = jobs[0].directory.parent / FOLDER
        waiting, running, cut_off = list(jobs), dict[Job, Any](), Counter[Job]()
        try:
            while waiting or running:
                free = min(self.room() - len(running), len(waiting))
                if free > 0:
                    running.update(zip(waiting[:free], self.submit(folder, waiting[:free]), strict=True))
                    del waiting[:free]
                time.sleep(self.poll)
                for job, cause in self.ended(running):
                    submitted = running.pop(job)
                    self.leave(job)
                    if self._goes_on(job, cause, cut_off):
                        waiting.append(job)
                        continue
                    _name_end(job, cause, submitted)
                    say_trial(job.directory)
                    _clear(folder, submitted, keep_logs=cause is not None)
        except BaseException:
            self.cancel(running)
            raise
        finally:
            _clear_all(folder)

    def _goes_on(self, job: Job, cause: str | None, cut_off: "Counter[Job]") -> bool:
        """Whether a trial that was cut off, by its time or its node's end, is run on; says so in its status if not."""
        status = job.trial().status
        if status != "interrupted" and (cause not in _RUN_ON or status not in ("running", "absent")):
            return False
        if cause == "CANCELLED":  # by someone's hand, who does not want it again
            return False
        cut_off[job] += 1
        if cut_off[job] <= self.retries:
            return True
        again = f"it was cut off {cut_off[job]} times ({cause or 'its time was up'}); give it more time: "
        mark_failed(job.directory, f"{again}hydra.launcher.time_min=…", again=True)
        return False

    def room(self) -> int:
        """How many jobs may be submitted and not have ended."""
        raise NotImplementedError

    def submit(self, folder: Path, jobs: Sequence[Job]) -> list[Any]:
        """Submit the jobs; `folder` takes what submitit writes."""
        raise NotImplementedError

    def ended(self, running: Mapping[Job, Any]) -> list[tuple[Job, str | None]]:
        """The jobs that ended, each with what became of it; None: it came to an end of its own."""
        raise NotImplementedError

    def leave(self, job: Job) -> None:
        """Give back what the job held."""

    def cancel(self, running: Mapping[Job, Any]) -> None:
        """End the jobs in order, and wait for that."""
        raise NotImplementedError


class LocalLauncher(_Submitted):
    """Trials as processes of this machine, some at a time; they end when the sweep does."""

    poll = 0.1

    def __init__(self, **settings: Any) -> None:
        self.settings = LocalSettings(**plain(settings))
        self.retries = self.settings.retries
        self._slots: dict[Job, int] = {}
        self._lock: Path | None = None

    def room(self) -> int:
        """How many jobs may run."""
        return count_jobs(self.settings.n_jobs)

    def submit(self, folder: Path, jobs: Sequence[Job]) -> list[Any]:
        """Start the jobs."""
        from submitit import LocalExecutor  # late: an extra, for this launcher alone

        executor = LocalExecutor(folder)
        executor.update_parameters(
            timeout_min=self.settings.time_min, signal_delay_s=self.settings.signal_delay_s, stderr_to_stdout=True
        )
        if self._lock is None:
            self._lock = folder / _LOCK
            keep(_held(self._lock))
        return [executor.submit(_run_here, job, self._lock, self._device(job)) for job in jobs]

    def _device(self, job: Job) -> str | None:
        """What the trial is to see of this machine's GPUs: one, that no other has while there are enough."""
        import torch  # late: the sweep's process has it, whoever only reads settings does not

        taken = set(self._slots.values())
        slot = self._slots[job] = next(number for number in range(len(taken) + 1) if number not in taken)
        return own_device(slot, os.environ.get(VARIABLE), torch.cuda.device_count())

    def leave(self, job: Job) -> None:
        """Give back the job's place."""
        del self._slots[job]

    def ended(self, running: Mapping[Job, Any]) -> list[tuple[Job, str | None]]:
        """Those whose processes are gone."""
        over = [job for job, submitted in running.items() if submitted.done()]
        return [(job, None if _has_result(running[job]) else "its process was killed") for job in over]

    def cancel(self, running: Mapping[Job, Any]) -> None:
        """Pass SIGTERM on; what is left when the sweep ends is killed by that."""
        for submitted in running.values():
            with suppress(ProcessLookupError):
                os.kill(int(submitted.job_id), signal.SIGTERM)  # its controller, which passes it on
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and not all(submitted.done() for submitted in running.values()):
            time.sleep(0.1)


class SlurmLauncher(_Submitted):
    """Trials as jobs of SLURM: those that are asked for together are one array."""

    def __init__(self, **settings: Any) -> None:
        self.settings = SlurmSettings(**plain(settings))
        self.poll, self.retries = self.settings.poll_s, self.settings.retries
        self._gone: set[str] = set()
        self._looked_back = False

    def room(self) -> int:
        """As many as there are: SLURM itself has no more of them run than it is told."""
        return 1_000_000

    def submit(self, folder: Path, jobs: Sequence[Job]) -> list[Any]:
        """Submit the jobs as one array."""
        from submitit import SlurmExecutor  # late: an extra, for this launcher alone

        if not self._looked_back:
            self._looked_back = True
            _cancel([path.name.partition("_submitted")[0] for path in folder.glob("*_submitted.pkl")])
        executor, how = SlurmExecutor(folder), self.settings
        asked = {
            **{key: getattr(how, key) for key in ("partition", "account", "qos", "constraint") if getattr(how, key)},
            **({"gpus_per_node": how.gpus} if how.gpus else {}),
            **({"mem": f"{math.ceil(how.mem_gb * 1024)}M"} if how.mem_gb is not None else {}),
        }
        executor.update_parameters(
            job_name=f"thawline-{jobs[0].directory.parent.name}".replace(" ", "_"),
            time=math.ceil(how.time_min),
            cpus_per_task=how.cpus,
            signal_delay_s=how.signal_delay_s,
            array_parallelism=how.array_parallelism,
            stderr_to_stdout=True,
            **asked,
        )
        return list(executor.map_array(run_job, jobs))

    def ended(self, running: Mapping[Job, Any]) -> list[tuple[Job, str | None]]:
        """Those that left a result, and those that SLURM says are over, seen twice: a shared folder lags behind.

        Why a trial was cut off is SLURM's to say: its time was up, or someone cancelled it.
        """
        whole = {job for job, one in running.items() if _has_result(one) and job.trial().status != "interrupted"}
        over: list[tuple[Job, str | None]] = [(job, None) for job in whole]
        states = _states() if len(over) < len(running) else None
        for job, one in running.items():
            state = "RUNNING" if states is None else states.get(one.job_id, "GONE")
            if job in whole or state in _BEFORE_ITS_END:
                continue
            if one.job_id in self._gone:
                over.append((job, state))
            self._gone.add(one.job_id)
        return over

    def cancel(self, running: Mapping[Job, Any]) -> None:
        """Have SLURM end the jobs."""
        _cancel([submitted.job_id for submitted in running.values()])


def _run_here(job: Job, lock: Path, device: str | None) -> None:
    """Run a trial in a process that ends with the sweep, by seeing the GPU that is its own."""
    threading.Thread(target=_end_with, args=(lock,), daemon=True).start()
    os.environ.pop(VARIABLE, None)  # submitit hides all GPUs
    if device is not None:
        os.environ[VARIABLE] = device
    run_job(job)


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    """Hold `lock` within, for which jobs wait that end with this process; the system lets go of it after a kill too."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            with suppress(OSError):  # what lost jobs said last is there
                lock.parent.rmdir()


def _end_with(lock: Path) -> None:
    with suppress(FileNotFoundError), lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    os._exit(1)


def _has_result(submitted: Any) -> bool:
    return bool(submitted.paths.result_pickle.exists())


def _states() -> dict[str, str] | None:
    """The state of each of the user's jobs, by its number; None: SLURM does not answer now."""
    # Not by sacct, as submitit does: that needs a database which many clusters do not have.
    command = ["squeue", "--me", "--noheader", "--array", "--states=all", "--format=%i|%T"]
    with suppress(OSError, subprocess.TimeoutExpired):
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  # ours
        if said.returncode == 0:
            return dict(line.strip().split("|", 1) for line in said.stdout.splitlines() if "|" in line)
    return None


def _cancel(numbers: Sequence[str]) -> None:
    """Cancel jobs of SLURM and wait until they are over: SLURM gives them 30 seconds to end in order."""
    if not numbers:
        return
    subprocess.run(["scancel", *numbers], capture_output=True, check=False)  # noqa: S603, S607  # numbers of jobs
    until = time.monotonic() + 2 * _PATIENCE
    while time.monotonic() < until:
        states = _states()
        if states is not None and not any(states.get(number) in _BEFORE_ITS_END for number in numbers):
            return
        time.sleep(1)


_MEANS = {
    "OUT_OF_MEMORY": "; give it more by hydra.launcher.mem_gb=…",
    "TIMEOUT": "; give it more by hydra.launcher.time_min=…",
}


def _name_end(job: Job, cause: str | None, submitted: Any) -> None:
    """Write of a trial that could not say so itself what became of it."""
    if cause is None:
        mark_lost(job, "its process ended before the trial began")
    elif cause.isupper():
        mark_lost(job, f"its job {submitted.job_id} ended as {cause}{_MEANS.get(cause, '')}")
    else:
        mark_lost(job, f"{cause}; the system does that when memory runs out")


def _clear(folder: Path, submitted: Any, *, keep_logs: bool) -> None:
    """Remove what submitit wrote of a job."""
    for path in folder.glob(f"{submitted.job_id}_*"):
        if not (keep_logs and path.suffix in (".out", ".err")):
            path.unlink(missing_ok=True)


def _clear_all(folder: Path) -> None:
    """Remove what submitit wrote, but what lost jobs said last; the lock goes with the sweep."""
    for path in folder.glob("*"):
        if path.suffix not in (".out", ".err", ".lock"):
            path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty, or not there
        folder.rmdir()
