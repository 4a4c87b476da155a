"""What gradient descent trains for the genre task: one label a track, or several."""

import torch

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.lightning.classes import ClassesModule
from thawline.fitting.lightning.tags import TagsModule
from thawline.fitting.tail import Tail
from thawline.tasks.genre.problem import GenreProblem
from thawline.tasks.genre.tags import TagsProblem
from thawline.tasks.genre.themes import measure
from thawline.tasks.planning import fresh_tail, gradient_of


class GenreModule(ClassesModule):
    """A head over the windows of tracks that have one label each."""

    def __init__(self, problem: GenreProblem, samples: FeatureSet, tail: Tail | None = None) -> None:
        """Measure a new head's scaling on the windows.

        Args:
            problem: The task's data.
            samples: The windows to train on.
            tail: What to fit; None: a fresh one.
        """
        settings = problem.settings
        tail = tail or fresh_tail(problem)
        measure(tail, samples, len(problem.themes))
        super().__init__(
            tail,
            gradient_of(settings),
            targets=torch.from_numpy(samples.targets),
            seed=settings.seed,
            mixup=settings.augmentation.mixup,
        )


class GenreTagsModule(TagsModule):
    """A head over the windows of tracks that can have several labels."""

    def __init__(self, problem: TagsProblem, samples: FeatureSet, tail: Tail | None = None) -> None:
        """Measure a new head's scaling on the windows; for the arguments see `GenreModule`."""
        settings = problem.settings
        tail = tail or fresh_tail(problem)
        measure(tail, samples, len(problem.themes))
        super().__init__(
            tail,
            gradient_of(settings),
            targets=torch.from_numpy(samples.targets),
            sets=torch.from_numpy(problem.marked.sets),
            seed=settings.seed,
        )


def genre_module(problem: GenreProblem, samples: FeatureSet) -> GenreModule | GenreTagsModule:
    """The module for the labels that the tracks of `problem` have."""
    return GenreTagsModule(problem, samples) if isinstance(problem, TagsProblem) else GenreModule(problem, samples)
