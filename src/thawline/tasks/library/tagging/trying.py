"""Sources tried on entries that they did not learn from: what weights, thresholds and figures are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xxhash
from scipy import sparse

from thawline.tasks.library.patterns.suggesting import learn_together
from thawline.tasks.library.patterns.tags import Matrix, Tags
from thawline.tasks.library.tagging.evidence import (
    CO_OCCURRENCE,
    IMAGE,
    TEXT,
    Array,
    Evidence,
    image_evidence,
    prior_of,
    text_evidence,
    together_evidence,
)
from thawline.tasks.library.tagging.text import Regressions
from thawline.tasks.library.tagging.words import Written

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Material:
    """What is learnt from.

    Attributes:
        tags: Of n entries; those that are told come first.
        told: How many are.
        texts: What is written of each.
        folds: [n] the fold of each; entries of one group are in one.
        groups: [n] the same of what goes together: one photo, one text.
        images: [n, t] what models that had not seen an entry's photo say of it; NaN where they say nothing. None: there
            is no such model.
    """

    tags: Tags
    told: int
    texts: Written
    folds: IntArray
    groups: IntArray
    images: Array | None = None

    @property
    def has(self) -> Matrix:
        """[n, t] 1 where an entry has a tag that is told."""
        return sparse.csr_array(self.tags.has[:, : self.told])


@dataclass(frozen=True)
class Tried:
    """What sources say of some entries that they did not learn from.

    Attributes:
        rows: [m] which these are.
        evidence: Of each source; that of co-occurrence by half of each entry's tags.
        true: [m, t] which tags each has.
        hidden: [m, t] of these the other half.
        spoken: [m] by source: whether it has anything to go by.
    """

    rows: IntArray
    evidence: Evidence
    true: BoolArray
    hidden: BoolArray
    spoken: Mapping[str, BoolArray]

    def asked(self, sources: Sequence[str]) -> BoolArray:
        """[m, t] which tags are asked about: where co-occurrence speaks, not those that it goes by."""
        return ~self.true | self.hidden if CO_OCCURRENCE in sources else np.ones_like(self.true)

    def where(self, sources: Sequence[str]) -> IntArray:
        """Positions of the entries of which all of these speak."""
        return np.flatnonzero(np.all([self.spoken[source] for source in sources], axis=0))


def try_sources(material: Material, rows: IntArray, without: Sequence[int], strengths: Sequence[float]) -> list[Tried]:
    """Learn from the entries of all folds but some, and try that on `rows`.

    Returns:
        What comes of each strength of the text's penalty.
    """
    learnt = np.flatnonzero(~np.isin(material.folds, without))
    has, true = material.has, material.has[rows].toarray() > 0
    prior = prior_of(np.asarray(has[learnt].sum(axis=0)).ravel(), len(learnt))
    hidden = halved(true, rows)
    known = sparse.csr_array(
        sparse.hstack([(true & ~hidden).astype(np.int32), material.tags.has[rows][:, material.told :]])
    )
    known.eliminate_zeros()
    counts = np.diff(known.indptr)
    together = learn_together(material.tags.has[learnt]).scores(known)[:, : material.told]
    common = {CO_OCCURRENCE: together_evidence(together, prior, counts)}
    written = material.texts.rows(rows)
    named = written.names(material.tags.names[: material.told]).toarray().astype(np.float64)
    regressions = Regressions(material.texts.rows(learnt), has[learnt])
    words = written.counts[:, regressions.columns]
    spoken = {
        CO_OCCURRENCE: (counts > 0) & hidden.any(axis=1),
        TEXT: (np.diff(words.indptr) > 0) | named.any(axis=1),
    }
    if material.images is not None:
        said = material.images[rows]
        common[IMAGE], spoken[IMAGE] = image_evidence(said, prior), ~np.isnan(said).all(axis=1)
    tried = []
    for strength in strengths:
        text = text_evidence(regressions.fit(strength).scores(words), named, prior)
        evidence = Evidence(prior, {**common, TEXT: text})
        tried.append(Tried(rows, evidence, true, hidden, spoken))
    return tried


def halved(true: BoolArray, rows: IntArray) -> BoolArray:
    """[m, t] half of the tags [m, t] of each entry, by the digest of its number and theirs; none where it has one."""
    hidden = np.zeros_like(true)
    for place, row in enumerate(rows.tolist()):
        own = np.flatnonzero(true[place]).tolist()
        own.sort(key=lambda tag: xxhash.xxh3_64_intdigest(f"{row} {tag}".encode()))
        hidden[place, own[: len(own) // 2]] = True
    return hidden
