"""Which prompts stand for the classes: chosen by samples that are trained on, from those given and candidates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thawline.judging.intervals import Estimate, Z, sum_by_group

_MOST = 50  # moves, of which each costs as much as all prompts have

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PromptChoice:
    """What was chosen.

    Attributes:
        used: Which prompts are, at least one of each class, [prompts].
        gains: By how much the log-loss falls where one candidate alone joins its class's given prompts, or where one
            of these is left out, [prompts]; None of the only one that a class has.
    """

    used: NDArray[np.bool_]
    gains: tuple[Estimate | None, ...]


@dataclass(frozen=True, eq=False)
class _Known:
    """What does not change while prompts are chosen.

    Attributes:
        cosines: Of each sample and prompt, [n, prompts].
        gram: Of the prompts among each other, [prompts, prompts].
        class_of: Class of each prompt, [prompts].
        targets: Class of each sample, [n].
        groups: Group of each sample, [n].
        scale: What a cosine is multiplied by.
    """

    cosines: Matrix
    gram: Matrix
    class_of: NDArray[np.int64]
    targets: NDArray[np.int64]
    groups: NDArray[np.int64]
    scale: float

    def logits(self, used: NDArray[np.bool_]) -> Matrix:
        """What is said of each sample, [n, classes], by the mean of each class's unit vectors, made one again."""
        one_hot = (self.class_of[:, None] == np.arange(int(self.class_of.max()) + 1)) & used[:, None]
        weights = one_hot.astype(np.float64)
        lengths = np.sqrt((weights * (self.gram @ weights)).sum(axis=0))
        logits: Matrix = self.scale * (self.cosines @ weights) / lengths
        return logits

    def losses(self, logits: Matrix) -> Matrix:
        """The log-loss of each sample, [n]."""
        most = logits.max(axis=1, keepdims=True)
        total = np.log(np.exp(logits - most).sum(axis=1)) + most[:, 0]
        right: Matrix = logits[np.arange(len(logits)), self.targets]
        return np.asarray(total - right, dtype=np.float64)

    def gain(self, before: Matrix, after: Matrix) -> tuple[float, float]:
        """By how much the mean of the losses [n] falls, and that mean's standard error, groups being drawn."""
        gains = before - after
        mean = float(gains.mean())
        return mean, float(np.sqrt((sum_by_group(gains - mean, self.groups) ** 2).sum())) / len(gains)


def choose_prompts(
    images: Matrix,
    prompts: Matrix,
    class_of: NDArray[np.int64],
    given: NDArray[np.bool_],
    targets: NDArray[np.int64],
    groups: NDArray[np.int64],
    scale: float,
) -> PromptChoice:
    """Begin with the given prompts, and take in or leave out one at a time while zero-shot's log-loss falls.

    The move that makes it fall most is made if that is more than its standard error over groups (as the
    one-standard-error rule of Breiman et al. 1984, section 3.4.3, stays with what is simpler otherwise). Of many
    candidates chance makes some look good: what the choice is worth, samples say that had no part in it.

    Args:
        images: Unit features of the samples that choose, [n, dim].
        prompts: Unit features of all prompts, [prompts, dim].
        class_of: Class of each prompt, [prompts].
        given: Which are given, at least one of each class; the others are candidates, [prompts].
        targets: Class of each sample, [n].
        groups: Group of each sample, [n].
        scale: What a cosine is multiplied by.
    """
    known = _Known(images @ prompts.T, prompts @ prompts.T, class_of, targets, groups, scale)
    used, gains = given.copy(), tuple(_estimate(one) for one in _moves(known, given))
    for _ in range(_MOST):
        moves = _moves(known, used)
        worth = [-np.inf if one is None or one[0] <= one[1] else one[0] for one in moves]
        best = int(np.argmax(worth))
        if worth[best] <= 0:
            break
        used[best] = not used[best]
    return PromptChoice(used, gains)


def _moves(known: _Known, used: NDArray[np.bool_]) -> list[tuple[float, float] | None]:
    """The gain of taking each prompt in, or of leaving it out; None where a class would have none."""
    logits = known.logits(used)
    before = known.losses(logits)
    counts = np.bincount(known.class_of[used], minlength=logits.shape[1])
    found: list[tuple[float, float] | None] = []
    for prompt, one in enumerate(known.class_of):
        if used[prompt] and counts[one] == 1:
            found.append(None)
            continue
        mine = used & (known.class_of == one)
        mine[prompt] = not mine[prompt]
        after = logits.copy()
        after[:, one] = known.scale * known.cosines[:, mine].sum(axis=1) / np.sqrt(known.gram[np.ix_(mine, mine)].sum())
        found.append(known.gain(before, known.losses(after)))
    return found


def _estimate(gain: tuple[float, float] | None) -> Estimate | None:
    return None if gain is None else Estimate(gain[0], gain[0] - Z * gain[1], gain[0] + Z * gain[1])
