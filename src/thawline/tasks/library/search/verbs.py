"""The verb that searches a library: data alone."""

from thawline.tasks.verb import Positional, Verb

VERBS = (
    Verb(
        "library search",
        ".search.commands:search",
        "library_search",
        "find photos of a library by words, meaning and names",
        (Positional("dir", "DIR"), Positional("words", "WORDS", path=False, many=True)),
        settings=".search.settings:LibrarySearchSettings",
        examples=(
            'thawline library search outputs/library "dog on a beach"',
            "thawline library search outputs/library Anna count=20 out=found.csv",
        ),
        notes=("count=10   tags=[beach,dog]   since=2024-01-01   out=FILE.jsonl|FILE.csv",),
        shows=True,
    ),
)
