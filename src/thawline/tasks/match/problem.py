"""What fitting and judging ask of the match task: pairs at the thaw lines of both encoders, and the tail over them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.data.pairs.graph import Grouping, drop_shared
from thawline.data.pairs.labels import CLASSES
from thawline.data.pairs.names import pair_names, text_digest
from thawline.data.pairs.table import Pair
from thawline.data.photos.augmentation import Augmentation, view_seed
from thawline.decisions.threshold import Threshold
from thawline.errors import UserError
from thawline.files import write_folder
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.settings import GradientSettings, ZeroShotSettings
from thawline.runs.split import SplitRow
from thawline.targets.target import MAJORITY, ZERO_SHOT
from thawline.tasks.match.build import fresh_tail, pretrained_tail
from thawline.tasks.match.features import PairRows, Pretrained, Surveyed
from thawline.tasks.match.files.checked import related_pairs
from thawline.tasks.match.fitted import ZERO_SHOT_THRESHOLD, settle_pairs
from thawline.tasks.match.tail import PairTail, split_state
from thawline.tasks.settings import RunSettings


@dataclass(frozen=True)
class MatchProblem:
    """Image–text pairs at the thaw lines of both encoders.

    Attributes:
        settings: The run's settings.
        surveyed: The pairs that can be used, and what is known of their images.
        labels: 1 for a match, [N].
        grouping: Which pairs may not be parted.
        sides: The given split, one word a pair; None: none given.
        pretrained: Both encoders.
        rows: The pairs' features, [N].
        views: The same with each augmented view of the images that is stored.
        computed: Features (images and texts) that were computed now.
        read: Features that were read from the store.
    """

    untold = ()
    settings: RunSettings
    surveyed: Surveyed
    labels: NDArray[np.int64]
    grouping: Grouping
    sides: tuple[str, ...] | None
    pretrained: Pretrained
    rows: PairRows
    views: tuple[PairRows, ...]
    computed: int
    read: int

    def begun(self, train: Callable[[], NDArray[np.int64]]) -> Self:
        """Itself: nothing is chosen before the fitting."""
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """`mismatch`, `match`."""
        return CLASSES

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that can be used."""
        return self.surveyed.checked.table.pairs

    @property
    def names(self) -> tuple[str, ...]:
        """The image of each pair and its row."""
        return pair_names(self.surveyed.checked.table)

    @property
    def groups(self) -> NDArray[np.int64]:
        """Group of each pair, [N]: its component, or its image where one component has most of the pairs."""
        return self.grouping.ids

    @property
    def baseline(self) -> str:
        """What the run is compared with."""
        return ZERO_SHOT if self._has_zero_shot else MAJORITY

    def reference(self, fold: Fold) -> NDArray[np.int64] | None:
        """None: what a run is compared with is zero-shot, or the majority."""
        return None

    @property
    def people(self) -> None:
        """None: pairs are not looked through for people."""

    def apart(self, train: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.int64]:
        """`train` without the pairs whose text is also one of `held`, where groups are images.

        Raises:
            UserError: It is left without matches or without mismatches.
        """
        kept = train if self.grouping.whole else drop_shared(train, held, self.surveyed.checked.texts)
        for label, name in ((1, "matches"), (0, "mismatches")):
            if not (self.labels[kept] == label).any():
                why = "" if len(kept) == len(train) else " once pairs are dropped whose text is held out as well"
                raise UserError(f"there are no {name} left to train on or to choose by{why}; add pairs of other texts")
        return kept

    def samples(self, indices: NDArray[np.int64]) -> FeatureSet:
        """The pairs `indices` as a feature set, with the views that are stored of their images."""
        return FeatureSet(self.rows, indices, self.labels[indices], self.groups[indices], self.views)

    def judged(self, indices: NDArray[np.int64]) -> list[FeatureSet]:
        """The pairs `indices` in each view whose probabilities are averaged, the plain one first."""
        samples = self.samples(indices)
        augmentation = self.settings.augmentation
        if not augmentation.average:
            return [replace(samples, views=())]
        if self.views:
            return samples.each_view()
        # With `thaw=all` views are made of the stored pixels as they are asked for.
        augment = Augmentation(augmentation)
        digests = [
            self.surveyed.survey.facts[image].digest for image in dict.fromkeys(pair.image for pair in self.pairs)
        ]
        seeds = [[view_seed(digest, view) for digest in digests] for view in range(1, augmentation.views + 1)]
        return [samples, *(replace(samples, rows=self.rows.varied(augment, each)) for each in seeds)]

    def tail(self) -> PairTail:
        """A fresh tail as the method wants it."""
        method = self.settings.method
        if isinstance(method, ZeroShotSettings):
            return pretrained_tail(self.pretrained, self.settings.cut)
        assert isinstance(method, GradientSettings)  # noqa: S101  # the settings were checked
        return fresh_tail(self.pretrained, self.settings.cut, method)

    def zero_shot(self, fit: FittedTail) -> PairTail | None:
        """Pretrained CLIP at the threshold that was best for it on the inner samples of `fit`.

        None for encoders that were not trained together, and where it is itself what is judged.
        """
        if not self._has_zero_shot:
            return None
        return pretrained_tail(self.pretrained, self.settings.cut, threshold=fit.chosen[ZERO_SHOT_THRESHOLD])

    def settle(self, fit: FittedTail, inner: FeatureSet | None, earlier: Sequence[FittedTail]) -> FittedTail:
        """`fit` with a threshold, and with scale and bias where the loss leaves these open; see `settle_pairs`."""
        zero_shot = pretrained_tail(self.pretrained, self.settings.cut) if self._has_zero_shot else None
        tail = self.tail()
        tail.load_state_dict(fit.state)
        return settle_pairs(fit, tail, zero_shot, inner, earlier, self.settings.decision)

    def answers(self, probabilities: NDArray[np.float32], fit: FittedTail) -> NDArray[np.int64]:
        """`match` from the threshold on."""
        threshold = Threshold(**fit.chosen["threshold"])
        return threshold.decide(probabilities[:, 1]).astype(np.int64)

    def tags(self, fold: Fold, probabilities: NDArray[np.float32], fit: FittedTail) -> None:
        """None: a pair is a match or it is none."""

    def scores(self, fold: Fold, said: NDArray[np.float32], usual: float | None) -> None:
        """None: a pair is a match or it is none."""

    def save_model(self, folder: Path, state: Mapping[str, torch.Tensor]) -> None:
        """Write the CLIP with this state of the tail into `folder`, as `from_pretrained` and `encoder.name` take it."""
        from thawline.tasks.match.bundle.write import save_towers

        parts = split_state(state)
        tails = list(zip(self.pretrained.cuts(self.settings.cut), (parts.image, parts.text), strict=True))
        write_folder(folder, lambda beside: save_towers(beside, self.settings.encoder, tails, parts.scale, parts.bias))

    def report(self) -> dict[str, Any]:
        """What the files hold, as plain JSON."""
        return self.surveyed.report()

    def related_to(self, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
        """Indices of the pairs that share an image or a text with a pair of `rows`."""
        return related_pairs(self.pairs, self.surveyed.survey.facts, rows)

    def split_rows(self, plan: Sequence[Fold]) -> list[SplitRow]:
        """Each pair's place in the run: the fold that judges it, or none."""
        judged = {int(i): fold.name for fold in plan for i in fold.test}
        facts = self.surveyed.survey.facts
        return [
            SplitRow(
                path=name,
                digest=facts[pair.image].digest,
                phash=facts[pair.image].phash or "",
                label=CLASSES[pair.label or 0],
                group=int(self.groups[i]),
                fold=judged.get(i, ""),
                text=text_digest(pair.text),
            )
            for i, (name, pair) in enumerate(zip(self.names, self.pairs, strict=True))
        ]

    @property
    def _has_zero_shot(self) -> bool:
        return self.pretrained.logit_scale is not None and not isinstance(self.settings.method, ZeroShotSettings)

    def matches(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Image and text number of each match among the pairs `indices`, [matches, 2]."""
        matches = indices[self.labels[indices] == 1]
        return np.stack([self.surveyed.checked.images[matches], self.surveyed.checked.texts[matches]], axis=1)
