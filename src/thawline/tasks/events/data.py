"""The photos of a run, as Lightning takes them."""

import torch

from thawline.tasks.data import TaskDataModule
from thawline.tasks.events.read import read_events
from thawline.tasks.photos.problem import PhotosProblem


class EventsDataModule(TaskDataModule):
    """Photos at the thaw line, by the occasion that they show."""

    problem: PhotosProblem

    def read(self, device: torch.device) -> PhotosProblem:
        """The photos of the run's folder, grouped, and the prompts of their classes."""
        return read_events(self.settings, device)
