"""Kill a service with SIGKILL while answers come in over HTTP: what it acknowledged must be there.

python tools/kill_server.py --kills 50

It is `thawline serve` as it is typed, forked from a process that has imported the libraries. Clients ask it at once:
they judge items, take answers back, have a photo classified and say what it is. Whatever a 2xx was received for counts
as acknowledged. The next service opens the same database.
"""

import argparse
import io
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx
import sqlalchemy as sa
from PIL import Image

from thawline.cli import main as thawline
from thawline.versions.database import open_database
from thawline.versions.feedback import add_item
from thawline.versions.schema import ClassificationResult, Feedback
from thawline.versions.settings import SQLITE, sqlite_url

CLIENTS, ITEMS = 4, 200
LONGEST = 1.0  # seconds until a kill
PATIENCE = 60.0  # seconds that a service may take to begin
ANSWERS, LABELS = ("like", "dislike", "super_like"), ("wedding", "birthday")
SERVE = ("serve", "base", "encoder=tiny_clip", f"data.classes=[{','.join(LABELS)}]", "port=0", "accelerator=cpu")
LIBRARIES = (  # what a service imports sooner or later, and what takes long
    "alembic.command",
    "transformers.models.clip.modeling_clip",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "thawline.commands.app",
    "thawline.commands.bundles.serve",
    "thawline.serving.app",
    "thawline.serving.server",
    "thawline.tasks.match.bundle.serving",
    "thawline.tasks.preference.page.routes",
)
# From a server that has imported the libraries and computed nothing: PyTorch's threads do not outlive a fork.
FORK = multiprocessing.get_context("forkserver")


@dataclass
class Acknowledged:
    """What was answered with a 2xx.

    Attributes:
        given: (row, item, answer) of each answer to an item.
        undone: Rows that were taken back.
        results: What was said of each result, by its id. A result of which nothing was said may be forgotten.
    """

    given: set[tuple[int, int, str]] = field(default_factory=set)
    undone: set[int] = field(default_factory=set)
    results: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.given) + len(self.undone) + len(self.results)


class Served:
    """One service, on the registry in `root`."""

    def __init__(self, root: Path) -> None:
        """Start it, and wait until it answers.

        Raises:
            SystemExit: It does not.
        """
        self._log = root.with_name("served.txt")
        self._log.unlink(missing_ok=True)
        FORK.set_forkserver_preload(list(LIBRARIES))
        given = root, self._log, Path.cwd(), dict(os.environ)
        self.process: BaseProcess = FORK.Process(target=_serve, args=given)
        self.process.start()
        self.url = self._find()

    def _find(self) -> str:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.exitcode is None:
            for line in self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else ():
                if line.startswith("at ") and line.split()[1:]:
                    return line.split()[1]
            time.sleep(0.005)
        raise SystemExit(f"the service does not begin: {self._log.read_text(encoding='utf-8')}")


def _serve(root: Path, log: Path, directory: Path, environment: dict[str, str]) -> None:
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    with log.open("wb") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False, buffering=1) for number in (1, 2))  # noqa: SIM115
    try:
        thawline([*SERVE, f"versions.dir={root}"])
    finally:
        os._exit(1)


def ask(url: str, seed: str, said: Acknowledged, ended: threading.Event) -> None:
    """Answer as one client does, until the service is gone; note what was acknowledged."""
    draw, photo = random.Random(seed), _photo()
    with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE) as client:
        while not ended.is_set():
            try:
                _ask_one(client, draw, photo, said)
            except httpx.TransportError:  # it was killed
                return


def _ask_one(client: httpx.Client, draw: random.Random, photo: bytes, said: Acknowledged) -> None:
    kind = draw.random()
    if kind < 0.7:
        item, answer = draw.randint(1, ITEMS), draw.choice(ANSWERS)
        back = client.post(f"/preference/items/{item}/answer", json={"answer": answer}).raise_for_status().json()
        said.given.add((back["feedback_id"], item, answer))
        if kind < 0.15:
            client.delete(f"/preference/feedback/{back['feedback_id']}").raise_for_status()
            said.undone.add(back["feedback_id"])
        return
    (result,) = client.post("/predict", files=[("files", ("a.png", photo))]).raise_for_status().json()["results"]
    label = draw.choice(LABELS)
    client.post(f"/results/{result['result_id']}/feedback", json={"label": label}).raise_for_status()
    said.results[result["result_id"]] = label


def kill_service(root: Path, seconds: float, seed: str, said: Acknowledged) -> int:
    """Start a service, kill it so many seconds after its first answer; how many were acknowledged."""
    before, ended = len(said), threading.Event()
    served = Served(root)
    clients = [threading.Thread(target=ask, args=(served.url, f"{seed} {n}", said, ended)) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    until = time.monotonic() + PATIENCE
    while len(said) == before and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(seconds)
    served.process.kill()
    served.process.join()
    ended.set()
    for client in clients:
        client.join()
    return len(said) - before


def check(root: Path, said: Acknowledged) -> Iterator[str]:
    """What is wrong with the database."""
    with open_database(sqlite_url(root / SQLITE)) as database, database.reading() as session:
        rows = {row.id: row for row in session.scalars(sa.select(Feedback))}
        results = {row.id: row.user_feedback for row in session.scalars(sa.select(ClassificationResult))}
        for question in ("integrity_check", "foreign_key_check"):
            yield from (str(row) for row in session.execute(sa.text(f"PRAGMA {question}")) if row[0] != "ok")
    for number, item, answer in sorted(said.given):
        row = rows.get(number)
        if row is None or (row.item_id, row.answer) != (item, answer):
            yield f"row {number} was acknowledged and is not there"
    for number in sorted(said.undone):
        if number not in rows or rows[number].retracted_at is None:
            yield f"the deletion of row {number} was acknowledged and is not there"
    for result, label in said.results.items():
        if results.get(result) != label:
            yield f"what was said of result {result} was acknowledged and is not there"


def begin(root: Path) -> None:
    """A registry in `root` with items."""
    root.mkdir(parents=True)
    with open_database(sqlite_url(root / SQLITE)) as database, database.session() as session:
        for number in range(ITEMS):
            add_item(session, f"/photos/{number}.jpg", f"{number:064}")


def kill_services(kills: int, seed: int, folder: Path, longest: float = LONGEST) -> tuple[int, list[str]]:
    """Kill so many services, each within `longest` seconds; how much was acknowledged, and what is wrong."""
    root, said, draw = folder / "versions", Acknowledged(), random.Random(seed)
    begin(root)
    wrong: list[str] = []
    for number in range(kills):
        acknowledged = kill_service(root, draw.uniform(0, longest), f"{seed} {number}", said)
        found = list(check(root, said))
        print(f"{number}: {acknowledged} acknowledged: {'; '.join(found) or 'all there'}", flush=True)
        wrong += found
    return len(said), wrong


def _photo() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(file, "png")
    return file.getvalue()


def main() -> None:
    """Kill, check, and print what was found; exit status 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        acknowledged, wrong = kill_services(arguments.kills, arguments.seed, Path(folder))
    print("\n".join(wrong) or "nothing was lost, and the database is whole")
    print(
        f"{arguments.kills} kills, {acknowledged} acknowledged answers and deletions, "
        f"{time.monotonic() - started:.0f} s"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
