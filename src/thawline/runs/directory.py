"""A run directory: resolved config, status, results. Whoever wants to know what a run did reads only this."""

import json
import os
import re
import shutil
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from omegaconf import DictConfig, OmegaConf

from thawline.errors import PrunedError, UserError
from thawline.files import remove_leftovers, write_json, write_text
from thawline.runs.digests import DIGESTS_FILE
from thawline.runs.ends import lacked_resources, reason_of
from thawline.runs.reading import read_record, reading
from thawline.runs.secrets import FROM_ENVIRONMENT, saved
from thawline.runs.signals import Stopped, deferred_signals

STATUS_FILE = "status.json"
CONFIG_FILE = "config.yaml"
_MOST_IN_PLACE = 500  # characters of a reason: with the rest it fits into any file system's block
SWEEP_FILE = "sweep.json"  # of a sweep alone
CLAIMS_FOLDER = "claims"  # locks of the processes that work on a sweep
REFIT_WORD = "refit=true"  # the one setting that a run or a sweep that is there already takes


class RunDirectory:
    """One run's directory, from its start to its end.

    As a context manager it writes `status.json`: `running` on entry, then, as the last file of the run, `finished`,
    `failed` with the reason, `interrupted` (Ctrl-C, SIGTERM, SIGUSR1), or `pruned` (by a search). A run whose input was
    refused before it left anything is removed, unless it is a trial of a sweep, which tells its reason there. The
    exception goes on.
    """

    def __init__(self, path: Path, verb: str, config: DictConfig, *, keep: bool = False) -> None:
        """Name what is run.

        Args:
            path: The directory.
            verb: What `status.json` calls the run.
            config: The config, which is saved resolved and without secrets.
            keep: Whether the directory of a refused run stays.
        """
        self.path = path
        self._verb = verb
        self._config = config
        self._keep = keep
        self._started = _now()

    def __enter__(self) -> Self:
        try:
            with deferred_signals():
                self._begin()
        except Stopped as end:  # no `__exit__` follows
            self._end(end)
            raise
        return self

    def _begin(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        remove_leftovers(list(self.path.rglob(".*.tmp")))
        write_text(self.path / CONFIG_FILE, OmegaConf.to_yaml(as_config(saved(self._config))))
        self._write_status("running")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with deferred_signals():
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if error is None:
            self._write_status("finished")
        elif isinstance(error, UserError) and not self._keep and self._is_bare():
            shutil.rmtree(self.path)
        elif isinstance(error, KeyboardInterrupt | Stopped):
            self._write_status("interrupted", reason_of(error))
        elif isinstance(error, PrunedError):
            self._write_status("pruned", str(error))
        else:
            self._write_status("failed", reason_of(error), again=lacked_resources(error))

    def file(self, name: str) -> Path:
        """The path of `name` in the run directory; its folder exists afterwards."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _is_bare(self) -> bool:
        return {path.name for path in self.path.iterdir()} <= {
            STATUS_FILE,
            CONFIG_FILE,
            SWEEP_FILE,
            DIGESTS_FILE,
            CLAIMS_FOLDER,
        }

    def _write_status(self, status: str, reason: str | None = None, *, again: bool = False) -> None:
        ended = None if status == "running" else _now()
        record = {
            "status": status,
            "reason": reason,
            "verb": self._verb,
            "started": self._started,
            "ended": ended,
            "process": os.getpid(),
            "host": socket.gethostname(),
        }
        if status == "running":
            write_json(self.path / STATUS_FILE, record)
        else:
            _write_end(self.path / STATUS_FILE, record | ({"again": True} if again else {}))


def mark_failed(path: Path, reason: str, *, again: bool = False) -> None:
    """Write that the run in `path` failed: for a process that could not do so itself, being killed.

    Args:
        path: The run's directory.
        reason: Why, in words.
        again: Whether it may end otherwise when it is run again: it lacked disk or memory.
    """
    mark_ended(path, "failed", reason, again=again)


def mark_ended(path: Path, status: str, reason: str, *, again: bool = False) -> None:
    """Write how the run in `path` ended, for its process."""
    path.mkdir(parents=True, exist_ok=True)
    try:
        known = read_status_file(path)
    except (UserError, FileNotFoundError):  # it came to no status, or was broken off
        known = {"verb": "train", "started": None}
    known.pop("again", None)
    ended = {**known, "status": status, "reason": reason, "ended": _now()}
    _write_end(path / STATUS_FILE, ended | ({"again": True} if again else {}))


def _write_end(path: Path, record: dict[str, Any]) -> None:
    """Write how a run ended. A disk that is full still holds the block in which the file says that the run goes on."""
    try:
        write_json(path, record)
    except OSError:
        text = json.dumps({**record, "reason": str(record["reason"])[:_MOST_IN_PLACE]}, ensure_ascii=False) + "\n"
        # The reason that is on its way to the user matters more than what can't be written at all.
        with suppress(OSError), path.open("r+", encoding="utf-8") as file:
            file.write(text)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def is_run_directory(path: Path) -> bool:
    """Whether `path` holds a run of Thawline, sound or not."""
    return (path / STATUS_FILE).exists() and (path / CONFIG_FILE).exists()


def read_status(path: Path) -> dict[str, Any]:
    """The `status.json` of the run directory `path`.

    Raises:
        UserError: `path` is not a run directory, or the file is damaged.
    """
    _require_run(path)
    return read_status_file(path)


def read_status_file(path: Path) -> dict[str, Any]:
    """The `status.json` in `path`, whatever else is there.

    Raises:
        UserError: It is damaged.
    """
    return read_record(path / STATUS_FILE, "status", "reason", "verb")


def read_config(path: Path) -> DictConfig:
    """The resolved config of the run directory `path`.

    Raises:
        UserError: `path` is not a run directory, or the file is damaged.
    """
    _require_run(path)
    with reading(path / CONFIG_FILE):
        config = OmegaConf.load(path / CONFIG_FILE)
        if not isinstance(config, DictConfig) or not config:
            raise ValueError("it holds no config")
    return config


def as_config(value: Any) -> Any:
    """Resolved values as a config that resolves to them: a folder's name may hold what looks like an interpolation."""
    literal = _escaped(value)
    return OmegaConf.create(literal) if isinstance(literal, dict) else literal


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    if not isinstance(value, str):
        return value
    return re.sub(rf"(\\*)(?!{FROM_ENVIRONMENT.pattern})\$\{{", lambda found: found[1] * 2 + r"\${", value)


def _require_run(path: Path) -> None:
    if not path.is_dir():
        raise UserError(f"there is no run directory {path}")
    if not is_run_directory(path):
        raise UserError(
            f"{path} is not a run directory (it has no {STATUS_FILE} and {CONFIG_FILE}); runs lie in outputs/"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
