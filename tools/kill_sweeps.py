"""Kill a search with SIGKILL at random moments, go on with it, and compare with one that nobody killed.

python tools/kill_sweeps.py --kills 30

Counted are points that were run twice, trials whose results were written anew, and points other than those of the whole
search; at its end the study must be complete. One whose kills it outlives is followed by another, by another seed.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend

from thawline.files import read_json
from thawline.samples.events import make_events

WORDS = (
    *("encoder=tiny_clip", "trainer=cpu", "logger=none", "method=linear", "method.epochs=2", "sweep=tpe"),
    *(
        "method.lr=tag(log,interval(1e-4,1e-1))",
        "method.weight_decay=choice(0,0.01)",
        "method.dropout=range(0,0.5,0.1)",
    ),
)


def start(place: Path, words: list[str]) -> ForkServerProcess:
    """`thawline train` in `place`, as a process of its own."""
    place.mkdir(parents=True, exist_ok=True)
    process = multiprocessing.get_context("forkserver").Process(target=_command, args=(place, words))
    process.start()
    return process


def _command(place: Path, words: list[str]) -> None:
    os.chdir(place)
    log = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["THAWLINE_STORE"] = str(place.parent / "store")
    from thawline.cli import main

    main(["train", *words])


def sweep_of(place: Path) -> Path | None:
    """The search in `place`, once it has begun."""
    return next((path.parent for path in place.glob("outputs/sweep/*/journal.log")), None)


def points_of(sweep: Path) -> dict[int, tuple[str, ...]]:
    """What each trial that ended was given."""
    ended = [path.parent for path in sweep.glob("*/metrics.json") if path.parent.name.isdigit()]
    return {int(path.name): tuple(read_json(path / "trial.json")["overrides"]) for path in ended}


def written(sweep: Path) -> dict[int, int]:
    """When the results of each trial that ended were written."""
    return {number: (sweep / str(number) / "metrics.json").stat().st_mtime_ns for number in points_of(sweep)}


def kill_and_compare(
    place: Path, words: list[str], kills: int, trial: float, chance: random.Random
) -> tuple[int, Counter[str]]:
    """Kill a search up to `kills` times, have it end, and count what is wrong.

    Args:
        place: Where it runs.
        words: Of the command line.
        kills: At most so many.
        trial: Seconds that a trial takes: kills are up to four trials apart.
        chance: Draws the moments.

    Returns:
        How often it was killed, and what was found.
    """
    found: Counter[str] = Counter()
    done = 0
    before: dict[int, int] = {}
    while True:
        sweep = sweep_of(place)
        process = start(place, words if sweep is None else [str(sweep)])
        while (sweep := sweep_of(place)) is None and process.is_alive():
            time.sleep(0.01)
        process.join(chance.uniform(0, 4 * trial) if done < kills else None)
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            done += 1
        if sweep is None:
            raise SystemExit(f"there is no search: {(place / 'said.txt').read_text()[-2000:]}")
        now = written(sweep)
        found["overwritten"] += sum(now.get(number) != when for number, when in before.items())
        before = now
        if process.exitcode != -signal.SIGKILL:
            if process.exitcode:
                raise SystemExit(f"the search failed: {(place / 'said.txt').read_text()[-2000:]}")
            points = points_of(sweep)
            found["repeated"] = len(points) - len(set(points.values()))
            return done, found


def compare(sweep: Path, whole: Path) -> Counter[str]:
    """What differs in a search that was killed from one that was not."""
    points, expected = points_of(sweep), points_of(whole)
    found = Counter({"other points": sum(points.get(number) != point for number, point in expected.items())})
    found["missing"] = len(expected.keys() - points.keys())
    found["other results"] = sum(
        (sweep / str(number) / "inner.parquet").read_bytes() != (whole / str(number) / "inner.parquet").read_bytes()
        for number in expected.keys() & points.keys()
    )
    journal = optuna.storages.JournalStorage(JournalFileBackend(str(sweep / "journal.log")))
    states = Counter(trial.state.name for trial in optuna.load_study(study_name=None, storage=journal).trials)
    found["not complete in the study"] = len(expected) - states["COMPLETE"]
    return found


def main() -> None:
    """Kill, compare, and print what was found; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--photos", type=int, default=8, help="of each class")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    multiprocessing.set_forkserver_preload(["thawline.commands.sweeps.leaderboard", "optuna"])
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_events(root / "photos", photos_per_class=arguments.photos, seed=0)
        seed = 0
        while total["kills"] < arguments.kills:
            words = [str(root / "photos"), "-m", *WORDS, f"sweep.trials={arguments.trials}", f"sweep.seed={seed}"]
            begun = time.monotonic()
            kill_and_compare(root / f"whole{seed}", words, 0, 0, random.Random(0))
            trial = (time.monotonic() - begun) / (arguments.trials + 4)
            whole, place = sweep_of(root / f"whole{seed}"), root / f"killed{seed}"
            kills, found = kill_and_compare(place, words, arguments.kills - total["kills"], trial, random.Random(seed))
            sweep = sweep_of(place)
            if whole is None or sweep is None:
                raise SystemExit("a search left no directory")
            found += compare(sweep, whole)
            print(f"seed {seed}: {kills} kills: {dict(found) or 'equal'}", flush=True)
            total += Counter(kills=kills) + found
            seed += 1
    wrong = {name: count for name, count in total.items() if name != "kills" and count}
    print(f"{total['kills']} kills: {wrong or 'no point repeated, none overwritten, each study complete'}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
