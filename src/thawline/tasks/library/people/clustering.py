"""Faces to people: grouped anew from all faces, so that the order in which they came changes nothing."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import numpy as np
import xxhash
from numpy.typing import NDArray

from thawline.tasks.library.people.constraints import Held, hold
from thawline.tasks.library.people.faces import Faces, together
from thawline.tasks.library.people.grouping.linking import (
    NEAR,
    Groups,
    groups_of,
    link,
    look_like_two,
    mean_neighbours,
    neighbour_pairs,
    pairs_of,
)
from thawline.tasks.library.people.grouping.neighbours import Floats, Ints, nearest
from thawline.tasks.library.people.grouping.others import hdbscan, whispers
from thawline.tasks.library.people.grouping.own import own_threshold, pairs_in_doubt
from thawline.tasks.library.people.grouping.threshold import Threshold, learn_threshold, stands_out, usual
from thawline.tasks.library.people.people import People, Unsure, numbered
from thawline.tasks.library.people.settings import PeopleSettings

_LEARNT_FROM = 3_000  # faces, at most, that the threshold is learnt from
_EDITION = 2  # raised when the same faces and words become other people
_ROUNDS = 6  # of groups by a threshold and a threshold by groups
_NARROWLY = 0.07  # of cosine: so little below the threshold
_SHOWN = 100  # pairs to look at


@dataclass(frozen=True)
class Graph:
    """The nearest neighbours of faces.

    Attributes:
        places: [n, k] Which faces; -1: none.
        cosines: [n, k] How alike they are, the most first.
    """

    places: Ints
    cosines: Floats


def cluster(faces: Faces, before: People, settings: PeopleSettings, seen: Iterable[str] = ()) -> People:
    """The people of `faces` and of those of `before`, with the numbers that they had.

    All faces are grouped anew; forgotten ones are left out. What the owner said holds. The same faces and words
    give the same people, however they came.

    Args:
        faces: Those of the entries that were read.
        before: The people as they stood.
        settings: How.
        seen: The entries that were read, those without a face among them: what faces they had before is outdated.

    Raises:
        UserError: Encodings of two widths, or more faces than the method can take.
    """
    added = faces.take(~before.forgotten.holds(faces))
    kept = _still_there(before.faces, added, {*added.entries, *seen}, keep=settings.gone == "keep")
    before = _without(before, set(before.faces.keys) - set(kept.keys), entirely=settings.gone == "drop")
    all_faces = together(kept, added)
    named = [name.faces for _, name in sorted(before.names.items())]
    held = hold(all_faces, before.constraints, named, one_a_photo=settings.one_a_photo)
    if before.grouped == _digest(all_faces, held, settings, before.persons):
        return replace(before, faces=all_faces)
    groups, threshold, near = group(all_faces, held, settings)
    persons, following = numbered(groups.of, all_faces.keys, before)
    return replace(
        before,
        faces=all_faces,
        persons=persons,
        following=following,
        unsure=_unsure(groups, persons, threshold, near, held),
        least=round(threshold.of_faces, 4),
        grouped=_digest(all_faces, held, settings, persons),
    )


def _digest(faces: Faces, held: Held, settings: PeopleSettings, persons: Ints) -> str:
    """Of all that decides the groups, and of the people that they became."""
    said = json.dumps([_EDITION, asdict(settings), faces.keys, faces.encodings.shape[1:]])
    digest = xxhash.xxh3_128(said.encode("utf-8", "surrogatepass"))
    clear = ~(faces.quality < settings.quality)
    for array in (faces.encodings, clear, held.groups, held.first, held.second, persons):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _still_there(before: Faces, added: Faces, seen: set[str], *, keep: bool) -> Faces:
    """Those of `before` that are among `added` unchanged, or whose entry nobody has read."""
    now = dict(zip(added.keys, added.encodings, strict=True))
    rows = [
        (key in now and np.array_equal(now[key], encoding)) or (keep and entry not in seen)
        for key, entry, encoding in zip(before.keys, before.entries, before.encodings, strict=True)
    ]
    return before.take(np.array(rows, np.bool_))


def _without(people: People, gone: set[str], *, entirely: bool) -> People:
    """`people` without a word of the faces `gone`; `entirely`: nor a name of which nothing else is left."""
    if not gone:
        return people
    names = {number: replace(name, faces=name.faces - gone) for number, name in people.names.items()}
    rows = np.array([key not in gone for key in people.faces.keys], np.bool_)
    persons = people.persons[rows]
    left = {number: name for number, name in names.items() if not entirely or name.faces or number in persons}
    faces = people.faces.take(rows)
    return replace(people, faces=faces, persons=persons, names=left, constraints=people.constraints.without(gone))


def group(faces: Faces, held: Held, settings: PeopleSettings) -> tuple[Groups, Threshold, Ints]:
    """Groups of `faces`, the threshold that made them, and the nearest faces of each.

    Faces of low quality come last: each joins a group that is there, or stays apart.
    """
    clear = ~(faces.quality < settings.quality)
    if clear.all() or not clear.any():
        return _group(faces, held, settings)
    rows = np.flatnonzero(clear)
    groups, threshold, _ = _group(faces.take(rows), held.within(rows), settings)
    places, _ = nearest(faces.units, settings.neighbours)
    near = places[:, :NEAR]
    of_held = np.full(int(held.groups.max()) + 1, -1)
    of_held[held.groups[rows]] = groups.of  # what the owner said is one with these
    labels = np.where(of_held >= 0, of_held, len(groups.sizes) + np.arange(len(of_held)))[held.groups]
    labels[rows] = groups.of

    def forbidden(of: Ints, first: Ints, second: Ints) -> NDArray[np.bool_]:
        decided = np.zeros(int(of.max()) + 1, np.bool_)
        decided[of[rows]] = True
        return held.forbidden(of, first, second) | (decided[first] & decided[second])

    joined = groups_of(faces.units, labels)
    link(joined, *_between(joined.of, *neighbour_pairs(places)), threshold, near, forbidden, further=True)
    return joined, threshold, near


def _group(faces: Faces, held: Held, settings: PeopleSettings) -> tuple[Groups, Threshold, Ints]:
    units = faces.units
    threshold = find_threshold(faces, settings)
    graph = Graph(*nearest(units, settings.neighbours))
    near = graph.places[:, :NEAR]
    if settings.method == "average":
        groups = groups_of(units, held.groups)
        pairs = _between(groups.of, *neighbour_pairs(graph.places))
        link(groups, *pairs, threshold, near, held.forbidden, further=True)
        if settings.same is None and (own := own_threshold(units, groups, threshold)) is not None:
            link(groups, *pairs_in_doubt(groups), own, near, held.forbidden, further=False)
        return groups, threshold, near
    if settings.method == "whispers":
        labels = whispers(graph.places, graph.cosines, threshold.of_faces)
    else:
        labels = hdbscan(units)
    return _keeping(units, labels, held, graph), threshold, near


def _between(of: Ints, first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Pairs of faces as pairs of groups."""
    return pairs_of(of[first], of[second], int(of.max(initial=0)) + 1)


