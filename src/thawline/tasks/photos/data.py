"""Photos that have a score, as Lightning takes them."""

import torch

from thawline.tasks.data import TaskDataModule
from thawline.tasks.photos.scores import ScoredProblem, read_scored


class ScoredDataModule(TaskDataModule):
    """Photos at the thaw line, and their scores."""

    problem: ScoredProblem

    def read(self, device: torch.device) -> ScoredProblem:
        """The photos of the run's table, grouped."""
        return read_scored(self.settings, device)
