"""Opening what Thawline wrote, for services: a bundle, or what a task's own verb learnt."""

import os
from pathlib import Path
from typing import Any

from thawline.tasks.task import capability, task_of_directory


def load(path: str | os.PathLike[str], *, device: str = "auto") -> Any:
    """Load the bundle in the directory `path`, or open what a task's own verb learnt into it.

    Args:
        path: A directory that `thawline export` wrote, or such a verb.
        device: `auto` (a GPU when there is one), `cpu`, `gpu` or `mps`.

    Returns:
        What its task gives a service: of a bundle a `tasks.bundle.load.AnyBundle`.

    Raises:
        UserError: It is neither, or one of its files is not what was written.
    """
    task = task_of_directory(Path(path))
    if task is not None:
        return capability(task, "open")(Path(path))
    from thawline.tasks.bundle.load import load_bundle  # late: what was learnt without torch is opened without it

    return load_bundle(path, device=device)
