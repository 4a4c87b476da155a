"""What of a library's file is its owner's: corrections in place of what they correct, and no generated descriptions."""

from dataclasses import replace
from pathlib import Path

from thawline.tasks.library.enhancing.corrections import read_corrections
from thawline.tasks.library.enhancing.improved import generated, is_generated, read_improved
from thawline.tasks.library.training.gathered import Gathered, text_digest


def own_words(library: Gathered, folder: Path) -> tuple[Gathered, list[str]]:
    """`library` as its owner means it, and sentences on what was changed for that.

    A correction of tags or a description stands in place of the entry's. A description that was made by a training is
    the old one again that it was made for, and no text to learn from.

    Args:
        library: As it was read.
        folder: The library's directory.

    Raises:
        UserError: The corrections are damaged.
    """
    corrections, made = read_corrections(folder), generated(folder)
    improved = read_improved(folder) if made else {}
    descriptions, detailed = list(library.descriptions), list(library.detailed)
    tags, texts = list(library.tags), library.texts.copy()
    corrected = returned = 0
    for at, id_ in enumerate(library.ids):
        said = corrections.get(id_)
        back = bool(made) and is_generated(id_, (descriptions[at], detailed[at]), made)
        if said is None and not back:
            continue
        if back:
            returned += 1
            old = improved[id_].old if id_ in improved else ""
            if is_generated(id_, (descriptions[at],), made):
                descriptions[at] = old
            if is_generated(id_, (detailed[at],), made):
                detailed[at] = ""
        if said is not None:
            corrected += 1
            descriptions[at] = descriptions[at] if said.description is None else said.description
            tags[at] = tags[at] if said.tags is None else said.tags
        texts[at] = text_digest(descriptions[at], detailed[at], tags[at])
    notes = [f"corrected by their owner: {corrected} of the entries"] if corrected else []
    notes += [f"{returned} entries have descriptions that were generated; nothing is learnt of these"] * bool(returned)
    if not notes:
        return library, []
    return replace(library, descriptions=descriptions, detailed=detailed, tags=tags, texts=texts), notes
