"""The LightningDataModule below every task's: samples from the store, each epoch in an order and views of its own."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from thawline.fitting.feature_set import Batch, FeatureSet
from thawline.fitting.lightning.checkpoints import batches_done
from thawline.fitting.lightning.feeding import Feeding, batches_per_epoch
from thawline.fitting.lightning.imported import L
from thawline.fitting.tail import in_batches

Positions = NDArray[np.int64]
Place = tuple[int, Positions]


class EpochBatches(DistributedSampler[Place]):
    """Shuffled batches of positions with the number of their epoch.

    Their order follows from seed and epoch alone, so that a resumed run repeats it. Of several processes each takes
    its share of every batch, as even as can be: the batch size, and with it the course of the training, is that of one.
    By its base Lightning knows that there is nothing left to share out.
    """

    def __init__(self, samples: int, how: Feeding, *, rank: int = 0, world: int = 1, done: int = 0) -> None:
        """Know where to begin.

        Args:
            samples: How many there are.
            how: Seed, batch size, limits.
            rank: Which of the processes this is.
            world: How many processes there are.
            done: Batches that were trained on before, over all epochs.
        """
        self._samples = samples
        self._how = how
        self._rank = rank
        self._world = world
        # Loader processes ask for batches before Lightning says which epoch it is.
        self._epoch, self._start = divmod(done, len(self))
        self._resumed = self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Batches of a whole epoch, those that were done before among them."""
        whole = batches_per_epoch(self._samples, self._how.batch_size)
        return min(whole, 1 if self._how.overfit else self._how.limit or whole)

    def __iter__(self) -> Iterator[Place]:
        seed = (self._how.seed, 0 if self._how.overfit else self._epoch)
        order = np.random.default_rng(seed).permutation(self._samples)
        size, count = self._how.batch_size, batches_per_epoch(self._samples, self._how.batch_size)
        start = self._start if self._epoch == self._resumed else 0
        for positions in islice(np.split(order, size * np.arange(1, count)), start, len(self)):
            # What is too small to be shared out each takes whole.
            shared = len(positions) >= self._world
            yield self._epoch, positions[self._rank :: self._world] if shared else positions


class InnerBatches(DistributedSampler[Positions]):
    """Batches of positions in their order; each of several processes goes over all of them."""

    def __init__(self, batches: Sequence[Positions]) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Positions]:
        return iter(self._batches)


class _Training(Dataset[Batch]):
    """A feature set indexed by whole batches: one gather from the memory map, no collation sample by sample.

    Which view and which augmentation a sample gets is a function of seed, epoch and sample, whoever loads it.
    """

    def __init__(self, samples: FeatureSet, how: Feeding) -> None:
        self._samples = samples
        self._how = how

    def __getitem__(self, place: Place) -> Batch:
        epoch, positions = place
        draw = np.random.default_rng((self._how.seed, epoch, 1))
        numbers = draw.integers(len(self._samples.views) + 1, size=len(self._samples))
        batch = self._samples.in_views(positions, numbers[positions])
        if self._how.augment is not None:
            batch = self._augmented(batch, epoch, positions)
        return batch if self._samples.weights is None else self._weighted(batch, self._samples.weights[positions])

    def _weighted(self, batch: Batch, weights: NDArray[np.float64]) -> Batch:
        """The batch with shares of classes for targets, [n, classes], each row times its sample's weight."""
        features, targets = batch
        shares = F.one_hot(targets, int(self._samples.targets.max()) + 1)
        return features, shares * torch.from_numpy(weights).float()[:, None]

    def _augmented(self, batch: Batch, epoch: int, positions: Positions) -> Batch:
        features, targets = batch
        assert self._how.augment is not None  # noqa: S101  # the caller looked
        seeds = np.random.default_rng((self._how.seed, epoch, 2)).integers(2**63, size=len(self._samples))
        # A pair's are called by its tower: image.pixels.
        name = next(name for name in features if name.endswith(("pixels", "mel")))
        pixels = [self._how.augment(p, int(seeds[i])) for p, i in zip(features[name], positions, strict=True)]
        return {**features, name: torch.stack(pixels)}, targets


class _Plain(Dataset[Batch]):
    """A feature set in its plain view, indexed by whole batches."""

    def __init__(self, samples: FeatureSet) -> None:
        self._samples = samples

    def __getitem__(self, positions: Positions) -> Batch:
        return self._samples[positions]


class TailData(L.LightningDataModule):
    """The samples of one fold.

    Attributes:
        train: Those to fit on; a task's own has none before `setup`.
        inner: Those to choose by; None: nothing is chosen.
    """

    def __init__(self, train: FeatureSet | None, inner: FeatureSet | None, how: Feeding) -> None:
        """Take the samples, and how they reach the tail."""
        super().__init__()
        self.train = train
        self.inner = inner
        self._how = how

    @property
    def _trained(self) -> FeatureSet:
        if self.train is None:
            raise RuntimeError(f"{type(self).__name__} has no samples yet; call its setup()")
        return self.train

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled training batches."""
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        done = batches_done(self.trainer) if self.trainer else 0
        sampler = EpochBatches(len(self._trained), self._how, rank=rank, world=world, done=done)
        return DataLoader(
            _Training(self._trained, self._how),
            sampler=sampler,
            batch_size=None,
            num_workers=self._how.workers,
            persistent_workers=self._how.workers > 0,
        )

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        """The inner samples in their order; no loader where nothing is chosen."""
        if self.inner is None:
            return []
        if self._how.overfit:
            batches = [positions for _, positions in EpochBatches(len(self._trained), self._how)]
            return [DataLoader(_Plain(self._trained), sampler=InnerBatches(batches), batch_size=None)]
        batches = in_batches(self.inner)
        return [DataLoader(_Plain(self.inner), sampler=InnerBatches(batches[: self._how.limit]), batch_size=None)]
