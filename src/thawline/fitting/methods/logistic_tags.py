"""A linear head in closed form where a sample can have several classes: a logistic regression of each, all at once."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from thawline.decisions.label_thresholds import THRESHOLDS, fit_label_thresholds
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.inner import Splits, with_grouped_inner
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.linear import columns_of
from thawline.fitting.settings import LogisticSettings
from thawline.fitting.tail import Tail, pool

_STEPS = 60  # of L-BFGS, at most
_CLOSE = 1e-4  # how little the sum of cross-entropies, or its gradient, may still change
_SURE = 1e-3  # how near to 0 and 1 the share of a class may be from which its bias starts
_STRONGER = 3.0  # by which a penalty is made stronger where the strongest that is listed is the best
_MOST_STRONGER = 4  # times, at most
_UNPENALISED = 1e9  # the inverse strength of a penalty that counts for nothing
_FEWEST = 50  # pairs of a sample and a class, of each kind, by which what is said is calibrated

Line = tuple[torch.Tensor, torch.Tensor]  # weights [columns, classes] and biases [classes]


@dataclass(frozen=True)
class LogitCalibration:
    """What makes logits as sure as they are right, the same for all classes.

    Attributes:
        scale: What they are multiplied by.
        frequency: What the logit of each class's frequency is multiplied by.
        bias: What is added.
    """

    scale: float = 1.0
    frequency: float = 0.0
    bias: float = 0.0

    def of(self, logits: torch.Tensor, frequency: torch.Tensor) -> torch.Tensor:
        """Logits [n, classes], by the logits of frequencies, [classes]."""
        return logits * self.scale + frequency * self.frequency + self.bias

    def of_line(self, line: Line, frequency: torch.Tensor) -> Line:
        """The weights and biases whose logits are those of `line`, calibrated."""
        return line[0] * self.scale, self.of(line[1], frequency)


@dataclass(frozen=True)
class Tried:
    """What one strength gave out of the inner folds.

    Attributes:
        strength: Inverse, of the penalty.
        calibration: By what came of it.
        logits: Calibrated, of the samples that were judged, [judged, classes].
        true: Which classes these have.
    """

    strength: float
    calibration: LogitCalibration
    logits: torch.Tensor
    true: torch.Tensor

    @property
    def losses(self) -> torch.Tensor:
        """Cross-entropy of each sample, the mean over classes, [judged]."""
        return F.binary_cross_entropy_with_logits(self.logits, self.true, reduction="none").mean(dim=1)

    @property
    def loss(self) -> float:
        """The mean over samples."""
        return float(self.losses.mean())


def fit_logistic_tags(
    tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: LogisticSettings, seed: int
) -> FittedTail:
    """Fit the tail's linear head by the binary cross-entropy of each class, with one strength of the penalty for all.

    The penalty is the strongest whose inner log-loss is within a standard error of the least, as Breiman et al. prune
    trees (1984, section 3.4.3); stronger ones than are listed are tried while they are no worse. What is said is
    calibrated by what was said out of the inner folds: one number scales all logits, another lets them lean to how
    frequent each class is. Each class's threshold has the best F1 of that.

    Args:
        tail: Its stages have no parameters, its head is a linear `DenseHead`, and it has `sets`.
        train: Training samples; targets number the sets.
        inner: Given validation samples, which choose and are then trained on too; None: inner grouped folds of `train`.
        settings: The strengths to choose from.
        seed: Fixes the inner folds.
    """
    everything, splits = with_grouped_inner(train, inner, settings.folds, seed)
    columns = columns_of(tail, everything)
    # One thread: the sums of a threaded BLAS depend on how many threads there are.
    with threadpool_limits(1):
        matrix, back = _turned(columns.matrix)
        true = torch.from_numpy(tail.sets_of(everything.targets)).to(matrix.dtype)
        tried = _try_all(matrix, true, everything.owners, splits, settings.c)
        chosen = next((one for one in tried if _near(one, tried)), None)
        strength = chosen.strength if chosen else sorted(settings.c)[len(settings.c) // 2]
        weight, bias = _regress(matrix, true, strength)
    facts: dict[str, Any] = {
        "c": strength,
        "inner_log_loss": {str(one.strength): one.loss for one in tried},
        "inner_folds": len(splits),
    }
    if chosen is not None:
        weight, bias = chosen.calibration.of_line((weight, bias), _frequency(true))
        facts["calibration"] = asdict(chosen.calibration)
        if inner is None:
            facts[THRESHOLDS] = _thresholds(chosen)
    columns.keep((back @ weight).T.double().numpy(), bias.double().numpy())
    return FittedTail(state=tail.state_dict(), chosen=facts)


def _turned(matrix: NDArray[np.float64]) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples [n, columns] in no more dimensions than there are of them, and what turns weights back.

    That is lossless, and no L2 penalty sees it: the weights of the least penalty lie among the samples.
    """
    whole = torch.from_numpy(matrix).float()
    if len(matrix) >= matrix.shape[1]:
        return whole, torch.eye(matrix.shape[1], dtype=whole.dtype)
    u, s, v = torch.linalg.svd(whole, full_matrices=False)
    return u * s, v.T


