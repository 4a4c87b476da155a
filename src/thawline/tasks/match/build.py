"""The tails of the match task: fresh ones to be fitted, and both towers as they were pretrained."""

import copy

import torch
from torch import nn

from thawline.encoders.text.scratch import start_anew
from thawline.fitting.settings import GradientSettings
from thawline.tasks.match.features import Pretrained
from thawline.tasks.match.tail import PairHead, PairTail, Towers

# Where a new space begins: cosines of strangers are small, and a sigmoid needs a slope to learn by.
_FIRST_SCALE = 10.0


def fresh_tail(pretrained: Pretrained, thaw: int | str, method: GradientSettings) -> PairTail:
    """A tail that is not yet fitted: the stages above both cuts, and where encoders share no space a new one."""
    cuts = pretrained.cuts(thaw)
    statistics = method.batch_norm == "train"
    image = pretrained.image.tail(cuts[0], batch_norm=statistics)
    text = _scratch(pretrained) if pretrained.scratch else pretrained.text.tail(cuts[1], batch_norm=statistics)
    new_space = pretrained.logit_scale is None
    head = PairHead(
        (pretrained.image.dim, pretrained.text.dim),
        method.hidden if new_space else None,
        pretrained.logit_scale or _FIRST_SCALE,
    )
    return PairTail(Towers(image, text), head)


def pretrained_tail(pretrained: Pretrained, thaw: int | str, threshold: float = 0.0) -> PairTail:
    """Both towers as they were pretrained, frozen; `threshold` is the cosine from which a pair is a match."""
    cuts = pretrained.cuts(thaw)
    towers = Towers(pretrained.image.tail(cuts[0]), pretrained.text.tail(cuts[1]))
    scale = pretrained.logit_scale or 1.0
    head = PairHead((pretrained.image.dim, pretrained.text.dim), None, scale)
    head.set_scale(scale, -scale * threshold)
    tail = PairTail(towers, head)
    tail.requires_grad_(False)
    return tail


def _scratch(pretrained: Pretrained) -> nn.Module:
    """The text encoder's stages with new weights, which follow the seed as a head's do, and with their dropout."""
    stages = [copy.deepcopy(stage) for stage in pretrained.text.stages]
    start_anew(stages, torch.default_generator)
    return nn.Sequential(*stages).cpu().requires_grad_(True)
