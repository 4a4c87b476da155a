"""The stage of descriptions: `improved_descriptions.json`, and `description_parts.json`, by which new ones are made."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xxhash

from thawline.features.progress import bar
from thawline.files import read_json
from thawline.judging.intervals import mean_share
from thawline.tasks.library.enhancing.corrections import read_corrections
from thawline.tasks.library.enhancing.improved import FILE, Improved, read_improved, write_improved
from thawline.tasks.library.enhancing.judging import judge, mean
from thawline.tasks.library.enhancing.making import PhotoFacts
from thawline.tasks.library.enhancing.parts import (
    Parts,
    common_tags,
    likely_tags,
    occurrences,
    repeated_texts,
    write_parts,
)
from thawline.tasks.library.enhancing.wanting import improve, in_words, why
from thawline.tasks.library.patterns.tags import number_tags
from thawline.tasks.library.patterns.words import Texts, words_of
from thawline.tasks.library.people.people import People
from thawline.tasks.library.people.store import read_people
from thawline.tasks.library.training.gathered import Gathered
from thawline.tasks.library.training.patterns import cut
from thawline.tasks.library.training.remembered import compare, read_remembered
from thawline.tasks.library.training.report import FILE as REPORT
from thawline.tasks.library.training.stage import Learnt, Work

STAGE: Final = "descriptions"
_EDITION = 1  # raised when other descriptions are made of the same library


def learn(work: Work) -> Learnt:
    """Make descriptions where the owner's are missing, short, or those of many, and measure what such are worth.

    Raises:
        UserError: The people or the corrections are damaged.
    """
    library, folder = work.library, work.folder
    names = names_of(read_people(folder))
    described = {id_ for id_, one in read_corrections(folder).items() if one.description is not None}
    made_of = _digest(library, names, described)
    before = read_improved(folder)
    known = _figures_before(folder)
    if known.get("made_of") == made_of and (folder / FILE).is_file():
        return Learnt(f"descriptions: nothing new, {len(before)} improved", _changes(before, before), known)
    tags = number_tags(library.tags)
    places = occurrences(_texts(library, folder), tags)
    parts = Parts(places.joins(), likely_tags(tags), common_tags(tags), repeated_texts(library.descriptions))
    write_parts(folder, parts)
    improved, reasons = _improve(library, names, described, parts)
    write_improved(folder, improved)
    both = list(zip(library.descriptions, library.detailed, strict=True))
    figures = {
        "improved": len(improved),
        "reasons": dict(sorted(reasons.items())),
        **_sizes(improved),
        "made_of": made_of,
        "quality": judge(library.ids, both, library.tags, tags, places),
    }
    changes = _changes(before, improved)
    said = f"{changes['new']} new, {changes['changed']} changed, {changes['kept']} as before"
    return Learnt(f"descriptions: {len(improved)} of {len(library)} improved: {said}", changes, figures)


def names_of(people: People) -> dict[str, list[str]]:
    """The names of the named people of each entry, in the order of their faces."""
    found: dict[str, list[str]] = {}
    if people.names:
        for entry, person in zip(people.faces.entries, people.persons.tolist(), strict=True):
            if person in people.names:
                found.setdefault(entry, []).append(people.names[person].text)
    return found


def _improve(
    library: Gathered, names: Mapping[str, list[str]], described: set[str], parts: Parts
) -> tuple[dict[str, Improved], Counter[str]]:
    improved, reasons = dict[str, Improved](), Counter[str]()
    with bar("descriptions", "entries", len(library)) as tick:
        for at, id_ in enumerate(library.ids):
            if at % 100 == 99:
                tick(100)
            old, tags = library.descriptions[at], library.tags[at]
            times = parts.repeated.get(old, 1)
            reason = "" if id_ in described else why(old, library.photos[at], tags, times)
            if not reason:
                continue
            known = PhotoFacts(tags, names.get(id_, ()), library.places[at], library.created[at])
            if (made := improve(reason, old, library.detailed[at], known, parts)) is not None:
                because = f"{in_words(reason, times)}; made of {', '.join(made.of)}"
                improved[id_] = Improved(old, made.text, because, made.confidence)
                reasons[reason] += 1
        tick(len(library) % 100)
    return improved, reasons


def _texts(library: Gathered, folder: Path) -> Texts:
    """The words of all entries, as the stage of patterns left them."""
    remembered = read_remembered(folder)
    changes = compare(library.ids, library.texts, remembered)
    if remembered is not None and changes.none and remembered.ids == library.ids:
        return remembered.texts
    return cut(library, remembered, changes)


def _digest(library: Gathered, names: Mapping[str, list[str]], described: set[str]) -> str:
    """Of all that descriptions are made of."""
    digest = xxhash.xxh3_128(str(_EDITION).encode())
    digest.update(library.texts.tobytes())
    for column in (library.ids, library.photos, library.places, map(str, library.created)):
        digest.update("\0".join(column).encode("utf-8", "surrogatepass"))
    for entry in sorted(names):
        digest.update("\0".join((entry, *names[entry])).encode("utf-8", "surrogatepass"))
    digest.update("\0".join(sorted(described)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _changes(before: Mapping[str, Improved], now: Mapping[str, Improved]) -> dict[str, int]:
    there = before.keys() & now.keys()
    kept = sum(before[id_] == now[id_] for id_ in there)
    return {"new": len(now) - len(there), "changed": len(there) - kept, "gone": len(before) - len(there), "kept": kept}


def _sizes(improved: Mapping[str, Improved]) -> dict[str, Any]:
    if not improved:
        return {}
    every = improved.values()
    return {
        "words_before": mean([len(words_of(one.old)) for one in every]).to_json(),
        "words_after": mean([len(words_of(one.new)) for one in every]).to_json(),
        "confidence": mean_share([one.confidence for one in every], list(improved)).to_json(),
    }


def _figures_before(folder: Path) -> dict[str, Any]:
    """What the report of before says of this stage."""
    try:
        figures = read_json(folder / REPORT)["stages"][STAGE]["figures"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return figures if isinstance(figures, dict) else {}
