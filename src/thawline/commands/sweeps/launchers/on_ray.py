"""Trials as tasks of Ray, on this machine or a cluster."""

import math
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from thawline.cluster import connected
from thawline.commands.sweeps.launchers.jobs import Job, JobLauncher, mark_lost, plain, run_job
from thawline.commands.sweeps.launchers.lasting import keep
from thawline.commands.sweeps.launchers.settings import RaySettings, count_jobs
from thawline.commands.sweeps.trial import say_trial
from thawline.errors import UserError

_LOOK = 0.5  # seconds after which Ctrl-C is noticed
_PATIENCE = 25.0  # seconds that cancelled trials have to end in order


class RayLauncher(JobLauncher):
    """A task a trial. A worker that is killed names its trial; trials of a node that is lost are run on."""

    def __init__(self, **settings: Any) -> None:
        self.settings = RaySettings(**plain(settings))
        self._connected = False

    def run(self, jobs: Sequence[Job]) -> None:
        """Run the jobs and wait for them; none is left behind, however that ends."""
        if not self._connected:
            keep(connected(self.settings.address, "hydra.launcher", _cpus(self.settings)))
            self._connected = True
        import ray

        # Ray's own retries would run a trial again and again that kills its process; whose fault it was is told below.
        task = ray.remote(max_retries=0, num_cpus=self.settings.num_cpus, num_gpus=self._gpus(ray))(run_job)
        waiting, running, lost = list(jobs), dict[Any, Job](), Counter[Job]()
        most = len(jobs) if self.settings.n_jobs is None else count_jobs(self.settings.n_jobs)
        try:
            while waiting or running:
                while waiting and len(running) < most:
                    job = waiting.pop(0)
                    running[task.remote(job)] = job
                for done in ray.wait(list(running), timeout=_LOOK)[0]:
                    job = running.pop(done)
                    cause = _cause(ray, done)
                    if cause == "" and lost[job] < self.settings.max_retries:
                        lost[job] += 1
                        waiting.append(job)
                        continue
                    mark_lost(job, "its process ended before the trial began" if cause is None else cause or _NODE)
                    say_trial(job.directory)
        except BaseException:
            for reference in running:
                with suppress(Exception):  # the cluster may be what is gone
                    ray.cancel(reference)
            if running:
                with suppress(Exception):
                    ray.wait(list(running), num_returns=len(running), timeout=_PATIENCE)
            raise

    def _gpus(self, ray: Any) -> float:
        """GPUs of a trial.

        Raises:
            UserError: No node has what a trial is to get.
        """
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        most = max(node.get("GPU", 0) for node in nodes)
        gpus = self.settings.num_gpus
        if gpus is None:
            gpus = 1.0 if most >= 1 and self.config.trainer.accelerator in ("auto", "gpu") else 0.0
        if not any(node.get("CPU", 0) >= self.settings.num_cpus and node.get("GPU", 0) >= gpus for node in nodes):
            raise UserError(
                f"no node of the Ray cluster has num_cpus={self.settings.num_cpus:g} and num_gpus={gpus:g} "
                "for a trial; set hydra.launcher.num_cpus=… and hydra.launcher.num_gpus=…"
            )
        return gpus


_NODE = "its node was lost, again and again"


def _cpus(settings: RaySettings) -> int:
    """Cores of a cluster of this machine alone: room for the trials that are to run side by side."""
    room = math.ceil(settings.num_cpus * count_jobs(settings.n_jobs or 1))
    return max(os.cpu_count() or 1, room) if settings.n_jobs is None else max(room, 1)


def _cause(ray: Any, done: Any) -> str | None:
    """Why a task did not come to its end: None, it did; "", its node was lost, for which the trial is not to blame."""
    errors = ray.exceptions
    try:
        ray.get(done)
    except errors.OutOfMemoryError:
        return "Ray killed its process: its node was out of memory; give a trial more room by hydra.launcher.num_cpus=…"
    except errors.WorkerCrashedError:
        return "its process was killed; the system does that when memory runs out"
    except (errors.NodeDiedError, errors.LocalRayletDiedError):
        return ""
    except errors.RayError as error:
        return f"Ray could not run it: {(str(error).strip().splitlines() or [type(error).__name__])[0]}"
    return None
