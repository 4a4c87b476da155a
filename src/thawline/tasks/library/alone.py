"""One at a time writes what was learnt of a library: a training, or its owner's word on people."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import filelock

from thawline.errors import UserError

_LOCK: Final = ".training.lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """No other command writes into the library's directory `folder` meanwhile.

    Raises:
        UserError: One does.
    """
    try:
        with filelock.FileLock(folder / _LOCK, timeout=0):
            yield
    except filelock.Timeout:
        raise UserError(
            f"another training is at work in {folder}; wait until it has ended, or name another directory"
        ) from None
