"""The device that a run computes on."""

import torch

from thawline.errors import UserError


def find_device(accelerator: str) -> torch.device:
    """The device that `accelerator` names: `auto` (a GPU when there is one), `cpu`, `gpu` or `mps`.

    Raises:
        UserError: This machine has no such device.
    """
    has = {"gpu": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if accelerator == "auto":
        accelerator = "gpu" if has["gpu"] else "mps" if has["mps"] else "cpu"
    if not has.get(accelerator, False):
        raise UserError(
            f"trainer={accelerator}: PyTorch finds no such device on this machine; use trainer=auto or trainer=cpu"
        )
    return torch.device("cuda" if accelerator == "gpu" else accelerator)
