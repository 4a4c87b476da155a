"""Weights & Biases as a mirror of the run directory: offline unless told otherwise, one W&B run a run directory."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thawline.runs.mirrors.mirror import MOST_CLASSES, Cell, epoch_key, thumbnail
from thawline.runs.secrets import without_secrets
from thawline.runs.settings import LoggerSettings, keep_wandb_quiet
from thawline.runs.signals import EXIT_STATUS

if TYPE_CHECKING:  # wandb takes half a second to import, and may be absent
    import wandb

PROJECT = "thawline"
LONGEST_TAG = LONGEST_ID = 64
# By default W&B waits 90 s for its server at the start, and without end for its uploads at the end.
START_SECONDS, FINISH_SECONDS = 30.0, 300.0
# wandb-core flushes nothing when the run's process is killed; what it wrote until then is what is left of the run.
FLUSH_SECONDS = 1.0
# By W&B's contract a run that was marked as preempting and ends with a status other than 0 is `preempted`: neither
# finished nor failed, and to be resumed. 143 is what the command itself ends with after SIGTERM.
EXIT_CODES = {"finished": 0, "failed": 1, "interrupted": EXIT_STATUS}
# W&B's older names of its modes.
_MODES = {"dryrun": "offline", "run": "online"}


class WandbMirror:
    """A W&B run. Each method may raise whatever W&B raises."""

    def __init__(self, run: wandb.Run) -> None:
        self._run = run
        self._axes: set[str] = set()

    def history(self, row: Mapping[str, float]) -> None:
        """Add a row, drawn over the epochs of its fold."""
        axis = epoch_key(row)
        if axis is not None and axis not in self._axes:
            self._axes.add(axis)
            self._run.define_metric(axis, hidden=True)
            self._run.define_metric(axis.removesuffix("epoch") + "*", step_metric=axis)
        self._run.log(dict(row))

    def summary(self, values: Mapping[str, float]) -> None:
        """State the end results."""
        self._run.summary.update(dict(values))

    def confusion(self, counts: NDArray[np.int64], classes: Sequence[str]) -> None:
        """Show W&B's own chart, as one row of media, in which there are no scalars."""
        if len(classes) > MOST_CLASSES:
            return
        from wandb.plot import confusion_matrix

        labels, said = (place.repeat(counts.ravel()).tolist() for place in np.indices(counts.shape).reshape(2, -1))
        chart = confusion_matrix(y_true=labels, preds=said, class_names=list(classes), title="Confusion matrix")
        with _staged_in(Path(self._run.settings.wandb_dir)):
            self._run.log({"confusion": chart})

    def mistakes(self, pictures: Sequence[tuple[Path, str]]) -> None:
        """Show the thumbnails as one row of media, in which there are no scalars."""
        from wandb import Image

        images = [Image(thumbnail(path), caption=caption, file_type="jpg") for path, caption in pictures]
        if images:
            self._run.log({"mistakes": images})

    def trials(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], picture: str | None) -> None:
        """Show W&B's own table and, since W&B draws parallel coordinates of a project's runs alone, the picture."""
        from wandb import Html, Table

        table = Table(columns=list(columns), data=[list(row) for row in rows], allow_mixed_types=True)
        drawn = {} if picture is None else {"settings": Html(picture, inject=False, data_is_not_path=True)}
        with _staged_in(Path(self._run.settings.wandb_dir)):
            self._run.log({"trials": table, **drawn})

    def finish(self, status: str) -> None:
        """End the W&B run; `status` is that of the run directory, and stands in the summary too."""
        self._run.summary["status"] = status
        if status == "interrupted":
            self._run.mark_preempting()
        self._run.finish(exit_code=EXIT_CODES[status])


def start_wandb(
    settings: LoggerSettings,
    directory: Path,
    *,
    name: str,
    verb: str,
    config: Mapping[str, Any],
    group: str | None,
    tags: Sequence[str],
) -> WandbMirror:
    """Start a W&B run, with its files under `directory` or in WANDB_DIR; it may raise whatever W&B raises."""
    keep_wandb_quiet()
    _leave_service_of_others()
    import wandb

    with _launching_nothing():
        run = wandb.init(
            project=settings.project or without_secrets(os.environ.get("WANDB_PROJECT", "")) or PROJECT,
            group=settings.group or without_secrets(os.environ.get("WANDB_RUN_GROUP", "")) or group,
            job_type=verb,
            # One run directory is one W&B run, also when it is resumed.
            id=run_id(name),
            name=name,
            resume="allow",
            dir=os.environ.get("WANDB_DIR") or directory,
            mode=wandb_mode(settings),  # type: ignore[arg-type]  # W&B checks what the environment says
            tags=clean_tags([*settings.tags, *tags]),
            config=dict(config),
            # Runs of the same process, the user's own among them, are left alone.
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                init_timeout=START_SECONDS,
                finish_timeout=FINISH_SECONDS,
                x_disable_stats=True,
                # The command line, among other things, with whatever secrets it holds.
                x_disable_meta=True,
                x_transaction_log_flush_interval=FLUSH_SECONDS,
            ),
        )
    return WandbMirror(run)


@contextmanager
def _launching_nothing() -> Iterator[None]:
    """Have W&B not look for inputs of jobs of its Launch: it would import all of that, which alone could hold any."""
    if "wandb.sdk.launch" in sys.modules:
        yield
        return
    from wandb.sdk.wandb_run import Run

    looking = Run._detect_and_apply_job_inputs
    Run._detect_and_apply_job_inputs = lambda _: None  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Run._detect_and_apply_job_inputs = looking  # type: ignore[method-assign]


def _leave_service_of_others() -> None:
    """Have this process start a wandb-core of its own, rather than use that of the process which started it.

    What W&B leaves in the environment would lead to that one. For as long as it lives, it holds the id of a run whose
    process was killed, and refuses it to the run that is resumed.
    """
    service = os.environ.get("WANDB_SERVICE", "")  # version-process-address
    if service and service.split("-")[1:2] != [str(os.getpid())]:
        del os.environ["WANDB_SERVICE"]


def wandb_mode(settings: LoggerSettings) -> str:
    """W&B's mode: that of the settings, otherwise that of the environment, otherwise offline."""
    mode = settings.mode or os.environ.get("WANDB_MODE") or "offline"
    return _MODES.get(mode, mode)


def run_id(name: str) -> str:
    """The W&B id of the run `name`: the name itself where W&B allows it, else like it, and told apart by a digest."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    if plain == name and 0 < len(name) <= LONGEST_ID:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain[-(LONGEST_ID - len(digest) - 1) :]}-{digest}"


def clean_tags(tags: Sequence[str]) -> list[str]:
    """The tags as W&B takes them: each once, none empty, none longer than 64 characters."""
    cut = (tag.strip()[:LONGEST_TAG] for tag in tags)
    return list(dict.fromkeys(tag for tag in cut if tag))


@contextmanager
def _staged_in(directory: Path) -> Iterator[None]:
    """W&B keeps tables that wait for `wandb sync` in the user's home; here they stay in the run directory.

    A place that the user chose is left as it is.
    """
    if "WANDB_DATA_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str(directory.absolute())
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]
