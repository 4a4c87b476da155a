"""The stage of tags: `tagger.npz` and `tagger.json`."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash
from scipy import sparse

from thawline.features.progress import bar
from thawline.tasks.library.patterns.suggesting import learn_together
from thawline.tasks.library.patterns.tags import Tags, number_tags
from thawline.tasks.library.tagging.evidence import prior_of
from thawline.tasks.library.tagging.figures import figures_of
from thawline.tasks.library.tagging.learning import FOLDS, judge_folds
from thawline.tasks.library.tagging.photos import digest_of_run, drop_model, keep_model, read_seen
from thawline.tasks.library.tagging.store import read_figures, write_learnt
from thawline.tasks.library.tagging.suggesting import Learnt
from thawline.tasks.library.tagging.text import Regressions
from thawline.tasks.library.tagging.trying import Material
from thawline.tasks.library.tagging.words import Written, written
from thawline.tasks.library.training import stage
from thawline.tasks.library.training.gathered import Gathered
from thawline.tasks.library.training.remembered import read_remembered

MOST_TOLD: Final = 500  # tags that every source tells: the most frequent
LEAST_ENTRIES: Final = 8  # with a tag that is told
_FEWEST_TOLD = 2
_FEWEST_GROUPS = 20
_TELLING = 5  # words of a text that two entries do not have in common by chance


def learn(work: stage.Work) -> stage.Learnt:
    """Learn to suggest tags by text, other tags and what a run says of photos; what did not change is taken over.

    Raises:
        UserError: The run can't be used.
    """
    library = work.library
    state = _state(library) + (digest_of_run(work.tagger) if work.tagger else "")
    if (before := read_figures(work.folder, state)) is not None:
        return stage.Learnt("tags: nothing new", {"new": 0}, before)
    tags = number_tags(library.tags).frequent
    told = min(MOST_TOLD, int((tags.counts >= LEAST_ENTRIES).sum()))
    seen = read_seen(work.tagger, library.photos, tags.names[:told]) if work.tagger else None
    groups = group(library, seen.groups if seen else None)
    if told < _FEWEST_TOLD or groups.max(initial=0) < _FEWEST_GROUPS:
        why = f"fewer than {_FEWEST_TOLD} tags are on {LEAST_ENTRIES} entries"
        return stage.Learnt(f"tags: {why if told < _FEWEST_TOLD else 'too few entries'}, so none are suggested")
    remembered = read_remembered(work.folder)
    if remembered is None or remembered.ids != library.ids:
        raise RuntimeError("the stage of patterns goes before that of tags")
    texts = written(remembered.texts)
    material = Material(tags, told, texts, folds_of(groups), groups, seen.probabilities if seen else None)
    with bar("tags", "steps", 2) as tick:
        fused, judged = judge_folds(material)
        tick(1)
        regression = Regressions(texts, material.has).fit(fused.strength)
        together = learn_together(tags.has)
        tick(1)
    figures: dict[str, Any] = figures_of(judged, groups, told)
    prior = prior_of(tags.counts[:told], len(library))
    learnt = Learnt(
        tags.names, told, prior, regression, together, fused.weights, fused.thresholds, _named_rate(texts, tags, told)
    )
    notes: tuple[str, ...] = ()
    if work.tagger:
        keep_model(work.tagger, work.folder)
    elif drop_model(work.folder):
        notes = ("tags are not suggested by photos any more; give tagger=RUN again for that",)
    write_learnt(work.folder, learnt, state, figures)
    by = "text, other tags and photos" if work.tagger else "text and other tags"
    return stage.Learnt(f"tags: {told} tags told by {by}", {"new": len(library)}, figures, notes)


def group(library: Gathered, alike: Sequence[str] | None = None) -> npt.NDArray[np.int64]:
    """[n] numbers of what goes together: entries of one photo, of one text, or whose photos are `alike` [n]."""
    numbers: dict[str, int] = {}
    pairs = []
    for entry, (photo, *text) in enumerate(zip(library.photos, library.descriptions, library.detailed, strict=True)):
        said = " ".join(text).casefold().split()
        said = said if len(said) >= _TELLING else []
        looks = f"alike {alike[entry]}" if alike and alike[entry] else ""
        for key in (f"photo {photo}", f"text {' '.join(said)}" if said else "", looks):
            if key:
                pairs.append((entry, numbers.setdefault(key, len(numbers))))
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    size = len(library) + len(numbers)
    graph = sparse.csr_array((np.ones(len(rows), np.int8), (rows, columns + len(library))), shape=(size, size))
    labels = sparse.csgraph.connected_components(graph, directed=False)[1][: len(library)]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def folds_of(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """[n] the fold of each entry: its group's, by chance with a fixed seed."""
    count = int(groups.max()) + 1
    dealt = np.random.default_rng(0).permutation(count) % FOLDS
    return np.asarray(dealt[groups], np.int64)


def _named_rate(texts: Written, tags: Tags, told: int) -> float:
    """How often an entry has a tag too rare to be told that its text names, by tags that another entry has too."""
    some = np.flatnonzero(tags.counts[told:] > 1) + told
    if not len(some):
        return 0.0
    named = texts.names([tags.names[tag] for tag in some.tolist()]) > 0
    has = sparse.csr_array(tags.has[:, some]) > 0
    return float((named.multiply(has).sum() + 0.5) / (named.sum() + 1))


def _state(library: Gathered) -> str:
    """A digest of all that is learnt from."""
    digest = xxhash.xxh3_128()
    for parts in (library.ids, library.photos):
        digest.update("\0".join(parts).encode())
    digest.update(library.texts.tobytes())
    return digest.hexdigest()
