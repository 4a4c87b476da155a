"""What gradient descent trains for the events task."""

from thawline.tasks.photos.module import PhotosModule


class EventsModule(PhotosModule):
    """A head of its own over an image encoder, or the encoder's projections below the classes' prompts."""
