"""What a run needs after a pass over its files, imported during the pass: imports take seconds, and one core alone."""

import importlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from thawline.process import importing, short_turns


@contextmanager
def importing_meanwhile(modules: Sequence[str]) -> Iterator[None]:
    """Import `modules` in a thread of its own, and wait for it at the end; where that is by an error, not for all.

    Nothing is raised: whoever needs a module imports it again, and meets what is wrong with it.

    Args:
        modules: By name, in the order in which they are imported.
    """
    stopped = threading.Event()

    def work() -> None:
        with importing(), short_turns():
            for name in modules:
                if not stopped.is_set():
                    importlib.import_module(name)

    with ThreadPoolExecutor(1, "thawline-import") as pool:
        pool.submit(work)
        try:
            yield
        except BaseException:
            stopped.set()
            raise
