"""The stage of people: `face_clusters.npz` and `face_clusters.json`."""

from thawline.tasks.library.people.faces import faces_of
from thawline.tasks.library.people.learn import learn_people
from thawline.tasks.library.training.stage import Learnt, Work


def learn(work: Work) -> Learnt:
    """Group the faces of all entries into people, those of before with their numbers and names.

    Raises:
        UserError: What was learnt before is damaged, or its encodings are of another network.
    """
    library = work.library
    looks = {entry: found.looks for entry, found in library.found.items()}
    faces = faces_of(library.ids, library.faces, looks)
    figures = learn_people(work.folder, faces, work.people, library.ids, looked=looks)
    new, people = figures["new_faces"], figures["people"]
    said = f"{new} new faces of {figures['faces']}" if new else f"nothing new in {figures['faces']} faces"
    said = f"{said}, {people} people{' as before' if figures['taken_over'] else ''}"
    return Learnt(f"people: {said}", {"new_faces": new}, figures)
