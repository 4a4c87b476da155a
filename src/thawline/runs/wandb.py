"""Weights & Biases as a mirror of the run directory: offline unless told otherwise, and never a reason to fail."""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from thawline.errors import UserError
from thawline.runs.settings import LoggerSettings


class Mirror(Protocol):
    """What a run uses of a W&B run."""

    summary: Any

    def log(self, data: dict[str, Any]) -> None:
        """Add a row to the history."""

    def finish(self, exit_code: int | None = None) -> None:
        """End the W&B run."""


_MODES = ("offline", "online", "disabled")


@contextmanager
def wandb_run(
    settings: LoggerSettings, directory: Path, *, verb: str, config: Mapping[str, Any], tags: list[str]
) -> Iterator[Mirror | None]:
    """Yield a W&B run that is finished inside this block, with exit code 1 when the block fails; None without W&B.

    Raises:
        UserError: `settings` names another logger or mode than there are.
    """
    if settings.name not in ("wandb", "csv"):
        raise UserError(f"logger.name={settings.name} is not known; use logger=wandb or logger=csv")
    if settings.mode not in _MODES:
        raise UserError(f"logger.mode={settings.mode} is not known; use one of {', '.join(_MODES)}")
    run = _start(settings, directory, verb, config, tags) if settings.name == "wandb" else None
    try:
        yield run
    except BaseException:
        _finish(run, exit_code=1)
        raise
    _finish(run, exit_code=0)


def _start(
    settings: LoggerSettings, directory: Path, verb: str, config: Mapping[str, Any], tags: list[str]
) -> Mirror | None:
    try:
        # W&B's own error reporting would look up a host at import.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        return wandb.init(
            project=settings.project,
            group=settings.group,
            job_type=verb,
            # One run directory is one W&B run, also when it is resumed.
            id=directory.name.replace(" ", "_")[-64:],
            name=directory.name,
            resume="allow",
            dir=directory,
            mode=settings.mode,  # type: ignore[arg-type]  # checked above
            tags=[*settings.tags, *tags],
            config=dict(config),
            reinit="finish_previous",
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True, disable_git=True),
        )
    except Exception as error:  # whatever W&B raises, the run goes on
        warnings.warn(f"W&B is not available ({error}); the run goes on without it", stacklevel=2)
        return None


def _finish(run: Mirror | None, exit_code: int) -> None:
    if run is None:
        return
    try:
        run.finish(exit_code=exit_code)
    except Exception as error:
        warnings.warn(f"W&B could not finish its run ({error})", stacklevel=2)
