"""How samples reach the tail."""

from dataclasses import dataclass

from thawline.fitting.feature_set import Augment


@dataclass(frozen=True)
class Feeding:
    """How samples reach the tail.

    Attributes:
        batch_size: Samples a step.
        seed: Fixes order, views and augmentation of every epoch.
        augment: What varies the pixels each step, where pixels are what is stored; None: nothing.
        workers: Loader processes; 0: none, the store is fast enough.
        overfit: Only the first batch, in training and choosing alike.
        limit: At most this many batches an epoch; None: all.
    """

    batch_size: int
    seed: int
    augment: Augment | None = None
    workers: int = 0
    overfit: bool = False
    limit: int | None = None


def batches_per_epoch(samples: int, batch_size: int) -> int:
    """How many batches an epoch has; a last batch of one sample, which has no statistics, joins the one before."""
    whole, left = divmod(samples, batch_size)
    return whole if whole and left <= 1 else whole + 1
