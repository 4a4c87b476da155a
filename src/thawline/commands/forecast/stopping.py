"""After how many epochs `method.patience` ends a fit, by a fit on the few samples that were really computed.

Copies, and what is imagined, never stop a training, so the few are fitted by themselves. Their best epoch is taken to
come after as many steps as that of all samples would; on fewer samples it comes sooner, if anything.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.commands.forecast.watching import Watching
from thawline.encoders.device import find_device
from thawline.errors import PrunedError, RunError, UserError
from thawline.features.rehearsing.imagining import checksums
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.fit import FitOptions, fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.lightning.feeding import batches_per_epoch
from thawline.fitting.named.callbacks import EARLY_STOPPING, EarlyStoppingSettings, check_callbacks
from thawline.tasks.capabilities import TaskProblem
from thawline.tasks.planning import gradient_of, how_to_fit
from thawline.tasks.settings import RunSettings

_AT_ONCE = 256  # samples
_MOSTLY = 0.8  # share of the samples that were computed, from which on all are taken to be
_FEWER = 4  # times, that the samples are thinned out where all are known
_LEAST = 128  # samples that are not thinned out


@dataclass(frozen=True)
class Few:
    """Samples of a fold that were really computed.

    Attributes:
        fold: They, in the place of all.
        copied: Whether the others are copies or imagined; else these are some of many.
    """

    fold: Fold
    copied: bool


def few_of(problem: TaskProblem, fold: Fold, imagined: Mapping[int, int]) -> Few:
    """The samples of `fold` that were really computed, see `distinct`, or some of them where most were."""
    given = fold.train if fold.inner is None else np.concatenate([fold.train, fold.inner])
    known = distinct(problem.samples(given), imagined)
    copied = len(known) < _MOSTLY * len(given)
    if not copied:
        known = known[:: max(1, min(_FEWER, len(known) // _LEAST))]
    train, inner = known[known < len(fold.train)], known[known >= len(fold.train)]
    return Few(replace(fold, train=given[train], inner=None if fold.inner is None else given[inner]), copied)


def most_epochs(settings: RunSettings) -> int:
    """The epochs of a fit that nothing ends."""
    epochs = gradient_of(settings).epochs
    return min(epochs, settings.debug.epochs or epochs)


def least_epochs(settings: RunSettings) -> int:
    """The epochs of a fit that is at its best after the first."""
    own = check_callbacks(settings.callbacks).get(EARLY_STOPPING)
    patience = own.patience if isinstance(own, EarlyStoppingSettings) else None
    patience = patience or gradient_of(settings).patience
    return most_epochs(settings) if patience is None else min(1 + patience, most_epochs(settings))


def ends_after(problem: TaskProblem, fold: Fold, few: Few, settings: RunSettings, seconds: float) -> float:
    """The epochs after which a fit on all samples is expected to end.

    Args:
        problem: The data.
        fold: All samples.
        few: Those of it that are fitted.
        settings: Those of the fit.
        seconds: Of the processor that this may take, about.
    """
    most, patience = most_epochs(settings), least_epochs(settings) - 1
    watching, broken_off = Watching(seconds), False
    try:
        share = _steps(problem, few.fold, settings) / _steps(problem, fold, settings)
        longer = _stretched(settings, 1 / share)
        own = replace(problem, settings=longer) if is_dataclass(problem) else problem
        fit_fold(own, few.fold, replace(_how(longer), watch=watching))
    except PrunedError:
        broken_off = True
    except (UserError, RunError):  # these are too few of a class, say
        return going_on(1, most - patience) + patience
    if not broken_off and len(watching.marks) >= gradient_of(longer).epochs:
        return most
    best = watching.best * share
    if broken_off:
        return going_on(max(1, best), most - patience) + patience
    return min(math.ceil(best) + patience, most)


def _steps(problem: TaskProblem, fold: Fold, settings: RunSettings) -> int:
    """The steps of an epoch."""
    return batches_per_epoch(len(_how(settings).inner_fold(problem, fold).train), gradient_of(settings).batch_size)


def _how(settings: RunSettings) -> FitOptions:
    return how_to_fit(settings, Path(settings.paths.run), find_device(settings.trainer.accelerator), None)


def _stretched(settings: RunSettings, times: float) -> RunSettings:
    """The same with so many times the epochs, for a schedule over as many steps."""
    method = gradient_of(settings)
    epochs = math.ceil(method.epochs * times)
    method = replace(method, epochs=epochs, warmup=min(method.warmup * times, epochs - 1))
    return replace(settings, method=method, debug=replace(settings.debug, epochs=None))


def going_on(least: float, most: float) -> float:
    """The expected best epoch of a fit that got better until `least`, and has no epochs after `most`.

    As nothing else is known of it, it goes on for as long again as often as not: P(best > t) = least / t (Gott,
    Nature 363, 315, 1993).
    """
    return least * (1 + math.log(most / least)) if least < most else most


def distinct(samples: FeatureSet, imagined: Mapping[int, int]) -> NDArray[np.int64]:
    """Positions of judged samples, one of all that are copies of one or imagined beside it: itself if it is there.

    Args:
        samples: All.
        imagined: The checksum of each imagined tensor, with that of the computed one beside which it is.
    """
    computed, others = dict[tuple[int, ...], int](), dict[tuple[int, ...], int]()
    for start in range(0, len(samples), _AT_ONCE):
        positions = np.arange(start, min(start + _AT_ONCE, len(samples)))
        features = samples.rows[samples.indices[positions]]
        told = [checksums(t) for _, t in sorted(features.items()) if t.dtype != torch.int64]  # no numbers
        for i, position in enumerate(positions.tolist()):
            own = tuple(column[i] for column in told)
            beside = tuple(imagined.get(checksum, checksum) for checksum in own)
            (computed if beside == own else others).setdefault(beside, position)
    first = np.array(sorted((others | computed).values()), dtype=np.int64)
    return first if samples.owners is None else np.unique(samples.owners[first])
