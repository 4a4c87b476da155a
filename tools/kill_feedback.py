"""Kill writers of answers with SIGKILL at random moments: what they had acknowledged must be there.

python tools/kill_feedback.py --kills 450
python tools/kill_feedback.py --kills 50 --url postgresql+psycopg://USER@HOST/EMPTY

Two processes write at a time, through the database layer, each transaction an item with its answer, a correction or a
deletion; after each commit they say so on a pipe. Each is killed at a moment of its own, some while they make the
database. After each pair the database must be whole and hold every row that was ever acknowledged, as it was.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from select import select
from typing import Any

import alembic.command  # noqa: F401  # here once, not in each writer
import sqlalchemy as sa

from thawline.versions.database import Database, open_database
from thawline.versions.feedback import add_item, correct, record, retract
from thawline.versions.schema import Feedback, Item

WRITERS = 2
ROUNDS = 10  # before another database is made
LONGEST = 0.3  # seconds until a kill
WRITING = 0.8  # the share of kills that wait for a first answer; the others may come while the database is made
PATIENCE = 60.0  # seconds that a first answer may take
ANSWERS = ("no", "yes", "very much")
FORK = multiprocessing.get_context("fork")


@dataclass
class Outcome:
    """What was seen.

    Attributes:
        idle: kills that came before a writer had acknowledged anything.
        wrong: what was lost or broken, a line each.
    """

    kills: int = 0
    idle: int = 0
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Writer:
    """A process that writes, and the pipe that it says so on."""

    process: BaseProcess
    reads: int


def write(url: str, name: str, to: int) -> None:
    """Write answers for ever; say each on the pipe `to` once it is committed."""
    draw = random.Random(name)
    mine: list[int] = []
    with open_database(url) as database:
        for number in range(1_000_000_000):
            said = _write_one(database, f"{name}-{number}", draw, mine)
            os.write(to, f"{json.dumps(said)}\n".encode())


def _write_one(database: Database, digest: str, draw: random.Random, mine: list[int]) -> dict[str, Any]:
    """One transaction, and what it did: the row, its item, its answer, and whether it is retracted."""
    answer, kind = draw.choice(ANSWERS), draw.random()
    with database.session() as session:
        if mine and kind < 0.3:
            row = session.get_one(Feedback, draw.choice(mine))
            if kind < 0.15:
                retract(session, row)
            else:
                row = correct(session, row, answer)
        else:
            row = record(session, add_item(session, f"/photos/{digest}", digest), answer, score=draw.random())
    mine.append(row.id)
    return {"id": row.id, "item": row.item_id, "answer": row.answer, "retracted": row.retracted_at is not None}


def start(url: str, name: str) -> Writer:
    """Start a writer."""
    reads, writes = os.pipe()
    process: BaseProcess = FORK.Process(target=write, args=(url, name, writes))
    process.start()
    os.close(writes)
    return Writer(process, reads)


def kill(writer: Writer, seconds: float, writing: bool) -> list[dict[str, Any]]:
    """Kill a writer after `seconds`, from its first answer on where it is to be `writing`; what it acknowledged."""
    if writing:
        select([writer.reads], [], [], PATIENCE)
    time.sleep(seconds)
    writer.process.kill()
    writer.process.join()
    if writer.process.exitcode != -signal.SIGKILL:
        raise SystemExit(f"a writer ended by itself, with exit status {writer.process.exitcode}")
    with os.fdopen(writer.reads, encoding="utf-8") as pipe:
        return [json.loads(line) for line in pipe if line.endswith("\n")]


def check(url: str, acknowledged: dict[int, dict[str, Any]]) -> Iterator[str]:
    """What is wrong with the database."""
    with open_database(url) as database, database.reading() as session:
        rows = {row.id: row for row in session.scalars(sa.select(Feedback))}
        items = {item.id for item in session.scalars(sa.select(Item))}
        if url.startswith("sqlite"):
            for question in ("integrity_check", "foreign_key_check"):
                broken = session.execute(sa.text(f"PRAGMA {question}"))
                yield from (str(row) for row in broken if row[0] != "ok")
    yield from (f"row {row.id} has no item" for row in rows.values() if row.item_id not in items)
    yield from (f"item {left} has no answer" for left in items - {row.item_id for row in rows.values()})
    for number, said in acknowledged.items():
        row = rows.get(number)
        if row is None or (row.item_id, row.answer) != (said["item"], said["answer"]):
            yield f"row {number} was acknowledged and is not there"
        elif said["retracted"] and row.retracted_at is None:
            yield f"the deletion of row {number} was acknowledged and is not there"


def kill_writers(kills: int, seed: int, folder: Path, url: str | None = None) -> Outcome:
    """Kill `kills` writers of SQLite files in `folder`, or of the database at `url`."""
    draw, outcome = random.Random(seed), Outcome()
    acknowledged: dict[int, dict[str, Any]] = {}
    for number in range(-(-kills // WRITERS)):
        if number % ROUNDS == 0 and url is None:
            acknowledged = {}
        place = url or f"sqlite:///{folder / f'{number // ROUNDS}.sqlite3'}"
        count = min(WRITERS, kills - outcome.kills)
        writers = [start(place, f"{number}-{n}") for n in range(count)]
        for writer in writers:
            said = kill(writer, draw.uniform(0, LONGEST), writing=draw.random() < WRITING)
            outcome.kills += 1
            outcome.idle += not said
            outcome.acknowledged += len(said)
            for one in said:
                retracted = one["retracted"] or acknowledged.get(one["id"], one)["retracted"]
                acknowledged[one["id"]] = {**one, "retracted": retracted}
        outcome.wrong += [f"round {number}: {line}" for line in check(place, acknowledged)]
    return outcome


def main() -> None:
    """Kill, check, and print what was found; exit status 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=450)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--url", help="of an empty database; SQLite files of its own if left out")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_writers(arguments.kills, arguments.seed, Path(folder), arguments.url)
    print("\n".join(outcome.wrong) or "nothing was lost, and every database is whole")
    print(
        f"{outcome.kills} kills ({outcome.idle} of them before the first answer), {outcome.acknowledged} acknowledged "
        f"transactions, {time.monotonic() - started:.0f} s"
    )
    sys.exit(bool(outcome.wrong))


if __name__ == "__main__":
    main()
