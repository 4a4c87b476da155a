"""What `library train` asks of people: the faces of entries in, people on disk and figures out."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from thawline.tasks.library.people.clustering import cluster
from thawline.tasks.library.people.convert import known_again
from thawline.tasks.library.people.faces import Faces
from thawline.tasks.library.people.judging import by_the_owner, judge, stability
from thawline.tasks.library.people.settings import PeopleSettings
from thawline.tasks.library.people.store import read_people, write_people


def learn_people(
    directory: Path,
    faces: Faces,
    settings: PeopleSettings,
    seen: Iterable[str] = (),
    identities: Mapping[str, str] | None = None,
    looked: Container[str] = (),
) -> dict[str, Any]:
    """Group `faces`, and those of before, write the people into `directory`, and say how good they are.

    Args:
        directory: The library's.
        faces: Those of the entries that were read.
        settings: How.
        seen: The entries that were read, those without a face among them.
        identities: Who is who by entry or face, for the figures alone; None: nobody knows.
        looked: The entries whose photos were looked at now: of others the faces that were found in them stay.

    Returns:
        The figures of the report: how many faces are new and how many there are, the people, what was learnt, and what
        it is worth: against `identities`, against the owner's words, and under another choice of faces.

    Raises:
        UserError: What was learnt before is damaged, or the faces can't be compared.
    """
    before = known_again(read_people(directory), faces)
    there = set(before.faces.keys)
    pairs = zip(before.faces.entries, before.faces.in_photos.tolist(), strict=True)
    stay = {entry for entry, in_photo in pairs if in_photo and entry not in looked}.difference(faces.entries)
    people = cluster(faces, before, settings, set(seen) - stay)
    taken_over = people.grouped == before.grouped
    if not taken_over:
        people = replace(people, stability=stability(people.faces, settings))
    write_people(directory, people)
    sizes = people.sizes
    figures: dict[str, Any] = {
        "faces": len(people.faces),
        "new_faces": sum(key not in there for key in people.faces.keys),
        "faces_in_photos": int(people.faces.in_photos.sum()),
        "of_low_quality": int((people.faces.quality < settings.quality).sum()),
        "people": len(sizes),
        "people_with_one_face": sum(size == 1 for size in sizes.values()),
        "largest": max(sizes.values(), default=0),
        "named": len(people.names),
        "unsure_pairs": len(people.unsure),
        "method": settings.method,
        "least_similarity": people.least,
        "stability": people.stability,
        "taken_over": taken_over,
    }
    if (told := by_the_owner(people, settings)) is not None:
        figures["against_the_owner"] = told
    if identities is not None and (known := judge(people, identities)) is not None:
        figures["against_identities"] = known
    return figures
