"""Trials that differ only above the thaw line as one computation; the others one after another, in this process."""

from collections.abc import Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig

from thawline.commands.sweeps.packing import Here
from thawline.runs.sweep import read_trial


class PackedLauncher(BasicLauncher):
    """Hydra's basic launcher, which fits together what it can of the trials that it is given at once."""

    def __init__(self, n_jobs: int, *, least: int = 2) -> None:
        """Take the settings.

        Args:
            n_jobs: For sweepers, which ask for so many trials at a time.
            least: So many that differ only above the thaw line are fitted together; 0: none ever.
        """
        super().__init__()
        self._least = least
        self._here: Here | None = None

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the trials. What each came to stands in its directory."""
        assert self.config is not None  # noqa: S101  # it was set up
        sweep = Path(self.config.hydra.sweep.dir).absolute()
        trials = dict(enumerate(job_overrides, start=initial_job_idx))
        self._here = self._here or Here(sweep, self._compose, least=self._least)
        ran = self._here.run(trials)
        for number, words in trials.items():
            if number not in ran and not read_trial(sweep, number).ended:
                super().launch([words], number)
        return [JobReturn(overrides=list(words), status=JobStatus.COMPLETED) for words in job_overrides]

    def _compose(self, words: Sequence[str]) -> DictConfig:
        assert self.hydra_context is not None  # noqa: S101  # as above
        assert self.config is not None  # noqa: S101
        config: DictConfig = self.hydra_context.config_loader.load_sweep_config(self.config, list(words))
        return config
