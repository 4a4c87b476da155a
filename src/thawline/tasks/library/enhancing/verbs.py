"""The verbs that put to use what a library taught, and that correct it: data alone."""

from thawline.tasks.verb import Positional, Verb

_CONFIG, _SETTINGS = "library_enhance", ".enhancing.settings:LibraryEnhanceSettings"
_DIR = Positional("dir", "DIR")

VERBS = (
    Verb(
        "library enhance",
        ".enhancing.commands:enhance",
        _CONFIG,
        "say of new entries what a library taught",
        (_DIR, Positional("file", "FILE", url=True)),
        settings=_SETTINGS,
        examples=(
            "thawline library enhance outputs/library new.json       writes enhanced.json",
            "thawline library enhance outputs/library new.csv out=said.json",
        ),
    ),
    Verb(
        "library correct",
        ".enhancing.correcting:correct",
        "library_correct",
        "say what an entry's tags or description are; it lasts",
        (_DIR, Positional("id", "ID", required=False, path=False)),
        settings=".enhancing.settings:LibraryCorrectSettings",
        examples=(
            "thawline library correct outputs/library 12 tags=[dog,beach]",
            'thawline library correct outputs/library 12 description="Rex, at last"',
            "thawline library correct outputs/library 12 undo=true",
            "thawline library correct outputs/library file=corrections.csv",
        ),
        texts=("description",),
    ),
    Verb(
        "library advice",
        ".enhancing.commands:advice",
        _CONFIG,
        "say whether it is worth training on a library again, and why",
        (Positional("dir", "DIR", required=False), Positional("file", "FILE", required=False, url=True)),
        settings=_SETTINGS,
        examples=("thawline library advice outputs/library",),
        shows=True,
    ),
)
