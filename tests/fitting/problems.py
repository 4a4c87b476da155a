"""A small problem whose features lie in memory."""

import numpy as np
import torch
import torch.nn.functional as F
from tests.fitting.conftest import ArrayRows
from torch import nn

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.fit import FitOptions
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.feeding import Feeding
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.problem import Plain, inner_fold
from thawline.fitting.settings import DebugSettings, TrainerSettings
from thawline.fitting.tail import Tail, final_features

CLASSES = ("a", "b", "c")


class Module(TailModule):
    def loss(self, logits, targets):
        return F.cross_entropy(logits, targets)


class CutError(Exception):
    pass


class Cut(Module):
    """Ends in its batch `at`, the first being 0."""

    at = -1
    seen = 0

    def training_step(self, batch, batch_idx):
        if self.seen == self.at:
            raise CutError
        self.seen += 1
        return super().training_step(batch, batch_idx)


class Clusters(Plain):
    """Three overlapping classes in groups of two, of which some samples may be out of bounds."""

    classes = CLASSES

    def __init__(self, *, views=0, forbidden=(), zero_shot=None):
        generator = np.random.default_rng(0)
        self.labels = np.repeat(np.arange(3), 30)
        self.groups = np.arange(90) // 2
        self.names = tuple(f"{i:02}.jpg" for i in range(90))
        centres = generator.normal(size=(3, 8))
        plain = (3.0 + 2.0 * (centres[self.labels] + generator.normal(size=(90, 8)))).astype(np.float32)
        moved = [plain + generator.normal(size=plain.shape).astype(np.float32) for _ in range(views)]
        self._rows = [ArrayRows(one) for one in (plain, *moved)]
        self._forbidden = set(np.asarray(forbidden).tolist())
        self._zero_shot = zero_shot

    def samples(self, indices):
        touched = self._forbidden & set(indices.tolist())
        if touched:
            raise AssertionError(f"samples that are judged later were touched: {sorted(touched)}")
        plain, *views = self._rows
        return FeatureSet(plain, indices, self.labels[indices], self.groups[indices], tuple(views))

    def judged(self, indices):
        return self.samples(indices).each_view()

    def tail(self):
        return Tail(nn.Identity(), DenseHead(8, 3))

    def zero_shot(self, fit):
        return self._zero_shot


def fitting(method, run, **changes):
    seed = changes.pop("seed", 0)

    def pair(problem, fold, *, chooses):
        inner = inner_fold(problem, fold, share=0.25, seed=seed) if chooses else None
        train = problem.samples((inner or fold).train)
        tail = problem.tail()
        tail.head.standardise.measure(final_features(tail.stages, train))
        data = TailData(train, inner and problem.samples(inner.test), Feeding(method.batch_size, seed))
        return Module(tail, method, samples=len(train), seed=seed), data

    return FitOptions(
        method,
        TrainerSettings(accelerator="cpu"),
        changes.pop("debug", DebugSettings()),
        inner_share=0.25,
        seed=seed,
        device=torch.device("cpu"),
        run=run,
        pair=pair,
        **changes,
    )