def _keeping(units: Floats, labels: Ints, held: Held, graph: Graph) -> Groups:
    """Groups by `labels`, as far as what the owner said lets them."""
    groups = groups_of(units, held.groups)
    first_face = np.unique(groups.of, return_index=True)[1]
    label_of = labels[first_face][groups.of]  # a group of the owner's is where its first face is
    near_first, near_second = neighbour_pairs(graph.places)
    by_label = np.lexsort((np.arange(len(labels)), label_of))
    first = np.concatenate([near_first, by_label[:-1]])
    second = np.concatenate([near_second, by_label[1:]])
    same = label_of[first] == label_of[second]
    anything = Threshold(0, 0, 0, 0, fixed=-2.0)
    none = np.full((len(units), 0), -1)
    link(groups, *_between(groups.of, first[same], second[same]), anything, none, held.forbidden, further=False)
    return groups


def find_threshold(faces: Faces, settings: PeopleSettings) -> Threshold:
    """The threshold by which `faces` are grouped: learnt from them, unless a setting says it.

    Groups by a first threshold say which faces are of different people, and these say the next, until nothing changes.
    """
    if settings.same is not None:
        return Threshold(0, 0, 0, 0, fixed=settings.same)
    number = len(faces)
    known = usual(faces.lengths, faces.encodings.shape[1])
    some = faces
    if number > _LEARNT_FROM:
        some = faces.take(np.sort(np.random.default_rng(0).choice(number, _LEARNT_FROM, replace=False)))
    units = some.units
    graph = Graph(*nearest(units, settings.neighbours))
    threshold = learn_threshold(units, None, known, number)
    several = stands_out(units, graph.cosines)
    if not several:
        threshold = replace(threshold, fixed=known)
    labels: Ints | None = None
    pairs = neighbour_pairs(graph.places)
    for _ in range(_ROUNDS):
        groups = groups_of(units, np.arange(len(units)))
        link(groups, *pairs, threshold, graph.places[:, :NEAR], _nothing_forbidden, further=True)
        if labels is not None and (labels == groups.of).all():
            break
        labels = groups.of
        threshold = learn_threshold(units, labels, known, number)
        if not several and threshold.of_faces > known:  # parts of one person may have been taken for people
            threshold = replace(threshold, fixed=known)
    return threshold


def _nothing_forbidden(_: Ints, first: Ints, __: Ints) -> NDArray[np.bool_]:
    return np.zeros(len(first), np.bool_)


def _unsure(groups: Groups, persons: Ints, threshold: Threshold, near: Ints, held: Held) -> tuple[Unsure, ...]:
    """Pairs of people that narrowly stayed two, the most alike first."""
    if len(groups.sizes) < 2:
        return ()
    first, second = mean_neighbours(groups, NEAR)
    alike = groups.alike(first, second)
    least = threshold.least(groups, first, second)
    shown = np.flatnonzero((alike >= least - _NARROWLY * (1 - least) / 0.5) & ~held.forbidden(groups.of, first, second))
    twins = look_like_two(groups, first[shown], second[shown], alike[shown], near)
    number = persons[np.unique(groups.of, return_index=True)[1]]
    found = [
        Unsure(*_ordered(int(number[a]), int(number[b])), round(float(cosine), 4), "twins" if two else "near")
        for a, b, cosine, two in zip(first[shown], second[shown], alike[shown], twins, strict=True)
    ]
    return tuple(sorted(found, key=lambda pair: (pair.why != "twins", -pair.alike, pair.first, pair.second))[:_SHOWN])


def _ordered(a: int, b: int) -> tuple[int, int]:
    return min(a, b), max(a, b)
