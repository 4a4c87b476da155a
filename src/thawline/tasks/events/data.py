"""The photos of a run, as Lightning takes them."""

import torch

from thawline.tasks.data import TaskDataModule
from thawline.tasks.events.problem import EventsProblem
from thawline.tasks.events.read import read_events


class EventsDataModule(TaskDataModule):
    """Photos at the thaw line, by the occasion that they show."""

    problem: EventsProblem

    def read(self, device: torch.device) -> EventsProblem:
        """The photos of the run's folder, grouped, and the prompts of their classes."""
        return read_events(self.settings, device)
