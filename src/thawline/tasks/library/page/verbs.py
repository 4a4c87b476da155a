"""The verb that draws the page: data alone."""

from thawline.tasks.verb import Positional, Verb

VERBS = (
    Verb(
        "library page",
        ".page.commands:page",
        "library_page",
        "a page of a library's people, tags and descriptions",
        (Positional("dir", "DIR", required=False),),
        settings=".page.settings:LibraryPageSettings",
        examples=(
            "thawline library page outputs/library",
            "thawline library page outputs/library thumbnails=false",
        ),
    ),
)