def _try_all(
    matrix: torch.Tensor,
    true: torch.Tensor,
    owners: NDArray[np.int64] | None,
    splits: Splits,
    strengths: Sequence[float],
) -> list[Tried]:
    """What came of strengths, from the strongest penalty on; nothing where there are no folds."""
    if not splits:
        return []

    def attempt(strength: float, starts: list[Line | None]) -> Tried:
        return _try(matrix, true, owners, splits, strength, starts)

    ordered = sorted(strengths)
    starts: list[Line | None] = [None] * len(splits)
    tried = [attempt(ordered[0], starts)]
    down = list(starts)
    for strength in ordered[1:]:
        tried.append(attempt(strength, starts))
        if tried[-1].loss >= tried[-2].loss:
            break  # the loss has one valley, and weaker penalties are slow
    for _ in range(_MOST_STRONGER if len(ordered) > 1 else 0):
        if not _near(tried[0], tried):
            break
        tried.insert(0, attempt(tried[0].strength / _STRONGER, down))
    return tried


def _near(one: Tried, tried: Sequence[Tried]) -> bool:
    """Whether a loss is within a standard error of the least: of their difference on the same samples."""
    more = one.losses - min(tried, key=lambda other: other.loss).losses
    return float(more.mean()) <= (float(more.std()) / len(more) ** 0.5 if len(more) > 1 else 0.0)


def _try(
    matrix: torch.Tensor,
    true: torch.Tensor,
    owners: NDArray[np.int64] | None,
    splits: Splits,
    strength: float,
    starts: list[Line | None],
) -> Tried:
    """One strength over the inner folds; `starts` are where each fold's regression begins, and then where it ended."""
    logits, judged = torch.zeros_like(true), torch.zeros(len(true), dtype=torch.bool)
    for i, (train, test) in enumerate(splits):
        starts[i] = line = _regress(matrix[train], true[train], strength, starts[i])
        logits[test] = matrix[test] @ line[0] + line[1]
        judged[test] = True
    own, said = true[judged], logits[judged]
    if owners is not None:  # a sample in parts is judged by their mean
        parts = torch.from_numpy(np.unique(owners[judged.numpy()], return_inverse=True)[1])
        own, said = pool(own, parts), pool(said, parts)
    frequency = _frequency(true)
    calibration = _calibrate(said, own > 0.5, frequency)
    return Tried(strength, calibration, calibration.of(said, frequency), own)


def _regress(matrix: torch.Tensor, true: torch.Tensor, strength: float, start: Line | None = None) -> Line:
    """The weights and biases of the least sum of cross-entropies and half of the squared weights over `strength`.

    What L-BFGS moves is scaled by the curvature that there is where all logits are those of the classes' frequencies
    and columns are independent, as those of `_turned` are: it takes a fifth of the steps then.
    """
    share = true.mean(dim=0).clamp(_SURE, 1 - _SURE)
    begin = (matrix.new_zeros(matrix.shape[1], true.shape[1]), torch.logit(share)) if start is None else start
    bend = share * (1 - share)
    scale = (matrix.square().sum(dim=0)[:, None] * bend + 1 / strength).rsqrt()
    scale_bias = (len(matrix) * bend).rsqrt()
    weight, bias = ((own / by).requires_grad_() for own, by in zip(begin, (scale, scale_bias), strict=True))
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=_STEPS, tolerance_grad=_CLOSE, tolerance_change=_CLOSE, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        own = weight * scale
        loss = F.binary_cross_entropy_with_logits(matrix @ own + bias * scale_bias, true, reduction="sum")
        loss = loss + own.square().sum() / (2 * strength)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return (weight * scale).detach(), (bias * scale_bias).detach()


def _frequency(true: torch.Tensor) -> torch.Tensor:
    """The logit of how frequent each class is, [classes]."""
    return torch.logit(true.mean(dim=0).clamp(_SURE, 1 - _SURE))


def _calibrate(logits: torch.Tensor, true: torch.Tensor, frequency: torch.Tensor) -> LogitCalibration:
    """What makes logits as sure as they are right, by a regression over all samples and classes."""
    from thawline.fitting.methods.scikit import LogisticRegression  # late: scikit-learn takes a second to import

    yes = true.flatten().numpy()
    if min(yes.sum(), (~yes).sum()) < _FEWEST:
        return LogitCalibration()
    columns = torch.stack([logits, frequency.expand_as(logits)], dim=-1).flatten(0, 1).double().numpy()
    found = LogisticRegression(C=_UNPENALISED, solver="newton-cholesky").fit(columns, yes)
    scale, lean = found.coef_[0].tolist()
    return LogitCalibration(scale, lean, float(found.intercept_[0])) if scale > 0 else LogitCalibration()


def _thresholds(chosen: Tried) -> list[float]:
    """The best threshold of each class by the logits out of the inner folds."""
    said = torch.sigmoid(chosen.logits.float()).numpy()
    fitted: list[float] = fit_label_thresholds(chosen.true.numpy() > 0.5, said).tolist()
    return fitted
