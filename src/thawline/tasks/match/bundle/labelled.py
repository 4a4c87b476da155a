"""New pairs whose labels are known, for a bundle to be judged by."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.data.pairs.graph import Grouping, find_grouping
from thawline.data.pairs.names import pair_names
from thawline.data.pairs.report import pair_report
from thawline.data.pairs.table import Pair, check_labels
from thawline.data.settings import DataSettings
from thawline.features.store.store import FeatureStore
from thawline.runs.predictions import Predictions
from thawline.runs.split import SplitRow
from thawline.tasks.bundle.labelled import Answers
from thawline.tasks.match.bundle.pairs import PairBundle
from thawline.tasks.match.examination import examine_answers
from thawline.tasks.match.files.checked import CheckedPairs, checked_pairs, pairs_settings, related_pairs


@dataclass(frozen=True)
class LabelledPairs:
    """Pairs that are known to match or not; see `tasks.bundle.labelled.Labelled`."""

    untold = ()
    bundle: PairBundle
    checked: CheckedPairs
    classes: tuple[str, ...]
    true: None = None

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that can be used."""
        return self.checked.table.pairs

    @property
    def names(self) -> tuple[str, ...]:
        """The image of each pair and its row."""
        return pair_names(self.checked.table)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """1 for a match, [N]."""
        return np.array([pair.label for pair in self.pairs], dtype=np.int64)

    @cached_property
    def grouping(self) -> Grouping:
        """Which pairs may not be parted."""
        return find_grouping(self.checked.images, self.checked.texts, self.labels)

    @property
    def groups(self) -> NDArray[np.int64]:
        """Group of each pair, [N]."""
        return self.grouping.ids

    def report(self) -> dict[str, Any]:
        """What the file holds, as plain JSON."""
        return pair_report(self.checked.table, self.checked.images, self.checked.texts)

    def related_to(self, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
        """Indices of the pairs that share an image or a text with a pair of `rows`."""
        return related_pairs(self.pairs, self.checked.facts, rows)

    def ask(self, indices: NDArray[np.int64]) -> Answers:
        """What the bundle says of the pairs `indices`."""
        matches = np.zeros(len(indices), dtype=np.float32)
        decided = np.zeros(len(indices), dtype=np.int64)
        problems = {}
        asked = ((self.pairs[i].path, self.pairs[i].text) for i in indices)
        for i, said in enumerate(self.bundle.predict(asked, calibrated=True)):
            if said.probability is None:
                problems[i] = said.problem or ""
            else:
                matches[i], decided[i] = said.probability, not said.is_mismatch
        return Answers(np.stack([1 - matches, matches], axis=1), problems, decided)

    def examine(self, predictions: Predictions) -> dict[str, Any]:
        """How well the pairs are ranked, and each difficulty; see `tasks.match.examination`."""
        return examine_answers(self, predictions)


def label_match(bundle: PairBundle, data: DataSettings, store: Path) -> LabelledPairs:
    """Read the pairs of `data`; see `tasks.bundle.labelled.Labeller`."""
    checked = checked_pairs(pairs_settings(data), FeatureStore(store))
    check_labels(checked.table)
    return LabelledPairs(bundle, checked, bundle.labels)
