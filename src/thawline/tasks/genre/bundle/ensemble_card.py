"""The card of an ensemble of models of tracks: what it is made of, how good it is, and how to use it."""

from collections.abc import Mapping, Sequence
from typing import Any

from thawline.bundles.card import metrics_table


def ensemble_card(
    members: Sequence[Mapping[str, Any]],
    licences: Sequence[str],
    labels: Sequence[str],
    method: str,
    metrics: Mapping[str, Any],
) -> str:
    """The card of the ensemble of `members`, as `ensemble.json` has them, with the licences of their weights."""
    rows = [
        f"| {one['name']} | {one['weight']:.3f} | {one['temperature']['value']:g} | `members/{one['folder']}` | "
        f"{licence} |"
        for one, licence in zip(members, licences, strict=True)
    ]
    parts = [
        f"# {', '.join(labels)}: an ensemble of classifiers of tracks",
        f"{len(members)} models that Thawline tuned to tell {len(labels)} classes apart: {method}. It knows no others "
        "and says one of them of every track.",
        "\n".join(
            [
                "| member | weight | temperature | model | licence of its weights |",
                "| --- | --- | --- | --- | --- |",
                *rows,
            ]
        ),
        metrics_table(metrics, "tracks"),
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
    return "\n\n".join(parts) + "\n"
