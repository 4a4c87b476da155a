"""Losses over logits [batch, classes] and targets [batch]."""

import torch
import torch.nn.functional as F


def contrastive_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Symmetric image–text cross-entropy in the batch (CLIP, arXiv 2103.00020, figure 3), same-class pairs positive.

    The batch's texts are the prompts of its photos' classes. Where two photos share a class, each is also the other's
    positive; the target is spread evenly over them (supervised contrastive learning, arXiv 2004.11362, equation 2).
    """
    pairs = logits[:, targets]
    same = (targets[:, None] == targets[None, :]).to(pairs.dtype)
    wanted = same / same.sum(dim=1, keepdim=True)
    return (F.cross_entropy(pairs, wanted) + F.cross_entropy(pairs.T, wanted)) / 2


def class_weights(targets: torch.Tensor, classes: int) -> torch.Tensor:
    """A weight for each class, [classes]: the inverse of its share of `targets` [n], so that all count the same."""
    return len(targets) / (classes * torch.bincount(targets, minlength=classes).clamp(min=1).float())
