"""The LightningDataModule of a run, whatever its task: each task's own says how its data are read."""

from dataclasses import replace

import numpy as np
import torch

from thawline.encoders.device import find_device
from thawline.fitting.folds import Fold
from thawline.fitting.lightning.data import TailData
from thawline.fitting.problem import inner_fold
from thawline.tasks.capabilities import TaskProblem
from thawline.tasks.planning import feeding_of, gradient_of, plan_run
from thawline.tasks.settings import RunSettings


class TaskDataModule(TailData):
    """One fold of a run. What was not read before, `setup` reads, brings to the thaw line and plans.

    Attributes:
        settings: The run's.
        problem: What was read. Other processes that train along have none: the samples are all that they need.
    """

    def __init__(
        self,
        settings: RunSettings,
        problem: TaskProblem | None = None,
        fold: Fold | None = None,
        *,
        chooses: bool = True,
    ) -> None:
        """Say what to train on; nothing is read yet.

        Args:
            settings: The run's.
            problem: What was read of its data; None: `setup` reads them.
            fold: Whom to train on; None: the run's hold-out, or the first fold of its cross-validation.
            chooses: Whether inner samples are held out of those, for early stopping and the best epoch.

        Raises:
            UserError: The method of `settings` is not gradient descent.
        """
        super().__init__(None, None, feeding_of(settings))
        self.settings = settings
        self.problem = problem
        self._fold = fold
        self._chooses = chooses

    def read(self, device: torch.device) -> TaskProblem:
        """Read the run's data and bring them to the thaw line, on `device`."""
        raise NotImplementedError(f"{type(self).__name__} reads nothing")

    def setup(self, stage: str | None = None) -> None:
        """Have the samples at hand.

        Raises:
            UserError: The data, the encoder or the split can't be used.
        """
        if self.train is not None:
            return
        if self.problem is None:
            self.problem = self.read(find_device(self.settings.trainer.accelerator))
        problem, fold = self.problem, self._fold or plan_run(self.problem, self.settings)[0]
        if self._chooses:
            fold = inner_fold(problem, fold, share=self.settings.data.inner, seed=self.settings.seed)
            self.inner = problem.samples(fold.test)
        passes = gradient_of(self.settings).passes(len(fold.train), len(problem.classes))
        train = problem.samples(np.tile(fold.train, passes))
        self.train = replace(train, views=()) if self.settings.debug.overfit else train

    def __getstate__(self) -> dict[str, object]:
        """All but what was read, whose networks are large."""
        return {**self.__dict__, "problem": None}
