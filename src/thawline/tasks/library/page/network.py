"""Tags as a network: the most frequent ones, joined where they come together more often than by chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from thawline.html import Html, name, tag

MOST_TAGS: Final = 40
MOST_BONDS: Final = 90
WIDTH, HEIGHT = 960, 640
_ROUNDS = 200
_EDGE = 60  # px that names need at the sides
_LISTED = 30  # pairs in the table beside it
_LONGEST = 18  # characters of a tag


@dataclass(frozen=True)
class Network:
    """Tags and what joins them.

    Attributes:
        tags: Their names, the most frequent first.
        counts: How many entries have each.
        bonds: (first, second, entries that have both, lift) of pairs, by number of tag, the closest first.
    """

    tags: Sequence[str]
    counts: Sequence[int]
    bonds: Sequence[tuple[int, int, int, float]]


def network_of(categories: Mapping[str, Any]) -> Network:
    """The network of what `category_patterns.json` holds."""
    common = [(str(one), int(count)) for one, count in categories.get("common_tags", ())][:MOST_TAGS]
    number = {one: at for at, (one, _) in enumerate(common)}
    bonds = []
    for pair in categories.get("co_occurrence", ()):
        first, second = (number.get(str(one)) for one in pair["tags"])
        if first is not None and second is not None and pair["lift"] > 1:
            bonds.append((first, second, int(pair["count"]), float(pair["lift"])))
    bonds.sort(key=lambda bond: (-bond[2] * math.log(bond[3]), bond[0], bond[1]))
    return Network([one for one, _ in common], [count for _, count in common], bonds[:MOST_BONDS])


def places(network: Network) -> NDArray[np.float64]:
    """[t, 2] where tags stand, within 0 and 1: joined ones near each other (Fruchterman and Reingold 1991).

    Nothing in it is drawn by chance: tags begin on a circle.
    """
    count = len(network.tags)
    angle = 2 * np.pi * np.arange(count) / max(count, 1)
    at = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    near = 1 / math.sqrt(max(count, 1))
    first = np.array([bond[0] for bond in network.bonds], np.int64)
    second = np.array([bond[1] for bond in network.bonds], np.int64)
    for step in range(_ROUNDS):
        apart = at[:, None] - at[None]
        distance = np.maximum(np.linalg.norm(apart, axis=2), 1e-6)
        push = (apart * (near**2 / distance**2)[..., None]).sum(axis=1)
        pull = at[first] - at[second]
        pull *= (np.linalg.norm(pull, axis=1) / near)[:, None] * 0.15
        np.add.at(push, first, -pull)
        np.add.at(push, second, pull)
        push -= 0.3 * at  # towards the middle: what nothing joins does not fly away
        length = np.maximum(np.linalg.norm(push, axis=1, keepdims=True), 1e-9)
        at = at + push / length * np.minimum(length, 0.1 * (1 - step / _ROUNDS))
    span = np.maximum(at.max(axis=0) - at.min(axis=0), 1e-9) if count > 1 else np.ones(2)
    return (at - at.min(axis=0)) / span if count > 1 else np.full((count, 2), 0.5)


def draw_network(network: Network) -> Html:
    """The network as a picture, and its closest pairs as a table, which says the same."""
    if not network.tags:
        return tag("p", "No entry has a tag.", class_="note")
    spots = _EDGE + places(network) * np.array([WIDTH - 2 * _EDGE, HEIGHT - 2 * _EDGE])
    most = max(network.counts)
    strongest = max((math.log(bond[3]) for bond in network.bonds), default=1.0)
    lines = [
        _line(spots[first].tolist(), spots[second].tolist(), 1 + round(3 * math.log(lift) / strongest))
        for first, second, _, lift in reversed(network.bonds)
    ]
    dots = [
        tag(
            "g",
            tag("title", f"{said}: {count} entries"),
            tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{4 + 14 * math.sqrt(count / most):.1f}"),
            tag(
                "text", _cut(said), x=f"{x:.1f}", y=f"{y - 6 - 14 * math.sqrt(count / most):.1f}", text_anchor="middle"
            ),
        )
        for said, count, (x, y) in zip(network.tags, network.counts, spots.tolist(), strict=True)
    ]
    about = (
        f"{len(network.tags)} tags, joined where they come together more often than by chance; the table says the same"
    )
    picture = tag("svg", *lines, *dots, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=about)
    return tag("div", tag("figure", picture, class_="network"), _table(network))


def _line(one: Sequence[float], other: Sequence[float], width: int) -> Html:
    ends = {"x1": one[0], "y1": one[1], "x2": other[0], "y2": other[1]}
    return tag("line", **{end: f"{value:.1f}" for end, value in ends.items()}, class_=f"w{width}")


def _table(network: Network) -> Html:
    head = tag("tr", *(tag("th", said, scope="col") for said in ("tag", "with", "entries", "times chance")))
    rows = [
        tag(
            "tr",
            tag("th", name(network.tags[first]), scope="row"),
            tag("td", name(network.tags[second])),
            tag("td", f"{count:,}", class_="number"),
            tag("td", f"{lift:.1f}", class_="number"),
        )
        for first, second, count, lift in network.bonds[:_LISTED]
    ]
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return tag(
        "details",
        tag("summary", "The closest pairs"),
        tag("div", table, class_="scroll", tabindex=0, role="region", aria_label="the closest pairs of tags"),
    )


def _cut(said: str) -> str:
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
