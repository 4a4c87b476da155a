"""The pairs of a run, as Lightning takes them."""

import torch

from thawline.tasks.data import TaskDataModule
from thawline.tasks.match.problem import MatchProblem
from thawline.tasks.match.read import read_match


class MatchDataModule(TaskDataModule):
    """Images and texts at the thaw lines of both encoders, pair by pair."""

    problem: MatchProblem

    def read(self, device: torch.device) -> MatchProblem:
        """The pairs of the run's tables, grouped by the images and texts that they share."""
        return read_match(self.settings, device)
