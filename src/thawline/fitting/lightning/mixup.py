"""MixUp of features or of pixels (Zhang et al., arXiv 1710.09412)."""

import numpy as np
import torch
import torch.nn.functional as F

from thawline.fitting.feature_set import Batch


def mix(batch: Batch, alpha: float, classes: int) -> Batch:
    """Mix each sample with another one of the batch, by one share drawn from Beta(alpha, alpha) (section 2).

    Args:
        batch: Named tensors, batch first, and classes [batch], or shares of them [batch, classes].
        alpha: Of the beta distribution.
        classes: How many there are.

    Returns:
        The mixed tensors, stored pixels as numbers in 0..255, and the shares of the classes [batch, classes].
    """
    features, targets = batch
    # NumPy's beta: PyTorch's gives 0.5 where a small alpha makes both of its gamma variates 0.
    share = float(np.random.default_rng(int(torch.randint(2**62, ()))).beta(alpha, alpha))
    other = torch.randperm(len(targets), device=targets.device)
    mixed = {name: share * tensor.float() + (1 - share) * tensor[other].float() for name, tensor in features.items()}
    wanted = F.one_hot(targets, classes).float() if targets.ndim == 1 else targets
    return mixed, share * wanted + (1 - share) * wanted[other]
