"""How often captions that are held out find their photos: by words, with synonyms, by meaning, and fused.

python tools/measure_library_search.py LIBRARY [--sentences DIR] [--out FILE.json]

Each description is asked of entries that lack all descriptions. What is left of an entry is its longer description and
its tags, or either: tags that were made of the captions help to find them. Synonyms are learnt from what is left; their
weight and the fusion's are chosen for each fifth of the captions on the other fifths.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from thawline.features.settings import StoreSettings
from thawline.features.store.store import FeatureStore
from thawline.tasks.library.entries.reading import read_entries
from thawline.tasks.library.entries.settings import EntrySettings
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.patterns.tags import number_tags
from thawline.tasks.library.patterns.words import encode
from thawline.tasks.library.search.indexes.embedded import Embedded
from thawline.tasks.library.search.indexes.fusion import DEPTH
from thawline.tasks.library.search.indexes.meaning import first_of
from thawline.tasks.library.search.indexes.sentences import Sentences, locate
from thawline.tasks.library.search.judging import MEANING, judge_search
from thawline.tasks.library.search.wording.said import CAPTION, DETAIL, TAG, Ints, say
from thawline.tasks.library.training.gathered import Gathered, gather

LEFT = {
    "the longer description": (DETAIL,),
    "the longer description and tags": (DETAIL, TAG),
    "tags": (TAG,),
}


def measure(library: Gathered, kinds: Sequence[int], embedded: Embedded | None) -> dict[str, Any]:
    """The figures where `kinds` of parts are left of an entry."""
    texts = encode(zip(library.descriptions, library.detailed, strict=True))
    said = say(texts, number_tags(library.tags))
    said = said.only(np.isin(said.kinds, (CAPTION, *kinds)))

    def by_meaning(asked: Ints) -> list[Ints]:
        assert embedded is not None  # noqa: S101  # it is asked for below alone
        queries = embedded.queries([library.descriptions[row] for row in asked.tolist()])
        return first_of(queries, embedded.entries(library, kinds), DEPTH)

    further = {MEANING: by_meaning} if embedded else None
    return dict(judge_search(library.ids, said, further, most=len(library)).figures or {})


def main() -> None:
    """Measure, and print a table for each kind of what is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=Path)
    parser.add_argument("--sentences", default=None)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    library = gather(read_entries(given.library, EntrySettings(), Skipped()))
    embedded = None
    if given.sentences:
        encoder = Sentences(locate(given.sentences, "--sentences"))
        embedded = Embedded(encoder, FeatureStore(StoreSettings().root))
    every = {}
    for left, kinds in LEFT.items():
        every[left] = figures = measure(library, kinds, embedded)
        print(f"\nleft of an entry: {left}; {figures['captions']} captions")
        for name, own in figures.items():
            if isinstance(own, dict) and "recall@10" in own:
                shown = [f"{at} {one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]" for at, one in own.items()]
                print(f"  {name:24} {'   '.join(shown)}")
        for test in figures["tests"].values():
            for at, one in test.items():
                print(f"  {at}: {one['summary']}")
        print(f"  synonyms weigh {figures['synonyms_weight']}; fusion of all: {figures.get('fusion')}", flush=True)
    if given.out is not None:
        given.out.write_text(json.dumps(every, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
