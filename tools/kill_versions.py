"""Kill with SIGKILL what adds and activates versions, at random moments, and look at what is left.

python tools/kill_versions.py --kills 100

A process trains (its job waits for the lock, runs, keeps a version), activates and rolls back without end, and is
killed. After each kill the registry is opened as the next start opens it. Then exactly one version is active, the last
one whose activation was noted; every version is sound; each directory has its row and each row its directory; nothing
half written is left; no job is said to run.
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
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from thawline.cli import main as thawline
from thawline.errors import UserError
from thawline.samples.events import make_events
from thawline.tasks.versions import golden
from thawline.versions.database import open_database
from thawline.versions.jobs import clean_jobs, finish_job, list_jobs, start_job, training_lock, update_job
from thawline.versions.registry import Registry
from thawline.versions.schema import RUNNING, Activation
from thawline.versions.settings import SQLITE

KEEP = 6  # versions that are not pruned between kills
LONGEST = 1.5  # seconds until a kill


def url_of(root: Path) -> str:
    """The database of the registry in `root`."""
    return f"sqlite:///{root / SQLITE}"


def work(root: Path, bundles: Sequence[Path], seed: str) -> None:
    """Train, activate and roll back until the process is killed."""
    draw = random.Random(seed)
    with open_database(url_of(root)) as database:
        registry = Registry(root, database, golden)
        plain = Registry(root, database)
        while True:
            train(registry, draw.choice(bundles))
            numbers = [version.number for version in registry.versions() if version.pruned_at is None]
            # Golden examples take most of the time, and kills should fall elsewhere, too.
            chosen = registry if draw.random() < 0.2 else plain
            chosen.activate(draw.choice(numbers), force=True)
            if draw.random() < 0.3:
                with contextlib.suppress(UserError):  # there may be nothing to go back to
                    plain.rollback()


def train(registry: Registry, bundle: Path) -> None:
    """What a training does with the registry, without the training."""
    with registry.database.session() as session:
        job = start_job(session, {"bundle": bundle.name}, pid=os.getpid()).id
    with training_lock(registry.root):
        with registry.database.session() as session:
            update_job(session, job, running=True)
        version = registry.add(bundle, type="blocks", parent=registry.find(1))
        with registry.database.session() as session:
            finish_job(session, job, version)


def look(root: Path) -> tuple[int, list[str]]:
    """Open the registry as the next start does; how many versions there are, and what is wrong."""
    wrong: list[str] = []
    with open_database(url_of(root)) as database:
        registry = Registry(root, database)
        with database.session() as session:
            clean_jobs(session, root)
        versions = registry.versions()
        active = [version for version in versions if version.is_active]
        with database.reading() as session:
            last = session.scalar(select(Activation.version_id).order_by(Activation.id.desc()).limit(1))
            wrong += [f"job {job.id} is said to run" for job in list_jobs(session) if job.status == RUNNING]
        if [version.id for version in active] != [last]:
            wrong.append(f"active: {[version.number for version in active]}, the last activation is of row {last}")
        wrong += [reason for _, reason in registry.verify() if reason]
        rows = {version.path for version in versions if version.pruned_at is None}
        there = {path.name for path in root.iterdir() if path.name.startswith(("v0", ".v", ".adding"))}
        wrong += [f"{name} has no {'directory' if name in rows else 'row'}" for name in sorted(rows ^ there)]
        registry.prune(KEEP)
    return len(versions), wrong


def kill_once(root: Path, bundles: Sequence[Path], moment: float, seed: str) -> tuple[int, list[str]]:
    """Let a process work for `moment` seconds, kill it, and look."""
    # Forked: it has imported all that it needs, so that kills fall into its work.
    process = multiprocessing.get_context("fork").Process(target=work, args=(root, bundles, seed))
    process.start()
    process.join(moment)
    if process.pid is None or process.exitcode is not None:
        return 0, [f"the process ended by itself, with {process.exitcode}"]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return look(root)


def begin(root: Path, bundles: Sequence[Path]) -> None:
    """A registry with a base that is active."""
    root.mkdir(parents=True)
    with open_database(url_of(root)) as database:
        registry = Registry(root, database, golden)
        registry.add(bundles[0], type="base")
        registry.activate(1)


def kill(root: Path, bundles: Sequence[Path], kills: int, seed: int) -> list[str]:
    """Kill so often; what was wrong."""
    begin(root, bundles)
    found: list[str] = []
    for number in range(kills):
        moment = random.Random(f"{seed} {number}").uniform(0.02, LONGEST)
        versions, wrong = kill_once(root, bundles, moment, f"{seed} {number} work")
        print(f"{number}: after {moment:.2f} s, {versions} versions: {'; '.join(wrong) or 'sound'}", flush=True)
        found += wrong
    return found


def make_bundles(folder: Path) -> list[Path]:
    """Two bundles of the tiny CLIP, of which the last blocks differ."""
    make_events(folder / "photos", photos_per_class=12, seed=0)
    os.environ["THAWLINE_STORE"] = str(folder / "store")
    recipe = ("encoder=tiny_clip", "method=finetune", "thaw=2", "method.epochs=2", "trainer=cpu", "logger=csv")
    bundles = []
    for seed in (0, 1):
        place = f"paths.outputs={folder / f'outputs{seed}'}"
        thawline(["train", str(folder / "photos"), *recipe, f"seed={seed}", place])
        (run,) = (folder / f"outputs{seed}" / "train").iterdir()
        bundles.append(folder / f"bundle{seed}")
        thawline(["export", str(run), f"out={bundles[-1]}"])
    return bundles


def main() -> None:
    """Kill, look, and print what was found; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundles = make_bundles(Path(folder))
        started = time.monotonic()
        wrong = kill(Path(folder) / "versions", bundles, arguments.kills, arguments.seed)
    print(f"{arguments.kills} kills in {time.monotonic() - started:.0f} s; wrong: {'; '.join(wrong) or 'nothing'}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
