"""The answered photos of a run, as Lightning takes them."""

import torch

from thawline.tasks.data import TaskDataModule
from thawline.tasks.preference.problem import PreferenceProblem
from thawline.tasks.preference.read import read_preference


class PreferenceDataModule(TaskDataModule):
    """Photos at the thaw line, by what was answered to them."""

    problem: PreferenceProblem

    def read(self, device: torch.device) -> PreferenceProblem:
        """The photos that the run's file names, grouped, and what is liked in words."""
        return read_preference(self.settings, device)
