"""Kill `preference train`, `versions activate` and `versions rollback` at random moments, and look at what is left.

python tools/kill_preference.py --kills 100

Each is the command as it is typed, forked from a server that has imported the libraries, so that kills fall into its
work. Between the kills photos are answered. After each kill the next command is run as well; then exactly one version
is active, every version is sound, no training is said to run, nothing half made is left in the registry's folder, and
every answer is there that was. Every fourth time the next command is a training, which must succeed.
"""

import argparse
import contextlib
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from thawline.cli import main as thawline
from thawline.samples.preference import make_preference
from thawline.versions.contents import FOLDER
from thawline.versions.database import open_database
from thawline.versions.feedback import answered
from thawline.versions.jobs import list_jobs
from thawline.versions.registry import Registry
from thawline.versions.schema import PENDING, RUNNING
from thawline.versions.settings import SQLITE, sqlite_url

# From a server that has imported the libraries and computed nothing: PyTorch's threads do not outlive a fork.
FORK = multiprocessing.get_context("forkserver")
LIBRARIES = (  # what a training imports sooner or later, and what takes long
    "alembic.command",
    "matplotlib.figure",
    "scipy.special",
    "sklearn.linear_model",
    "transformers.models.clip.modeling_clip",
    "thawline.commands.app",
    "thawline.tasks.preference.loop.train",
    "thawline.tasks.preference.problem",
    "thawline.tasks.photos.bundle.write",
    "thawline.encoders.load",
)
TRAIN = ("preference", "train", "encoder=tiny_clip", "trainer=cpu", "activate=force")
PATIENCE = 120.0  # seconds that a command may take
ANSWERS = ("like", "dislike", "super_like")


@dataclass
class Place:
    """A registry, and the words by which commands find it.

    Attributes:
        root: Its folder.
        photos: Those that are answered.
    """

    root: Path
    photos: Sequence[Path]

    def start(self, *words: str) -> BaseProcess:
        """`thawline WORDS` in a fork of this process, which says nothing but what goes wrong."""
        FORK.set_forkserver_preload(list(LIBRARIES))
        given = [*words, f"versions.dir={self.root}"], self.log, Path.cwd(), dict(os.environ)
        process: BaseProcess = FORK.Process(target=_run, args=given)
        process.start()
        return process

    def run(self, *words: str) -> str | None:
        """Run a command to its end; what it said if it failed."""
        process = self.start(*words)
        process.join(PATIENCE)
        if process.exitcode == 0:
            return None
        process.kill()
        said = self.log.read_text(encoding="utf-8").strip().splitlines()
        return f"thawline {' '.join(words)}: exit status {process.exitcode}: {said[-1] if said else 'nothing said'}"

    @property
    def log(self) -> Path:
        """Where commands write what they say."""
        return self.root.with_name("said.txt")

    def answers(self) -> dict[str, str]:
        """The answers that count, by the photo's digest."""
        with open_database(sqlite_url(self.root / SQLITE)) as database, database.reading() as session:
            return {one.item.digest: one.answer for one in answered(session)}


@dataclass
class Outcome:
    """What was seen.

    Attributes:
        ended: Commands that had ended when they were to be killed.
        wrong: What was wrong, a line each.
    """

    kills: int = 0
    ended: int = 0
    versions: int = 0
    wrong: list[str] = field(default_factory=list)


def _run(words: Sequence[str], log: Path, directory: Path, environment: dict[str, str]) -> None:
    """The command, in the process that was forked for it."""
    os.setsid()
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    with log.open("wb") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115  # for good
    code: object = 0
    try:
        thawline(list(words))
    except SystemExit as end:
        code = end.code
    finally:
        for stream in (sys.stdout, sys.stderr):  # what goes wrong is said last
            with contextlib.suppress(ValueError):
                stream.flush()
    os._exit(code if isinstance(code, int) else 1)


