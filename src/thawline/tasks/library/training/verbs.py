"""The verb that learns from a library: data alone."""

from thawline.tasks.verb import Positional, Verb

VERBS = (
    Verb(
        "library train",
        ".training.train:train",
        "library_train",
        "learn tags, words and people from a photo library",
        (Positional("file", "FILE", url=True),),
        settings=".training.settings:LibraryTrainSettings",
        examples=(
            "thawline library train images_metadata.json",
            "thawline library train sqlite:///photos.db table=images out=Learnt",
        ),
        notes=("images=DIR   limit=1000   since=2024-01-01   tags=[beach,dog]   out=DIR",),
    ),
)
