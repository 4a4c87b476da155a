"""How a run came to its end, in words, and whether it would end otherwise if it was run again."""

import errno
import os
from collections.abc import Iterator

from thawline.errors import RunError, UserError
from thawline.runs.secrets import without_secrets
from thawline.runs.signals import Stopped

# What the system had no more of.
_LACKS = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.EIO)
_WORDS = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "disk is full")  # the last is SQLite's


def reason_of(error: BaseException) -> str:
    """What `status.json` says of an end: its sentence where it has one for the user, otherwise its kind with it."""
    if isinstance(error, KeyboardInterrupt):
        return "Ctrl-C"
    if isinstance(error, UserError | RunError | Stopped):
        return without_secrets(str(error))
    return without_secrets(f"{type(error).__name__}: {error}") if str(error) else type(error).__name__


def lacked_resources(error: BaseException) -> bool:
    """Whether a run failed for want of disk, memory or the like, and not by what it is."""
    return any(_lacked(one) for one in _causes(error))


def _lacked(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _LACKS:
        return True
    # By its name, since torch takes seconds to import: an accelerator's.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return not isinstance(error, OSError) and any(words in str(error) for words in _WORDS)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
