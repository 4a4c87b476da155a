"""The verbs over the registry of versions: data alone, as in `verbs.py`."""

from thawline.tasks.verb import Positional, Verb

VERSIONS_VERBS = (
    Verb(
        "versions list",
        "thawline.commands.versions.showing:versions_list",
        "versions",
        "list the versions of a model, and which one is active",
        examples=(
            "thawline versions list",
            "thawline versions list versions.dir=/data/versions",
        ),
        shows=True,
    ),
    Verb(
        "versions show",
        "thawline.commands.versions.showing:versions_show",
        "versions",
        "show what a version was made of and what it is worth",
        (Positional("number", "NUMBER", path=False),),
        examples=("thawline versions show 3",),
        shows=True,
    ),
    Verb(
        "versions compare",
        "thawline.commands.versions.showing:versions_compare",
        "versions",
        "hold two versions against each other, on answers that both have judged",
        (Positional("number", "NUMBER", path=False), Positional("other", "NUMBER", path=False)),
        examples=("thawline versions compare 1 3",),
        shows=True,
    ),
    Verb(
        "versions activate",
        "thawline.commands.versions.changing:versions_activate",
        "versions",
        "make a version the active one, if it is sound and not worse",
        (Positional("number", "NUMBER", path=False),),
        examples=(
            "thawline versions activate 3",
            "thawline versions activate 3 force=true",
        ),
    ),
    Verb(
        "versions rollback",
        "thawline.commands.versions.changing:versions_rollback",
        "versions",
        "make the version active again that was so before",
        examples=("thawline versions rollback",),
    ),
    Verb(
        "versions export",
        "thawline.commands.versions.changing:versions_export",
        "versions",
        "write a version as a bundle of its own",
        (Positional("number", "NUMBER", path=False), Positional("out", "DIR", bundle=True)),
        examples=("thawline versions export 3 Model",),
    ),
    Verb(
        "versions import",
        "thawline.commands.versions.changing:versions_import",
        "versions",
        "keep a bundle as the next version",
        (Positional("bundle", "BUNDLE", bundle=True),),
        examples=("thawline versions import outputs/train/RUN/bundle",),
    ),
    Verb(
        "versions verify",
        "thawline.commands.versions.changing:versions_verify",
        "versions",
        "check every file of every version",
        (Positional("number", "NUMBER", required=False, path=False),),
        examples=(
            "thawline versions verify",
            "thawline versions verify 3",
        ),
        shows=True,
    ),
    Verb(
        "versions prune",
        "thawline.commands.versions.changing:versions_prune",
        "versions",
        "delete old versions that were never active, and stale ones",
        examples=("thawline versions prune keep=5",),
    ),
    Verb(
        "versions forget",
        "thawline.commands.versions.changing:versions_forget",
        "versions",
        "delete the answers of an item, and name the versions that know of it",
        (Positional("item", "ITEM", path=False),),
        examples=("thawline versions forget Photos/a.jpg",),
    ),
)
