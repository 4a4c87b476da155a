"""How well people are grouped: on made encodings, and on random choices among the people of a library.

    python tools/simulate_people.py [--seeds 6] [--only 16x10]
    python tools/simulate_people.py --library faces_metadata.json --identities faces_identities.json

Each line has the pairwise precision and F1, mean and worst, and the mean number of people found. No face of a library
with one photo a person has a pair, so that of these only the number of people says anything.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thawline.tasks.library.people.clustering import group
from thawline.tasks.library.people.constraints import Held
from thawline.tasks.library.people.faces import Faces, faces_of
from thawline.tasks.library.people.judging import figures_of
from thawline.tasks.library.people.settings import PeopleSettings

# Networks: width, the mean cosine of different people and its deviation, the mean of one person's faces, length.
NETWORKS = {
    "centred": (128, 0.15, 0.13, 0.72, 1.0),
    "wide": (128, 0.15, 0.15, 0.62, 1.0),
    "angular": (512, 0.02, 0.06, 0.60, 1.0),
    "dlib": (128, 0.80, 0.035, 0.945, 1.4),
}
# Kinds of libraries: the faces of each person.
LIBRARIES: dict[str, list[int]] = {
    "4x10": [10] * 4,
    "8x10": [10] * 8,
    "16x10": [10] * 16,
    "40x10": [10] * 40,
    "20x3": [3] * 20,
    "1x40": [40],
    "falling": [max(1, 60 // (rank + 1)) for rank in range(30)],
    "5x20+100x1": [20] * 5 + [1] * 100,
    "50x1": [1] * 50,
    "twins": [10] * 8,
}
TWINS = 0.55  # of what tells the second person from others, so much is the first one's
CHOICES = (4, 8, 12, 16, 20)  # people of a library


def made(random: np.random.Generator, network: str, library: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Encodings [n, d] and whose they are: photos of one person differ, some more than others."""
    width, between, deviation, within, length = NETWORKS[network]
    counts = LIBRARIES[library]
    dimensions = max(4, min(width - 1, round(((1 - between) / deviation) ** 2)))
    basis = np.linalg.qr(random.normal(size=(width, dimensions + 1)))[0]
    own = random.normal(size=(len(counts), dimensions))
    if library == "twins":
        own[1] = TWINS * own[0] + np.sqrt(1 - TWINS**2) * own[1]
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    centres = np.sqrt(between) * basis[:, 0] + np.sqrt(1 - between) * own @ basis[:, 1:].T
    who = np.repeat(np.arange(len(counts)), counts)
    noise = random.normal(size=(len(who), width)) / np.sqrt(width)
    scale = np.exp(0.35 * random.normal(size=len(who)) - 0.35**2)  # its mean square is 1
    rows = centres[who] + np.sqrt(1 / within - 1) * scale[:, None] * noise
    order = random.permutation(len(who))
    return (length * rows / np.linalg.norm(rows, axis=1, keepdims=True))[order].astype(np.float32), who[order]


def judged(faces: Faces, who: NDArray[np.int64], settings: PeopleSettings) -> tuple[float, float, int]:
    """Pairwise precision and F1, and how many people are found."""
    groups = group(faces, Held(np.arange(len(faces))), settings)[0]
    figures = figures_of(who, groups.of)
    return figures["pairwise_precision"], figures["pairwise_f1"], len(groups.sizes)


def show(name: str, people: int, results: Iterable[tuple[float, float, int]]) -> None:
    """A line of figures."""
    precision, f1, found = np.array(list(results)).T
    print(
        f"{name:22} precision {precision.mean():.3f} least {precision.min():.3f}  F1 {f1.mean():.3f} least "
        f"{f1.min():.3f}  people {found.mean():.1f} of {people}",
        flush=True,
    )


def simulate(settings: PeopleSettings, seeds: int, only: Sequence[str]) -> None:
    """All kinds of networks and libraries."""
    for network in NETWORKS:
        for library in only or LIBRARIES:
            results = []
            for seed in range(seeds):
                encodings, who = made(np.random.default_rng(seed), network, library)
                faces = faces_of([f"{row:06d}" for row in range(len(who))], [one[None] for one in encodings])
                results.append(judged(faces, who, settings))
            show(f"{network} {library}", len(LIBRARIES[library]), results)


def choose(settings: PeopleSettings, library: Path, identities: Path, seeds: int) -> None:
    """Random choices among the people of a library of entries with one face each."""
    entries, known = json.loads(library.read_text()), json.loads(identities.read_text())
    ids = [str(entry["id"]) for entry in entries]
    names = np.unique([known[id_] for id_ in ids], return_inverse=True)[1]
    random = np.random.default_rng(7)
    number = int(names.max()) + 1
    for count in (*(count for count in CHOICES if count < number), number):
        results = []
        for _ in range(seeds if count < number else 1):
            rows = np.flatnonzero(np.isin(names, random.choice(number, count, replace=False)))
            some = [np.array(entries[row]["face_encodings"], np.float32) for row in rows.tolist()]
            results.append(judged(faces_of([ids[row] for row in rows.tolist()], some), names[rows], settings))
        show(f"{count} people", count, results)


def main() -> None:
    """Read the command line, and go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--only", nargs="*", default=[], choices=list(LIBRARIES))
    parser.add_argument("--method", default="average")
    parser.add_argument("--library", type=Path)
    parser.add_argument("--identities", type=Path)
    given = parser.parse_args()
    settings = PeopleSettings(method=given.method)
    if given.library and given.identities:
        choose(settings, given.library, given.identities, given.seeds)
    else:
        simulate(settings, given.seeds, given.only)


if __name__ == "__main__":
    main()
