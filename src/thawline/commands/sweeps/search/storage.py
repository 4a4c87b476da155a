"""Where a search keeps its study: a journal in the sweep's directory, or whatever Optuna takes."""

import logging
import warnings
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from thawline.commands.sweeps.search.claims import lock_of
from thawline.errors import UserError
from thawline.runs.secrets import without_secrets

JOURNAL = "journal.log"


def open_storage(sweep: Path, url: str | None) -> BaseStorage:
    """The storage of the study of the sweep in `sweep`.

    Raises:
        UserError: `url` leads to none.
    """
    optuna.logging.set_verbosity(logging.ERROR)
    if url is None:
        path = sweep / JOURNAL
        return JournalStorage(JournalFileBackend(str(path), JournalLock(path)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return optuna.storages.get_storage(url)
    except Exception as error:  # of SQLAlchemy, of the database's driver, of Optuna
        first = without_secrets((str(error).strip().splitlines() or [type(error).__name__])[0])
        raise UserError(
            f"sweep.storage can't be used ({first}); give a URL as SQLAlchemy takes it, "
            "postgresql+psycopg://USER@HOST/DATABASE say, or leave it out"
        ) from error


class JournalLock(JournalFileOpenLock):
    """Held while something is added to the journal. It ends with its process, where Optuna's own is waited for.

    What a full disk or a kill left half written at the journal's end is cut off.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self._journal = journal
        self._held = lock_of(journal.parent, "journal")

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._held.acquire()
        _cut_half_line(self._journal)
        return True

    def release(self) -> None:
        """Let others write."""
        self._held.release()


def _cut_half_line(path: Path) -> None:
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        if not end:
            return
        file.seek(end - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
