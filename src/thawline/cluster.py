"""A connection to a cluster of Ray, or to one of this machine alone."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from thawline.errors import UserError


def require_ray(setting: str) -> None:
    """Refuse `setting` where Ray is not installed.

    Raises:
        UserError: It is not.
    """
    if find_spec("ray") is None:
        raise UserError(f"{setting} needs ray, not installed; run: pip install 'thawline[ray]'")


@contextmanager
def connected(address: str | None, group: str, cpus: int) -> Iterator[Any]:
    """The module `ray`, connected to a cluster; one of this machine's own is ended in all cases.

    Within a connection there is, it is used and left as it is.

    Args:
        address: `auto`, `HOST:PORT`, or None for a cluster of this machine alone.
        group: What the address is a setting of.
        cpus: Cores that the machine's own cluster says it has.

    Raises:
        UserError: There is no such cluster.
    """
    require_ray(f"{group}=ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray  # late: an extra, which takes a second

    if ray.is_initialized():
        yield ray
        return
    _keep_quiet(ray)
    try:
        with _signals_kept():  # Ray puts its own handlers in their place
            _connect(ray, address, group, cpus)
        yield ray
    finally:
        with _signals_kept():
            ray.shutdown()


def is_task() -> bool:
    """Whether this process is one that a Ray cluster runs a task in, and may hold the cores that it would ask for."""
    ray = sys.modules.get("ray")  # which runs the tasks
    return bool(ray and ray.is_initialized() and ray.get_runtime_context().get_task_id())


def _connect(ray: Any, address: str | None, group: str, cpus: int) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        # Whoever reaches a cluster can run code on it.
        own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        ray.init(address="local", num_cpus=cpus, **own, **quiet)
        return
    try:
        ray.init(address=address, **quiet)
    except Exception as error:  # of many kinds, from many libraries
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{group}.address={address}: there is no Ray cluster ({first}); start one by 'ray start --head', or leave "
            "the address out"
        ) from error


@contextmanager
def _signals_kept() -> Iterator[None]:
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)} if main else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # it was not put there by Python
                signal.signal(number, handler)


def _keep_quiet(ray: Any) -> None:
    """Keep Ray from printing a paragraph of its own for each worker that was killed: one line of ours says it."""
    if hasattr(ray._private.worker, "print_to_stdstream"):
        ray._private.worker.print_to_stdstream = lambda *_, **__: None
