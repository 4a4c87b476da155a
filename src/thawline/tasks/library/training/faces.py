"""The stage of faces: those in the photos of entries that came without encodings."""

from dataclasses import replace
from pathlib import Path

from thawline.tasks.library.training.stage import Learnt, Work

_SHOWN = 5  # photos that can't be used, named one by one


def learn(work: Work) -> Learnt:
    """Find and encode faces where settings name a network; photos that were looked at before are not opened.

    Raises:
        UserError: The network is not installed, the store can't be written, or the encodings that entries have are of
            another width.
    """
    library = work.library
    if work.faces.network is None:
        return Learnt("")
    from thawline.features.store.store import FeatureStore  # late: torch takes seconds to import
    from thawline.tasks.library.faces.stored import find_faces

    wanted = [number for number, faces in enumerate(library.faces) if not len(faces)]
    there = [number for number in wanted if Path(library.photos[number]).is_file()]
    looked = find_faces([Path(library.photos[number]) for number in there], FeatureStore(work.store.root), work.faces)
    faces, found = list(library.faces), {}
    notes = []
    for number in there:
        path = Path(library.photos[number])
        if path in looked.found:
            found[library.ids[number]] = looked.found[path]
            faces[number] = looked.found[path].encodings
        else:
            place = f"entry {number + 1} (id {library.ids[number]})"
            work.skipped.add(place, "image_path", looked.problems[path], library.photos[number])
            notes.append(f"{place}: image_path: {looked.problems[path]}")
    count = sum(map(len, found.values()))
    absent = len(wanted) - len(there)
    figures = {
        "photos": len(there),
        "computed": looked.computed,
        "unusable": len(notes),
        "absent": absent,
        "with_faces": sum(len(one) > 0 for one in found.values()),
        "faces": count,
        "network": work.faces.network,
    }
    said = f"faces: {count} in {len(found)} photos, {looked.computed} of which were looked at now"
    if absent:
        notes.append(f"{absent} entries without faces have no photo that is there")
    return Learnt(said, {}, figures, tuple(notes[:_SHOWN]), replace(library, faces=faces, found=found))