def look(place: Place, answers: dict[str, str]) -> tuple[int, list[str]]:
    """How many versions there are, and what is wrong, after the command that came after a kill."""
    wrong: list[str] = []
    with open_database(sqlite_url(place.root / SQLITE)) as database:
        with database.reading() as session:
            jobs = list_jobs(session)
        wrong += [f"job {job.id} is said to be {job.status}" for job in jobs if job.status in (PENDING, RUNNING)]
        names = {path.name for path in place.root.iterdir()}
        registry = Registry(place.root, database)
        versions = registry.versions()
        active = [version.number for version in versions if version.is_active]
        if len(active) != 1:
            wrong.append(f"active: {active}")
        wrong += [reason for _, reason in registry.verify() if reason]
    left = {name for name in names if name.startswith(".") and not name.endswith(".lock")}
    wrong += [f"{name} is left" for name in sorted(left)]
    rows, there = {version.path for version in versions}, {name for name in names if FOLDER.fullmatch(name)}
    wrong += [f"{name} has no {'directory' if name in rows else 'row'}" for name in sorted(rows ^ there)]
    now = place.answers()
    wrong += [
        f"the answer '{answer}' to {digest} is lost" for digest, answer in answers.items() if now.get(digest) != answer
    ]
    return len(versions), wrong


def kill(place: Place, words: Sequence[str], now: Callable[[], bool]) -> bool:
    """Start a command and kill it once `now` says so; whether it was still running."""
    process = place.start(*words)
    while process.is_alive() and not now():
        time.sleep(0.001)
    if process.pid is None or process.exitcode is not None:
        return False
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return process.exitcode == -signal.SIGKILL


def kill_at_random(place: Place, kills: int, seed: int, longest: float) -> Outcome:
    """Kill `kills` commands, each within so many seconds, and look after each."""
    outcome = Outcome()
    while outcome.kills < kills:
        draw = random.Random(f"{seed} {outcome.kills} {outcome.ended}")
        said = place.run("preference", "answer", str(draw.choice(place.photos)), draw.choice(ANSWERS))
        answers = place.answers()
        words = _command(draw, outcome.versions)
        until = time.monotonic() + draw.uniform(0.02, longest if words is TRAIN else longest / 4)
        if kill(place, words, lambda until=until: time.monotonic() > until):  # type: ignore[misc]
            outcome.kills += 1
        else:
            outcome.ended += 1
        after = TRAIN if outcome.kills % 4 == 0 else ("versions", "list")
        failed = place.run(*after)
        outcome.versions, wrong = look(place, answers)
        wrong = [*filter(None, (said, failed)), *wrong]
        print(
            f"{outcome.kills}: {' '.join(words[:3])}, {outcome.versions} versions: {'; '.join(wrong) or 'sound'}",
            flush=True,
        )
        outcome.wrong += wrong
    return outcome


def _command(draw: random.Random, versions: int) -> Sequence[str]:
    """What is killed next."""
    kind = draw.random()
    if versions < 2 or kind < 0.6:
        return TRAIN
    if kind < 0.9:
        return ("versions", "activate", str(draw.randint(1, versions)), "force=true")
    return ("versions", "rollback")


def begin(folder: Path, *, items: int = 60, trained: bool = True) -> Place:
    """A registry in `folder` with answers, and a version that was trained on them if it is to be."""
    sample = make_preference(folder / "photos", items=items, seed=0)
    os.environ["THAWLINE_STORE"] = str(folder / "store")
    os.chdir(folder)
    (folder / "outputs").mkdir()
    place = Place(folder / "outputs" / "versions", sorted((folder / "photos" / "items").iterdir()))
    for words in (("preference", "import", str(sample.file)), *([TRAIN] if trained else [])):
        if (failed := place.run(*words)) is not None:
            raise SystemExit(failed)
    return place


def main() -> None:
    """Kill, look, and print what was found; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = begin(Path(folder))
        started = time.monotonic()
        place.run(*TRAIN)
        longest = time.monotonic() - started
        outcome = kill_at_random(place, arguments.kills, arguments.seed, longest)
    print(
        f"{outcome.kills} kills, {outcome.ended} commands that were quicker, {outcome.versions} versions, a training "
        f"in {longest:.1f} s, {time.monotonic() - started:.0f} s; wrong: {'; '.join(outcome.wrong) or 'nothing'}"
    )
    sys.exit(bool(outcome.wrong))


if __name__ == "__main__":
    main()
