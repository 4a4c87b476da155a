"""One device a trial: GPUs shared out among trials that run side by side."""

import os
from collections.abc import Callable

VARIABLE = "CUDA_VISIBLE_DEVICES"


def own_device(worker: int, visible: str | None, count: int) -> str | None:
    """The GPU that is the worker's own, as CUDA names it; workers beyond their number share.

    Args:
        worker: Its number, from 0 on.
        visible: What `CUDA_VISIBLE_DEVICES` says now; None: nothing.
        count: How many GPUs can be seen.

    Returns:
        What the variable is to say for the worker: what it says where there are not several to share out.
    """
    if count < 2:
        return visible
    names = [name.strip() for name in visible.split(",")] if visible else [str(number) for number in range(count)]
    return names[worker % count]


def take_device(worker: int, count: Callable[[], int]) -> None:
    """Have this process, which has used no GPU yet, see that of its worker alone."""
    visible = os.environ.get(VARIABLE)
    own = own_device(worker, visible, count())
    if own != visible:
        os.environ[VARIABLE] = str(own)
