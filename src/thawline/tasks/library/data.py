"""The tagged photos of a run, as Lightning takes them."""

import torch

from thawline.tasks.data import TaskDataModule
from thawline.tasks.library.problem import LibraryProblem
from thawline.tasks.library.read import read_tagged


class LibraryDataModule(TaskDataModule):
    """Photos at the thaw line, with their tags."""

    problem: LibraryProblem

    def read(self, device: torch.device) -> LibraryProblem:
        """The photos of the run's library, grouped."""
        return read_tagged(self.settings, device)
