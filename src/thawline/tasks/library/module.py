"""What gradient descent trains for tags."""

import torch

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.lightning.tags import TagsModule
from thawline.fitting.tail import Tail
from thawline.tasks.library.problem import LibraryProblem
from thawline.tasks.photos.module import scaled
from thawline.tasks.planning import gradient_of


class LibraryModule(TagsModule):
    """A head over an image encoder that tells each tag by itself."""

    def __init__(self, problem: LibraryProblem, samples: FeatureSet, tail: Tail | None = None) -> None:
        """Measure a new head's scaling on the photos.

        Args:
            problem: The task's data.
            samples: The photos to train on.
            tail: What to fit; None: a fresh one.
        """
        settings = problem.settings
        super().__init__(
            scaled(problem, samples, tail),
            gradient_of(settings),
            targets=torch.from_numpy(samples.targets),
            sets=torch.from_numpy(problem.tagged.sets),
            seed=settings.seed,
        )
