"""What fitting and judging ask of classes of photos: these and prompts at the thaw line, and the tail over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from thawline.data.photos.augmentation import Augmentation, view_seed
from thawline.data.photos.collection import Collection
from thawline.data.photos.report import data_report
from thawline.encoders.encoder import Encoder
from thawline.encoders.towers import ClipTowers
from thawline.fitting.choosing_prompts import choose_prompts
from thawline.fitting.feature_set import AugmentedRows, FeatureRows, FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.heads.cache import CacheHead
from thawline.fitting.heads.head import DenseHead, ProbeHead, PromptHead
from thawline.fitting.methods import FittedTail
from thawline.fitting.problem import Plain
from thawline.fitting.settings import GradientSettings, ZeroShotSettings
from thawline.fitting.tail import Tail, final_features
from thawline.runs.split import SplitRow
from thawline.targets.target import GIVEN_PROMPTS, MAJORITY, ZERO_SHOT
from thawline.tasks.photos.features import Prompts
from thawline.tasks.photos.prompts import PROMPTS, chosen_prompts
from thawline.tasks.photos.related import related_photos
from thawline.tasks.settings import RunSettings


@dataclass(frozen=True)
class PhotosProblem(Plain):
    """A collection of photos in classes, at the thaw line.

    Attributes:
        settings: The run's settings.
        classes: Names of the classes; the labels count them.
        collection: The photos that can be used, and what is known of them.
        labels: Class of each photo, [N].
        sides: The given split, one word or fold number a photo; None: none given.
        encoder: The image encoder.
        cut: Its cut, the thaw line.
        rows: The photos' features at the cut, [N].
        views: The same of each augmented view that is stored.
        towers: The image encoder's CLIP; None for an encoder without text.
        prompts: The classes' prompts; None for an encoder without text, or where there are none.
        computed: Features (photos and prompts) that were computed now.
        read: Features that were read from the store.
        scalings: What new heads measured on the photos that they were trained on, by the bytes of their indices.
        untold: Sentences on what `related_to` could not tell.
    """

    settings: RunSettings
    classes: tuple[str, ...]
    collection: Collection
    labels: NDArray[np.int64]
    sides: tuple[str, ...] | None
    encoder: Encoder
    cut: int
    rows: FeatureRows
    views: tuple[FeatureRows, ...]
    towers: ClipTowers | None
    prompts: Prompts | None
    computed: int
    read: int
    scalings: dict[bytes, dict[str, torch.Tensor]] = field(default_factory=dict, repr=False, kw_only=True)
    untold: list[str] = field(default_factory=list, repr=False, kw_only=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each photo, relative to the folder."""
        return self.collection.names

    @property
    def groups(self) -> NDArray[np.int64]:
        """Group of each photo, [N]."""
        return self.collection.grouping.ids

    @property
    def people(self) -> NDArray[np.bool_] | None:
        """Whether each photo shows people, [N]; None: nobody looked."""
        people = self.collection.people
        return None if people is None else np.array([people.shown_in(name) for name in self.names], dtype=np.bool_)

    def samples(self, indices: NDArray[np.int64]) -> FeatureSet:
        """The photos `indices` as a feature set, with the views that are stored of them."""
        weights = None if self.weights is None else self.weights[indices]
        return FeatureSet(self.rows, indices, self.labels[indices], self.groups[indices], self.views, weights=weights)

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """How much each photo counts in the training, [N]; None: all the same."""
        return None

    def judged(self, indices: NDArray[np.int64]) -> list[FeatureSet]:
        """The photos `indices` in each view whose probabilities are averaged, the plain one first."""
        samples = self.samples(indices)
        augmentation = self.settings.augmentation
        if not augmentation.average:
            return [replace(samples, views=())]
        if self.views:
            return samples.each_view()
        augment = Augmentation(augmentation)
        digests = [facts.digest for facts in self.collection.facts]
        seeds = [[view_seed(digest, view) for digest in digests] for view in range(1, augmentation.views + 1)]
        return [samples, *(replace(samples, rows=AugmentedRows(self.rows, augment, each)) for each in seeds)]

    def tail(self) -> Tail:
        """A fresh tail as the method wants it: pretrained stages above the thaw line and a head not yet fitted."""
        method = self.settings.method
        if method.head == "prompts":
            return self._prompt_tail(trainable=isinstance(method, GradientSettings))
        if method.head in ("probe", "cache"):
            begins = ProbeHead if method.head == "probe" else CacheHead
            return Tail(self.encoder.tail(self.cut), begins.of(self._prompt_head()))
        hidden = method.hidden if isinstance(method, GradientSettings) and method.head == "mlp" else None
        dropout = method.dropout if isinstance(method, GradientSettings) else 0.0
        head = self._head(hidden, dropout)
        statistics = isinstance(method, GradientSettings) and method.batch_norm == "train"
        return Tail(self.encoder.tail(self.cut, batch_norm=statistics), head)

    def _head(self, hidden: int | None, dropout: float) -> DenseHead:
        """A new head over the encoder's features."""
        return DenseHead(self.encoder.dim, len(self.classes), hidden=hidden, dropout=dropout)

    def begun(self, train: Callable[[], NDArray[np.int64]]) -> "PhotosProblem":
        """The problem with the prompts that the photos of `train` choose, where there are candidates."""
        if self.prompts is None or self.prompts.used is None:
            return self
        photos = replace(self.samples(train()), views=())
        every = replace(self, prompts=replace(self.prompts, used=None))._prompt_head()
        choice = choose_prompts(
            _unit(final_features(self.encoder.tail(self.cut), photos)),
            _unit(every.prompt_vectors()),
            every.class_of_prompt.numpy(),
            self.prompts.used.numpy(),
            photos.targets,
            photos.groups,
            float(every.logit_scale),
        )
        prompts = replace(self.prompts, used=torch.from_numpy(choice.used), gains=choice.gains)
        return replace(self, prompts=prompts)

    def settle(self, fit: FittedTail, inner: FeatureSet | None, earlier: Sequence[FittedTail]) -> FittedTail:
        """`fit` with the prompts that were chosen for it, where there were candidates."""
        if self.prompts is None or self.prompts.gains is None:
            return fit
        return replace(fit, chosen={**fit.chosen, PROMPTS: chosen_prompts(self.prompts, self.classes)})

    @property
    def baseline(self) -> str:
        """What the run is compared with."""
        if self._has_zero_shot and isinstance(self.settings.method, ZeroShotSettings):
            return GIVEN_PROMPTS
        return ZERO_SHOT if self._has_zero_shot else MAJORITY

    @property
    def _has_zero_shot(self) -> bool:
        fitted = not isinstance(self.settings.method, ZeroShotSettings)
        return self.prompts is not None and (fitted or self.prompts.used is not None)

    def zero_shot(self, fit: FittedTail) -> Tail | None:
        """The pretrained network with the classes' prompts, nothing fitted.

        None for an encoder without text, and where it is itself what is judged.
        """
        return self._prompt_tail(trainable=False) if self._has_zero_shot else None

    def report(self) -> dict[str, Any]:
        """What the folder holds, as plain JSON."""
        return data_report(self.collection)

    def related_to(self, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
        """Indices of the photos that are in one group with a photo of `rows`."""
        related = related_photos(self.collection, rows, self.settings.store.root)
        self.untold.extend(filter(None, [related.untold]))
        return related.indices

    def split_rows(self, plan: Sequence[Fold]) -> list[SplitRow]:
        """Each photo's place in the run: the fold that judges it, or none."""
        judged = {int(i): fold.name for fold in plan for i in fold.test}
        return [
            SplitRow(
                path=photo.name,
                digest=facts.digest,
                phash=facts.phash or "",
                label=photo.label,
                group=int(self.groups[i]),
                fold=judged.get(i, ""),
            )
            for i, (photo, facts) in enumerate(zip(self.collection.photos, self.collection.facts, strict=True))
        ]

    def _prompt_tail(self, *, trainable: bool) -> Tail:
        tail = Tail(self.encoder.tail(self.cut), self._prompt_head())
        return tail if trainable else tail.requires_grad_(False)

    def _prompt_head(self) -> PromptHead:
        assert self.towers is not None  # noqa: S101  # the settings were checked
        assert self.prompts is not None  # noqa: S101
        text = self.towers.text
        text_stages = text.tail(self.prompts.cut) if self.prompts.cut < text.end else None
        prompts = self.prompts.taken()
        return PromptHead(prompts.features, prompts.class_of_prompt, self.towers.logit_scale, text_stages)


def _unit(features: torch.Tensor) -> NDArray[np.float64]:
    """Features [n, dim] as unit vectors."""
    return F.normalize(features.detach().double(), dim=-1).numpy()
