"""What gradient descent trains for the events task: one class a photo, or several labels."""

from thawline.fitting.feature_set import FeatureSet
from thawline.tasks.photos.module import PhotoScoresModule, PhotosModule, PhotoTagsModule
from thawline.tasks.photos.problem import PhotosProblem
from thawline.tasks.photos.scores import ScoredProblem
from thawline.tasks.photos.tags import TaggedProblem


class EventsModule(PhotosModule):
    """A head of its own over an image encoder, or the encoder's projections below the classes' prompts."""


class EventsTagsModule(PhotoTagsModule):
    """A head over an image encoder that tells each label by itself."""


def events_module(problem: PhotosProblem, samples: FeatureSet) -> EventsModule | EventsTagsModule | PhotoScoresModule:
    """The module for the labels that the photos of `problem` have, or their scores."""
    if isinstance(problem, ScoredProblem):
        return PhotoScoresModule(problem, samples)
    if isinstance(problem, TaggedProblem):
        return EventsTagsModule(problem, samples)
    return EventsModule(problem, samples)
