"""The one LightningDataModule: a fold's samples, fed from the store without worker processes."""

from collections.abc import Iterator

import lightning.pytorch as L
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.module import Batch
from thawline.fitting.tail import PREDICTION_BATCH


class EpochBatches(Sampler[NDArray[np.int64]]):
    """Shuffled batches of positions. Their order follows from seed and epoch, so that a resumed run repeats it."""

    def __init__(self, samples: int, batch_size: int, seed: int) -> None:
        self._samples = samples
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-self._samples // self._batch_size)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        order = np.random.default_rng((self._seed, self._epoch)).permutation(self._samples)
        for start in range(0, self._samples, self._batch_size):
            yield order[start : start + self._batch_size]


class _Batches(Dataset[Batch]):
    """A feature set indexed by whole batches: one gather from the memory map, no collation sample by sample."""

    def __init__(self, samples: FeatureSet) -> None:
        self._samples = samples

    def __getitem__(self, positions: NDArray[np.int64]) -> Batch:
        return self._samples[positions]


class TailData(L.LightningDataModule):
    """The samples of one fold: `train` to fit on, `inner` to choose by."""

    def __init__(self, train: FeatureSet, inner: FeatureSet | None, *, batch_size: int, seed: int) -> None:
        super().__init__()
        self._train = train
        self._inner = inner
        self._batch_size = batch_size
        self._seed = seed

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled training batches."""
        sampler = EpochBatches(len(self._train), self._batch_size, self._seed)
        return DataLoader(_Batches(self._train), sampler=sampler, batch_size=None)

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        """The inner samples in their order; no loader where nothing is chosen."""
        if self._inner is None:
            return []
        starts = range(0, len(self._inner), PREDICTION_BATCH)
        batches = [np.arange(s, min(s + PREDICTION_BATCH, len(self._inner))) for s in starts]
        return [DataLoader(_Batches(self._inner), sampler=batches, batch_size=None)]
