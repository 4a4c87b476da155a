"""The verbs on a library's people: data alone."""

from thawline.tasks.verb import Positional, Verb

_CONFIG, _SETTINGS = "library_people", ".people.settings:LibraryPeopleSettings"
_DIR, _PERSON = Positional("dir", "DIR"), Positional("person", "PERSON", path=False)

VERBS = (
    Verb(
        "library people",
        ".people.commands:people",
        _CONFIG,
        "list a library's people, and pairs that may be one",
        (Positional("dir", "DIR", required=False),),
        settings=_SETTINGS,
        examples=(
            "thawline library people outputs/library",
            "thawline library people NEW convert=face_clusters.pkl  an old pickle, not run",
        ),
        shows=True,
    ),
    Verb(
        "library name",
        ".people.commands:name",
        _CONFIG,
        'give a person a name; "" takes it away',
        (_DIR, _PERSON, Positional("called", "NAME", path=False)),
        settings=_SETTINGS,
        examples=("thawline library name outputs/library 3 Anna",),
    ),
    Verb(
        "library merge",
        ".people.commands:merge",
        _CONFIG,
        "make two people one, for good",
        (_DIR, _PERSON, Positional("into", "OTHER", path=False)),
        settings=_SETTINGS,
        examples=("thawline library merge outputs/library Anna 17",),
    ),
    Verb(
        "library split",
        ".people.commands:split",
        _CONFIG,
        "take faces out of a person, for good",
        (_DIR, _PERSON, Positional("others", "FACE", path=False, many=True)),
        settings=_SETTINGS,
        examples=("thawline library split outputs/library Anna 12#0 31",),
    ),
    Verb(
        "library forget",
        ".people.commands:forget",
        _CONFIG,
        "remove a person's every trace; training does not bring it back",
        (_DIR, _PERSON),
        settings=_SETTINGS,
        examples=("thawline library forget outputs/library Anna",),
    ),
)
