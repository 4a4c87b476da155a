"""A training in a process of its own: the verb that the task's record names, as one would type it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from thawline.serving.environment import TOKEN
from thawline.versions.database import Database
from thawline.versions.jobs import fail_job, find_job, start_job, update_job
from thawline.versions.schema import COMPLETED, FAILED, TrainingJob
from thawline.versions.settings import VersionsSettings

_URL = "THAWLINE_DATABASE"
_LONGEST = 500  # characters of what a process said last


def begin_training(words: str, settings: VersionsSettings, database: Database) -> TrainingJob:
    """Note a training and begin it; a second one waits for the first.

    Args:
        words: Of the verb: `Task.retrain`.
        settings: The registry's.
        database: The registry's, open.
    """
    with database.session() as session:
        job = start_job(session, {"verb": words, "asked_by": "service"})
    logs = settings.root / ".jobs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{job.id}.log"
    command = [sys.executable, "-m", "thawline", *words.split(), f"versions.dir={settings.root}", f"job={job.id}"]
    environment = {name: value for name, value in os.environ.items() if name != TOKEN}
    if settings.database is not None:  # it may hold a password, and other users can read a command line
        command.append(f"versions.database=${{oc.env:{_URL}}}")
        environment[_URL] = settings.database
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603  # the words are the record's
            command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    with database.session() as session:
        # A quick one may have said so itself by now.
        job = update_job(session, job.id, pid=process.pid)
    threading.Thread(target=_wait, args=(process, job.id, log, database), daemon=True).start()
    return job


def _wait(process: "subprocess.Popen[bytes]", number: int, log: Path, database: Database) -> None:
    """Note of a process that ended without saying how its training went that it failed, and what it said last."""
    code = process.wait()
    with database.session() as session:
        if find_job(session, number).status not in (COMPLETED, FAILED):
            lines = log.read_text("utf-8", "replace").strip().splitlines()
            said = lines[-1].removeprefix("thawline: ")[:_LONGEST] if lines else f"it ended with exit status {code}"
            fail_job(session, number, said)
