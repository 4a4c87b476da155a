"""A trial as a job: named by its words here, run by a process that may be on another machine."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from thawline.commands.line.quoting import quote
from thawline.runs.directory import mark_failed
from thawline.runs.ends import lacked_resources, reason_of
from thawline.runs.secrets import saved_word
from thawline.runs.signals import Stopped, signals_end_the_run
from thawline.runs.sweep import Trial, read_trial

# Hydra sets these itself for each trial.
_NOT_OF_A_TRIAL = ("hydra.mode=", "hydra.run.dir=", "hydra.job.num=")


@dataclass(frozen=True)
class Job:
    """What a process needs to know to run a trial.

    Attributes:
        function: What Hydra calls for each trial.
        config_name: The primary config.
        words: The settings that the trial's config is composed of, Hydra's own among them.
        directory: The trial's, named by its number.
        folder: The working directory.
    """

    function: Callable[[DictConfig], None]
    config_name: str
    words: tuple[str, ...]
    directory: Path
    folder: Path

    def trial(self) -> Trial:
        """What is known of the trial now."""
        return read_trial(self.directory.parent, int(self.directory.name))


class JobLauncher(Launcher):
    """A launcher that runs each trial as a job of its own; `run` says how."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what the sweeper hands over."""
        self.config = config
        self._function = task_function

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the trials and wait for them. What each came to stands in its directory."""
        sweep = Path(self.config.hydra.sweep.dir).absolute()
        sweep.mkdir(parents=True, exist_ok=True)
        own: list[str] = OmegaConf.to_container(self.config.hydra.overrides.hydra)  # type: ignore[assignment]  # words
        shared = [word for word in own if not word.lstrip("+").startswith(_NOT_OF_A_TRIAL)]
        jobs = [
            Job(
                self._function,
                self.config.hydra.job.config_name,
                tuple(saved_word(word) for word in (*shared, *overrides)) if self.written else (*shared, *overrides),
                sweep / str(number),
                Path.cwd(),
            )
            for number, overrides in enumerate(job_overrides, start=initial_job_idx)
        ]
        # A sweep that goes on is launched with all of its trials.
        if left := [job for job in jobs if not job.trial().ended]:
            self.run(left)
        return [JobReturn(overrides=list(words), status=JobStatus.COMPLETED) for words in job_overrides]

    written = False  # whether jobs lie in files, which may hold no secret

    def run(self, jobs: Sequence[Job]) -> None:
        """Run the jobs, of which there are some, and wait for them; a trial whose process was lost is marked failed."""
        raise NotImplementedError


def run_job(job: Job) -> None:
    """Run a trial in this process, as Hydra would; whatever happens to it stands in its directory."""
    # Late: whoever only hands jobs on needs none of this.
    from thawline.commands.line.composing import begin, compose
    from thawline.commands.line.settings import register_settings

    os.chdir(job.folder)
    try:
        with signals_end_the_run():
            register_settings()
            place = (f"hydra.run.dir={quote(str(job.directory))}", f"hydra.job.num={job.directory.name}")
            job.function(begin(compose(job.config_name, [*job.words, *place])))
    except Stopped:
        pass  # its status says so
    except Exception as error:
        mark_failed(job.directory, reason_of(error), again=lacked_resources(error))


def mark_lost(job: Job, cause: str) -> None:
    """Write of a trial whose process is gone without a word that it failed; it may be run again."""
    if job.trial().status in ("running", "absent", "interrupted"):
        mark_failed(job.directory, cause, again=True)


def plain(settings: Any) -> dict[str, Any]:
    """A launcher's settings as Hydra hands them over, as plain Python."""
    container: dict[str, Any] = OmegaConf.to_container(OmegaConf.create(settings), resolve=True)  # type: ignore[assignment]
    return container
