"""How a run came to its end, in words, and whether it would end otherwise if it was run again."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from thawline.errors import RunError, UserError
from thawline.files import target_of
from thawline.runs.secrets import without_secrets
from thawline.runs.signals import Stopped

# What the system had no more of.
_LACKS = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.EIO)
_NO_MEMORY = "can't allocate memory"  # PyTorch's on the CPU, in a RuntimeError
_WORDS = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "disk is full")  # the last is SQLite's
_ASKED = re.compile(r"allocate ([\d.]+ ?\w+)")  # by PyTorch and NumPy alike

_OTHER_PLACE = "choose another place"
# What the system refuses: what it means here, and what mends it.
_SAID = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT),
        ("the disk is full", "free some space, or set store.dir=… and paths.outputs=… to another disk"),
    ),
    **dict.fromkeys(
        (errno.EACCES, errno.EROFS, errno.EPERM),
        ("this may not be read or written", f"change its permissions or {_OTHER_PLACE}"),
    ),
    **dict.fromkeys(
        (errno.ENOTDIR, errno.EEXIST),
        ("there is a file where a folder is needed", "move it or set paths.outputs=…"),
    ),
    errno.ENOENT: ("there is no such file or folder", f"check its name, or {_OTHER_PLACE}"),
    errno.EISDIR: ("there is a folder where a file is needed", f"move it or {_OTHER_PLACE}"),
    errno.ENODEV: ("there is a device or a pipe, and no file can take its place", _OTHER_PLACE),
    errno.ENAMETOOLONG: ("the name is too long", "shorten it"),
    errno.EFBIG: ("the file is larger than may be written", f"raise the limit (ulimit -f) or {_OTHER_PLACE}"),
    errno.EIO: ("the disk fails to read or write", f"check it, and {_OTHER_PLACE}"),
    errno.ELOOP: ("its links lead in a circle", "mend them"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), ("too many files are open", "raise the limit (ulimit -n)")),
    **dict.fromkeys((errno.ENOMEM, errno.EAGAIN), ("the system is out of memory or processes", "end other programs")),
    errno.EPIPE: ("whoever reads the output ended", "run it again with a reader that takes all"),
}


def reason_of(error: BaseException) -> str:
    """What `status.json` says of an end: its sentence where it has one for the user, otherwise its kind with it."""
    if isinstance(error, KeyboardInterrupt):
        return "Ctrl-C"
    if isinstance(error, UserError | RunError | Stopped):
        return without_secrets(str(error))
    if _is_out_of_memory(error) and (asked := _ASKED.search(str(error))):
        return f"out of memory: {asked[1]} more was asked for; use a smaller batch or network, or end other programs"
    return without_secrets(f"{type(error).__name__}: {error}") if str(error) else type(error).__name__


def lacked_resources(error: BaseException) -> bool:
    """Whether a run failed for want of disk, memory or the like, and not by what it is."""
    return any(_lacked(one) for one in _causes(error))


def _lacked(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _LACKS:
        return True
    if _is_out_of_memory(error):
        return True
    return not isinstance(error, OSError) and any(words in str(error) for words in _WORDS)


def _is_out_of_memory(error: BaseException) -> bool:
    # By its name, since torch takes seconds to import: an accelerator's.
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and _NO_MEMORY in str(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def explain_os_error(error: OSError) -> UserError:
    """What the system refused, where, and what mends it."""
    if error.errno == errno.ENOENT and not _is_somewhere():
        return UserError("the working directory was deleted; go to another folder and run it again")
    what, mend = _SAID.get(error.errno or 0, (_own_words(error), _OTHER_PLACE))
    where = f" ({target_of(Path(os.fsdecode(error.filename)))})" if isinstance(error.filename, str | bytes) else ""
    return UserError(f"{what}{where}; {mend}")


def _is_somewhere() -> bool:
    """Whether there is a working directory; it may have been deleted."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _own_words(error: OSError) -> str:
    """The error's first line; its kind where it says nothing."""
    lines = (error.strerror or str(error)).strip().splitlines()
    first = lines[0].rstrip(".") if lines else type(error).__name__
    return f"the system refused: {first[0].lower()}{first[1:]}"
