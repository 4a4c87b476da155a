"""The stage of search: `search_index.json`, and the index in `search/`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xxhash

from thawline.files import write_json
from thawline.tasks.library.patterns.tags import number_tags
from thawline.tasks.library.patterns.words import Texts, encode
from thawline.tasks.library.search.judging import LIKE, Judged, judge_search
from thawline.tasks.library.search.learning import learn_terms
from thawline.tasks.library.search.lexical import Lexical
from thawline.tasks.library.search.said import Said, say
from thawline.tasks.library.search.stored import LEXICAL, SHOWN, read_about, write_index
from thawline.tasks.library.search.terms import FILE, Terms, write_terms
from thawline.tasks.library.training.gathered import Gathered
from thawline.tasks.library.training.remembered import read_remembered
from thawline.tasks.library.training.stage import Learnt, Work

_EDITION: Final = 1  # raised when the same library gives another index


def learn(work: Work) -> Learnt:
    """Learn the terms, measure how search is best done, and write the index.

    Words are taken from the stage of patterns, which cuts new entries alone; what is made of them is made anew, in a
    time that does not count beside theirs.
    """
    library, folder = work.library, work.folder
    digest, about = _digest(library, work.search.language), read_about(folder)
    if about.get("digest") == digest and (folder / FILE).is_file():
        return Learnt(f"search: nothing new in {len(library)} entries", {"new": 0}, about["figures"])
    said = say(_texts(library, folder), number_tags(library.tags), work.search.language)
    terms, judged = learn_terms(said), judge_search(library.ids, said)
    index = Lexical.build(said)
    figures = {
        "language": said.language,
        "words_with_synonyms": len(terms.synonyms),
        "words_with_related": len(terms.related),
        "words_with_broader": len(terms.broader),
        "held_out": judged.figures,
    }

    def save(beside: Path) -> None:
        index.save(beside / LEXICAL)
        write_json(beside / SHOWN, said.shown)

    write_terms(folder, terms, {"language": said.language})
    write_index(folder, library, _about(digest, said, judged, figures), save)
    return Learnt(_sentence(library, terms, judged), {"indexed": len(library)}, figures)


def _about(digest: str, said: Said, judged: Judged, figures: Mapping[str, Any]) -> dict[str, Any]:
    fusion = judged.fusion
    return {
        "digest": digest,
        "language": said.language,
        "synonyms": judged.weight,
        "weights": dict(fusion.weights),
        "k": fusion.k,
        "figures": dict(figures),
    }


def _texts(library: Gathered, folder: Path) -> Texts:
    """The entries' words, as the stage of patterns has just written them."""
    before = read_remembered(folder)
    if before is not None and before.ids == library.ids and (before.digests == library.texts).all():
        return before.texts
    return encode(zip(library.descriptions, library.detailed, strict=True))


def _digest(library: Gathered, *further: str) -> str:
    """Of all that the index is made of."""
    hasher = xxhash.xxh3_128(f"{_EDITION}\0{further}".encode())
    hasher.update(library.texts.tobytes())
    for column in (library.ids, library.photos, map(str, library.created)):
        hasher.update("\0".join(column).encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


def _sentence(library: Gathered, terms: Terms, judged: Judged) -> str:
    said = f"search: {len(library)} entries indexed, {len(terms.synonyms)} words have synonyms"
    if judged.figures is None:
        return said
    best = judged.figures.get("fused", judged.figures["words"])[f"recall@{LIKE}"]["value"]
    return f"{said}; of {judged.figures['captions']} held-out captions {100 * best:.1f} % find their entry among {LIKE}"
