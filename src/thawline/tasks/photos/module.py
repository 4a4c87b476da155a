"""What gradient descent trains for classes of photos, their labels or their scores."""

import numpy as np
import torch

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.classes import ClassesModule
from thawline.fitting.lightning.scores import ScoresModule
from thawline.fitting.lightning.tags import TagsModule
from thawline.fitting.tail import Tail, final_features
from thawline.tasks.photos.problem import PhotosProblem
from thawline.tasks.photos.scores import ScoredProblem
from thawline.tasks.photos.tags import TaggedProblem
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
            scaled(problem, samples, tail),
            gradient_of(settings),
            targets=torch.from_numpy(samples.targets),
            seed=settings.seed,
            mixup=settings.augmentation.mixup,
        )


class PhotoTagsModule(TagsModule):
    """A head over an image encoder that tells each label by itself."""

    def __init__(self, problem: TaggedProblem, samples: FeatureSet, tail: Tail | None = None) -> None:
        """Measure a new head's scaling on the photos; for the arguments see `PhotosModule`."""
        settings = problem.settings
        super().__init__(
            scaled(problem, samples, tail),
            gradient_of(settings),
            targets=torch.from_numpy(samples.targets),
            sets=torch.from_numpy(problem.tagged.sets),
            seed=settings.seed,
        )


class PhotoScoresModule(ScoresModule):
    """A head over an image encoder that gives a photo's score."""

    def __init__(self, problem: ScoredProblem, samples: FeatureSet, tail: Tail | None = None) -> None:
        """Measure a new head's scaling, and the scores, on the photos; for the arguments see `PhotosModule`."""
        settings = problem.settings
        super().__init__(
            scaled(problem, samples, tail),
            gradient_of(settings),
            targets=torch.from_numpy(samples.targets),
            seed=settings.seed,
        )


def scaled(problem: PhotosProblem, samples: FeatureSet, tail: Tail | None = None) -> Tail:
    """A tail of `problem`, a new head of which has measured its scaling on `samples`.

    What it measured is kept with the data: fresh tails of all trials on the same photos come to the same.

    Args:
        problem: The task's data.
        samples: The photos to train on.
        tail: What to fit; None: a fresh one.
    """
    measured = tail or fresh_tail(problem)
    if isinstance(measured.head, DenseHead):
        standardise, photos = measured.head.standardise, samples.indices.tobytes()
        if tail is None and photos in problem.scalings:
            standardise.load_state_dict(problem.scalings[photos])
        else:
            # Once of each, however often an epoch goes over them.
            _, first = np.unique(samples.indices, return_index=True)
            standardise.measure(final_features(measured.stages, samples.subset(np.sort(first))))
        if tail is None:
            problem.scalings.setdefault(photos, {name: each.clone() for name, each in standardise.state_dict().items()})
    return measured
