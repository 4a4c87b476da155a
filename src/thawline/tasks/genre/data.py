"""The tracks of a run, as Lightning takes them."""

import torch

from thawline.tasks.data import TaskDataModule
from thawline.tasks.genre.problem import GenreProblem
from thawline.tasks.genre.read import read_genre


class GenreDataModule(TaskDataModule):
    """Windows of tracks at the thaw line, by the one label of their track or by several."""

    problem: GenreProblem

    def read(self, device: torch.device) -> GenreProblem:
        """The tracks of the run's folder or table, grouped, and cut into windows."""
        return read_genre(self.settings, device)
