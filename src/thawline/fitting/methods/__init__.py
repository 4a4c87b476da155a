"""Methods: how a tail is fitted. Each takes training samples and a tail, and gives the tail's fitted state."""

from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class FittedTail:
    """What a method gives.

    Attributes:
        state: The fitted tail's state dict.
        chosen: What was chosen on inner data, as plain JSON: the epoch, the strength of a penalty.
    """

    state: dict[str, torch.Tensor]
    chosen: dict[str, Any] = field(default_factory=dict)
