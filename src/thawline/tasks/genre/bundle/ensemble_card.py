"""The card of an ensemble of models of tracks: what it is made of, how good it is, and how to use it."""

from collections.abc import Mapping, Sequence
from typing import Any

from thawline.bundles.card import Front, card, metrics_table
from thawline.bundles.networks.stems import all_licences, stated_licences


def ensemble_card(
    members: Sequence[Mapping[str, Any]],
    bases: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    method: str,
    facts: Mapping[str, Any],
) -> str:
    """The card of an ensemble.

    Args:
        members: As `ensemble.json` has them.
        bases: What the manifest of each says of its pretrained network.
        labels: Names of the classes.
        method: How they are joined, in words.
        facts: What the ensemble's manifest says.
    """
    rows = [
        f"| {one['name']} | {one['weight']:.3f} | {one['temperature']['value']:g} | `members/{one['folder']}` | "
        f"{all_licences(base)} |"
        for one, base in zip(members, bases, strict=True)
    ]
    parts = [
        f"{len(members)} models that Thawline tuned to tell {len(labels)} classes apart: {method}. It knows no others "
        "and says one of them of every track.",
        "\n".join(
            [
                "| member | weight | temperature | model | licence of its weights |",
                "| --- | --- | --- | --- | --- |",
                *rows,
            ]
        ),
        metrics_table(facts["metrics"], "tracks"),
        "## Use",
        '```python\nimport thawline\n\nfor said in thawline.load("DIR").predict(["track.mp3"]):\n'
        '    print(said["path"], said["primary_genre"], said["confidence"], said["components"])\n```',
        "On the command line: `thawline predict DIR TRACKS`. A track's scores are the mean, by weight, of its members' "
        "scores, each at its temperature. A member that can't judge a track is left out, the others' weights are "
        "renormalised, and `method` names it. Each folder in `members` is a model of its own, with a card, and "
        "`thawline.load` takes it alone.",
        "Every file of the tree is listed with its SHA-256 in `manifest.json`; `thawline.load` refuses an ensemble of "
        "which a bit was changed.",
    ]
    licences = [licence for base in bases for licence in stated_licences(base)]
    front = Front("audio-classification", "tracks", facts["metrics"], licences, facts["hashes"])
    return card(f"{', '.join(labels)}: an ensemble of classifiers of tracks", parts, front)
