"""The loggers of a run. They mirror the run directory; none of them is ever a reason for the run to fail."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from thawline.errors import PrunedError, UserError
from thawline.runs.mirrors.mirror import Cell, Mirror
from thawline.runs.mirrors.mlflow import start_mlflow
from thawline.runs.mirrors.tensorboard import start_tensorboard
from thawline.runs.mirrors.wandb import start_wandb, wandb_mode
from thawline.runs.secrets import masked, without_secrets
from thawline.runs.settings import LoggerSettings
from thawline.runs.signals import Stopped

__all__ = ["Mirror", "mirrored"]


class _Backend(Mirror, Protocol):
    def finish(self, status: str) -> None:
        """End the mirror of a run that `finished`, `failed` or was `interrupted`."""


@contextmanager
def mirrored(
    settings: LoggerSettings,
    directory: Path,
    *,
    name: str,
    verb: str,
    config: Mapping[str, Any],
    group: str | None,
    tags: Sequence[str],
) -> Iterator[Mirror | None]:
    """Yield what mirrors the run; None where nothing does: `csv`, `none`, W&B disabled or not available.

    The mirror is finished inside this block: as interrupted when a signal or Ctrl-C ends it, as failed when it raises
    anything else. When the mirror itself raises, there is one warning, and the run goes on without it.

    Args:
        settings: Which logger, and how.
        directory: The run directory; what the logger writes goes under it.
        name: The run's name, unique among the runs of one project: `2026-11-21_10-00-00-000000`, or `…/3` for the
            trial of a sweep. A run that is resumed under its name stays one run.
        verb: What was executed; W&B's job type, MLflow's tag `thawline.verb`.
        config: The resolved config; the mirror gets it without secrets.
        group: The sweep that a run belongs to, unless the settings state one: W&B's group, MLflow's parent run.
        tags: W&B's tags, or in MLflow's `thawline.tags`, beside those of the settings.

    Raises:
        UserError: The logger needs a package that is not installed.
    """
    config, tags = masked(config), [without_secrets(tag) for tag in tags]
    settings = _without_secrets(settings)
    name, group = without_secrets(name), None if group is None else without_secrets(group)
    about: dict[str, Any] = {"name": name, "verb": verb, "config": config, "group": group, "tags": tags}
    starters: dict[str, Callable[[], _Backend]] = {
        "mlflow": lambda: start_mlflow(settings, directory, **about),
        "tensorboard": lambda: start_tensorboard(directory, config),
        "wandb": lambda: start_wandb(settings, directory, **about),
    }
    off = settings.name == "wandb" and wandb_mode(settings) == "disabled"
    backend = None if off else _start(settings.name, starters.get(settings.name))
    if backend is None:
        yield None
        return
    mirror = _Guarded(settings.name, backend)
    try:
        yield mirror
    except (KeyboardInterrupt, Stopped):
        mirror.finish("interrupted")
        raise
    except PrunedError:
        mirror.finish("finished")
        raise
    except BaseException:
        mirror.finish("failed")
        raise
    mirror.finish("finished")


def _without_secrets(settings: LoggerSettings) -> LoggerSettings:
    """The settings as the mirror's own files may show them."""
    return replace(
        settings,
        project=None if settings.project is None else without_secrets(settings.project),
        group=None if settings.group is None else without_secrets(settings.group),
        tags=[without_secrets(tag) for tag in settings.tags],
    )


def _start(name: str, starter: Callable[[], _Backend] | None) -> _Backend | None:
    try:
        return None if starter is None else starter()
    except UserError:
        raise
    except Exception as error:  # whatever the logger raises, the run goes on
        _warn(name, error)
        return None


class _Guarded:
    """Passes calls on until one raises: then there is one warning, and what follows is dropped."""

    def __init__(self, name: str, backend: _Backend) -> None:
        self._name = name
        self._backend = backend
        self._broken = False

    def history(self, row: Mapping[str, float]) -> None:
        self._attempt(lambda: self._backend.history(row))

    def summary(self, values: Mapping[str, float]) -> None:
        self._attempt(lambda: self._backend.summary(values))

    def confusion(self, counts: NDArray[np.int64], classes: Sequence[str]) -> None:
        self._attempt(lambda: self._backend.confusion(counts, classes))

    def mistakes(self, pictures: Sequence[tuple[Path, str]]) -> None:
        self._attempt(lambda: self._backend.mistakes(pictures))

    def trials(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], picture: str | None) -> None:
        named = [without_secrets(column) for column in columns]
        clean = [[without_secrets(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
        shown = None if picture is None else without_secrets(picture)
        self._attempt(lambda: self._backend.trials(named, clean, shown))

    def finish(self, status: str) -> None:
        """End the mirror, a broken one too: what it took before may still be kept."""
        self._attempt(lambda: self._backend.finish(status), even_if_broken=True)

    def _attempt(self, call: Callable[[], None], *, even_if_broken: bool = False) -> None:
        if self._broken and not even_if_broken:
            return
        try:
            call()
        except Exception as error:  # as above
            if not self._broken:
                _warn(self._name, error)
            self._broken = True


def _warn(name: str, error: Exception) -> None:
    reason = without_secrets(str(error).strip()) or type(error).__name__
    warnings.warn(f"logger={name} is not available ({reason}); the run goes on without it", stacklevel=2)
