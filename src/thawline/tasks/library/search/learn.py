"""The stage of search: `search_index.json`, and the index in `search/`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import xxhash

from thawline.features.settings import StoreSettings
from thawline.files import write_json
from thawline.tasks.library.patterns.tags import number_tags
from thawline.tasks.library.patterns.words import Texts, encode
from thawline.tasks.library.search.indexes.fusion import DEPTH
from thawline.tasks.library.search.indexes.lexical import Lexical
from thawline.tasks.library.search.judging import LIKE, MEANING, PHOTOS, TunedSearch, judge_search
from thawline.tasks.library.search.settings import SearchSettings
from thawline.tasks.library.search.stored import DENSE, DENSE_PHOTOS, LEXICAL, SHOWN, read_about, write_index
from thawline.tasks.library.search.wording.learning import learn_terms
from thawline.tasks.library.search.wording.said import CAPTION, DETAIL, TAG, Ints, Said, say
from thawline.tasks.library.search.wording.terms import FILE, Terms, write_terms
from thawline.tasks.library.training.gathered import Gathered
from thawline.tasks.library.training.remembered import read_remembered
from thawline.tasks.library.training.stage import Learnt, Work

if TYPE_CHECKING:
    from thawline.tasks.library.search.indexes.pictures import Pictures
    from thawline.tasks.library.search.indexes.sentences import Sentences

_EDITION: Final = 2  # raised when the same library gives another index


def learn(work: Work) -> Learnt:
    """Learn the terms, measure how search is best done, and write the index.

    Words are taken from the stage of patterns, which cuts new entries alone; what is made of them is made anew, in a
    time that does not count beside theirs.
    """
    library, folder = work.library, work.folder
    encoder = _encoder(work.search)
    pictures = _pictures(work.search)
    digest, about = _digest(library, work.search.language, encoder, pictures), read_about(folder)
    if about.get("digest") == digest and (folder / FILE).is_file():
        return Learnt(f"search: nothing new in {len(library)} entries", {"new": 0}, about["figures"])
    said = say(_texts(library, folder), number_tags(library.tags), work.search.language)
    dense = _Dense(library, encoder, work.store) if encoder else None
    seen = _Seen(library, pictures, work.store) if pictures else None
    terms = learn_terms(said)
    further = {**({MEANING: dense.held_out} if dense else {}), **({PHOTOS: seen.held_out} if seen else {})}
    judged = judge_search(library.ids, said, further)
    index = Lexical.build(said)
    figures = {
        "language": said.language,
        "words_with_synonyms": len(terms.synonyms),
        "words_with_related": len(terms.related),
        "words_with_broader": len(terms.broader),
        "held_out": judged.figures,
        **({"sentences": dense.figures} if dense else {}),
        **({"photos": seen.figures} if seen else {}),
    }

    def save(beside: Path) -> None:
        index.save(beside / LEXICAL)
        if dense:
            dense.index.save(beside / DENSE)
        if seen:
            seen.index.save(beside / DENSE_PHOTOS)
        write_json(beside / SHOWN, said.shown)

    write_terms(folder, terms, {"language": said.language})
    write_index(folder, library, _about(digest, said, judged, figures, encoder, pictures), save)
    entries = {"indexed": len(library), **({"embedded": dense.embedded.computed} if dense else {})}
    entries |= {"photos_computed": seen.figures["computed"]} if seen else {}
    return Learnt(_sentence(library, terms, judged, dense), entries, figures)


def _encoder(settings: SearchSettings) -> "Sentences | None":
    """The sentence encoder that is named.

    Raises:
        UserError: It is not here, or what reads it isn't.
    """
    if settings.sentences is None:
        return None
    from thawline.tasks.library.search.indexes.sentences import Sentences, locate

    return Sentences(locate(settings.sentences, "search.sentences", fetch=settings.fetch))


def _pictures(settings: SearchSettings) -> "Pictures | None":
    """The CLIP that is named.

    Raises:
        UserError: It is not here, or is none.
    """
    if settings.clip is None:
        return None
    from thawline.tasks.library.search.indexes.pictures import Pictures  # late: transformers takes seconds to import

    return Pictures(settings.clip)


class _Dense:
    """The dense index of a library, and what it is worth."""

    def __init__(self, library: Gathered, encoder: "Sentences", store: StoreSettings) -> None:
        """Embed the entries, those that are not in the store."""
        from thawline.features.store.store import FeatureStore  # late: torch takes seconds to import
        from thawline.tasks.library.search.indexes.embedded import Embedded
        from thawline.tasks.library.search.indexes.meaning import Meaning

        self._library = library
        self.embedded = Embedded(encoder, FeatureStore(store.root))
        self._vectors = self.embedded.entries(library, (CAPTION, DETAIL, TAG))
        self.index = Meaning.build(self._vectors)
        self.figures: dict[str, Any] = {
            "encoder": str(encoder.directory),
            "texts": self.embedded.texts,
            "computed": self.embedded.computed,
            "share_of_the_nearest_found": self.index.agreement(self._vectors),
        }

    def held_out(self, asked: Ints) -> list[Ints]:
        """For the captions of entries the first entries, where these captions are held out."""
        from thawline.tasks.library.search.indexes.meaning import first_of

        queries = self.embedded.queries([self._library.descriptions[row] for row in asked.tolist()])
        whole = self._vectors[asked]
        self._vectors[asked] = self.embedded.entries(self._library, (DETAIL, TAG), asked)
        found = first_of(queries, self._vectors, DEPTH)
        self._vectors[asked] = whole
        return found


class _Seen:
    """The index of photos."""

    def __init__(self, library: Gathered, pictures: "Pictures", store: StoreSettings) -> None:
        """Look at the photos that are not in the store."""
        from thawline.tasks.library.search.indexes.meaning import Meaning

        self._library, self._pictures = library, pictures
        self._vectors, computed = pictures.photos(library.photos, store)
        self.index = Meaning.build(self._vectors)
        self.figures: dict[str, Any] = {
            "clip": pictures.name,
            "photos": int(self._vectors.any(axis=1).sum()),
            "computed": computed,
        }

    def held_out(self, asked: Ints) -> list[Ints]:
        """For the captions of entries the first photos."""
        texts = [self._library.descriptions[row] for row in asked.tolist()]
        return [self.index.nearest(one, DEPTH) for one in self._pictures.texts(texts)]


def _about(
    digest: str,
    said: Said,
    judged: TunedSearch,
    figures: Mapping[str, Any],
    encoder: "Sentences | None",
    pictures: "Pictures | None",
) -> dict[str, Any]:
    fusion = judged.fusion
    return {
        "digest": digest,
        "language": said.language,
        "synonyms": judged.weight,
        "weights": dict(fusion.weights),
        "k": fusion.k,
        "sentences": None if encoder is None else {"directory": str(encoder.directory), "digest": encoder.digest},
        "clip": None if pictures is None else {"name": pictures.name, "digest": pictures.digest},
        "figures": dict(figures),
    }


def _texts(library: Gathered, folder: Path) -> Texts:
    """The entries' words, as the stage of patterns has just written them."""
    before = read_remembered(folder)
    if before is not None and before.ids == library.ids and (before.digests == library.texts).all():
        return before.texts
    return encode(zip(library.descriptions, library.detailed, strict=True))


def _digest(library: Gathered, language: str, encoder: "Sentences | None", pictures: "Pictures | None") -> str:
    """Of all that the index is made of."""
    networks = [network.digest if network else "" for network in (encoder, pictures)]
    hasher = xxhash.xxh3_128(f"{_EDITION}\0{language}\0{networks}".encode())
    if pictures is not None:
        hasher.update(bytes(Path(path).is_file() for path in library.photos))
    hasher.update(library.texts.tobytes())
    for column in (library.ids, library.photos, map(str, library.created)):
        hasher.update("\0".join(column).encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


def _sentence(library: Gathered, terms: Terms, judged: TunedSearch, dense: _Dense | None) -> str:
    said = f"search: {len(library)} entries indexed, {len(terms.synonyms)} words have synonyms"
    if dense is not None:
        computed, texts = dense.figures["computed"], dense.figures["texts"]
        said += f"; {computed} of {texts} texts were embedded now" + (", the others before" if computed < texts else "")
    if judged.figures is None:
        return said
    best = judged.figures.get("fused", judged.figures["words"])[f"recall@{LIKE}"]["value"]
    return f"{said}; of {judged.figures['captions']} held-out captions {100 * best:.1f} % find their entry among {LIKE}"
