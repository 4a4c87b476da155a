"""The device that a run computes on, and what it can do."""

import re
from functools import cache

import torch

from thawline.errors import UserError

# The CPU's allocator has no error of its own, nor has Metal's, and the libraries of NVIDIA have theirs.
_NO_MEMORY = re.compile(
    r"out of memory|not enough memory|can't allocate memory|OutOfMemoryError|\bMemoryError\b|STATUS_ALLOC_FAILED"
)


def find_device(accelerator: str) -> torch.device:
    """The device that `accelerator` names: `auto` (a GPU when there is one), `cpu`, `gpu` or `mps`.

    On an NVIDIA GPU convolutions in float32 are float32 from here on: PyTorch would round what enters them to 10 bits.

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
    if accelerator == "gpu":
        torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if accelerator == "gpu" else accelerator)


def require_precision(setting: str, half: torch.dtype, device: str, instead: str) -> None:
    """See to it that a kind of device computes in the precision that a setting names.

    Args:
        setting: As it was given, `encoder.precision=bfloat16` say.
        half: The precision.
        device: `torch.device.type`.
        instead: What to set where it does not.

    Raises:
        UserError: It does not: PyTorch would compute in float32 and round, or not at all.
    """
    if half == torch.bfloat16 and not _has_bfloat16(device):
        raise UserError(f"{setting}: this machine's GPU does not compute in bfloat16; use {instead}")


@cache
def _has_bfloat16(device: str) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device != "mps" or torch.backends.mps.is_macos_or_newer(14, 0)


def lacks_memory(error: BaseException) -> bool:
    """Whether an error, of whichever device, says that the memory is too small."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or bool(_NO_MEMORY.search(str(error)))
