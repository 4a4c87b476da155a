"""What gradient descent trains for a library's tags."""

from thawline.tasks.photos.module import PhotoTagsModule


class LibraryModule(PhotoTagsModule):
    """A head over an image encoder that tells each tag by itself."""
