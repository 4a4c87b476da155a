"""What gradient descent trains for classes of photos."""

import torch

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.classes import ClassesModule
from thawline.fitting.tail import Tail, final_features
from thawline.tasks.photos.problem import PhotosProblem
from thawline.tasks.planning import fresh_tail, gradient_of


class PhotosModule(ClassesModule):
    """A head of its own over an image encoder, or the encoder's projections below the classes' prompts."""

    def __init__(self, problem: PhotosProblem, samples: FeatureSet, tail: Tail | None = None) -> None:
        """Measure a new head's scaling on the photos.

        Args:
            problem: The task's data.
            samples: The photos to train on.
            tail: What to fit; None: a fresh one.
        """
        settings = problem.settings
        super().__init__(
            scaled(tail or fresh_tail(problem), samples),
            gradient_of(settings),
            targets=torch.from_numpy(samples.targets),
            seed=settings.seed,
            mixup=settings.augmentation.mixup,
        )


def scaled(tail: Tail, samples: FeatureSet) -> Tail:
    """`tail`, a new head of which has measured its scaling on `samples`."""
    if isinstance(tail.head, DenseHead):
        tail.head.standardise.measure(final_features(tail.stages, samples))
    return tail
