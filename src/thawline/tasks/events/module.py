"""What gradient descent trains for the events task."""

import torch

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.classes import ClassesModule
from thawline.fitting.tail import Tail, final_features
from thawline.tasks.events.problem import EventsProblem
from thawline.tasks.photos.module import PhotosModule
from thawline.tasks.planning import fresh_tail, gradient_of


class EventsModule(PhotosModule):
    """A head of its own over an image encoder, or the encoder's projections below the classes' prompts."""
