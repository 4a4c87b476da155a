"""Kill trainings with SIGKILL at random moments, go on with each, and compare with one that nobody killed.

python tools/kill_runs.py --kills 40 --jobs 2

Half of the kills hit a training with two loader processes; half have the temporary directory on another filesystem
(/dev/shm). A run is killed up to three times in a row. Afterwards every file but those with times in them must hold the
same bits, at each kill every checkpoint must be whole, and nothing may be left that a finished run does not have.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from thawline.files import read_json
from thawline.samples.events import make_events

CHAIN = 3
# MixUp and augmentation each step, a learning rate that falls, early stopping that waits: all of it must be resumed.
RECIPE = (
    *("encoder=tiny_clip", "method=finetune", "thaw=all", "augmentation=light", "augmentation.mixup=0.2"),
    *("method.schedule=cosine", "method.epochs=4", "method.patience=3", "method.batch_size=16"),
    *("trainer=cpu", "trainer.checkpoint_every=3", "logger=csv"),
)
SAME = ("predictions.parquet", "folds/holdout/history.csv", "folds/holdout/tail.safetensors", "split.csv")


@dataclass(frozen=True)
class Whole:
    """A run that nobody killed, and how many seconds it took from its first file to its last."""

    run: Path
    seconds: float


def command(place: Path, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """`thawline train` in `place`."""
    place.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(  # noqa: S603  # the words are our own
        [sys.executable, "-m", "thawline.cli", "train", *words],
        cwd=place,
        env={**os.environ, "THAWLINE_STORE": str(place / "store"), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a command, which must succeed."""
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"a run ended with exit status {process.returncode}: {said}")


def run_of(place: Path) -> Path | None:
    """The run in `place`, once it has begun."""
    return next((status.parent for status in place.glob("outputs/train/*/status.json")), None)


def train_whole(place: Path, words: Sequence[str], environment: Mapping[str, str]) -> Whole:
    """Train without a kill."""
    process = command(place, words, environment)
    while (run := run_of(place)) is None and process.poll() is None:
        time.sleep(0.02)
    started = time.monotonic()
    finish(process)
    if run is None:
        raise SystemExit("the run left no directory")
    return Whole(run, time.monotonic() - started)


def kill_and_compare(
    whole: Whole, place: Path, words: Sequence[str], environment: Mapping[str, str], moments: Sequence[float]
) -> tuple[int, list[str]]:
    """Kill a training, go on with it, and say how often it was killed and what differs at the end.

    Args:
        whole: What it must come to.
        place: Where it runs.
        words: Of the command line.
        environment: What the commands see besides.
        moments: Of the kills, each a share of the time that is left.
    """
    wrong: list[str] = []
    kills, left = 0, whole.seconds
    for moment in moments:
        run = run_of(place)
        process = command(place, words if run is None else [str(run)], environment)
        before = None if run is None else (run / "status.json").stat().st_mtime_ns
        while not _began(run_of(place), before) and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moment * left)
        left -= moment * left
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode != -signal.SIGKILL:
            break  # it had ended before, which says nothing of kills
        kills += 1
        wrong += torn(place)
    run = run_of(place)
    if run is None:
        return kills, [*wrong, "there is no run to go on with"]
    if read_json(run / "status.json")["status"] != "finished":
        finish(command(place, [str(run)], environment))
    wrong += [f"{name} differs" for name in SAME if (run / name).read_bytes() != (whole.run / name).read_bytes()]
    wrong += [f"left over: {name}" for name in sorted(files(run) ^ files(whole.run))]
    wrong += [f"left over: {path}" for path in place.glob("outputs/train/*") if path != run]
    wrong += [f"left over in the store: {path.name}" for path in (place / "store").rglob("*") if _is_half(path)]
    return kills, wrong


def torn(place: Path) -> list[str]:
    """Checkpoints and other files that a reader would take for whole, and that are not."""
    wrong = []
    for path in place.glob("outputs/train/*/folds/*/*.ckpt"):
        try:
            torch.load(path, weights_only=True)
        except Exception as error:  # whatever it is, it is wrong
            wrong.append(f"{path.name} is torn: {error}")
    for path in place.glob("outputs/train/*/*.json"):
        read_json(path)
    return wrong


def files(run: Path) -> set[str]:
    """The files of a run."""
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}


def _began(run: Path | None, before: int | None) -> bool:
    return run is not None and (run / "status.json").stat().st_mtime_ns != before


def _is_half(path: Path) -> bool:
    return path.suffix == ".tmp" or path.name.endswith("-journal")


def main() -> None:
    """Kill, compare, and print what was found; exit status 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        root = Path(folder)
        make_events(root / "photos", photos_per_class=8, seed=0)
        words = {workers: [str(root / "photos"), *RECIPE, f"trainer.workers={workers}"] for workers in (0, 2)}
        wholes = {workers: train_whole(root / f"whole{workers}", words[workers], {}) for workers in (0, 2)}
        print({workers: f"{whole.seconds:.1f} s" for workers, whole in wholes.items()}, flush=True)

        def chain(number: int) -> tuple[int, bool]:
            workers, apart = (0, 2)[number % 2], number // 2 % 2 == 1
            environment = {"TMPDIR": elsewhere} if apart else {}
            moments = [random.Random(f"{arguments.seed} {number} {i}").random() for i in range(CHAIN)]
            kills, wrong = kill_and_compare(wholes[workers], root / str(number), words[workers], environment, moments)
            place = "another filesystem" if apart else "the same filesystem"
            print(f"{number}: {workers} workers, {place}, {kills} kills: {'; '.join(wrong) or 'equal'}", flush=True)
            return kills, not wrong

        done: list[tuple[int, bool]] = []
        with ThreadPoolExecutor(arguments.jobs) as pool:
            while sum(kills for kills, _ in done) < arguments.kills:
                done += pool.map(chain, range(len(done), len(done) + 2 * arguments.jobs))
        left = sorted(path.name for path in Path(elsewhere).iterdir())
        kills, equal = sum(kills for kills, _ in done), sum(kills for kills, same in done if same)
        print(f"after {equal} of {kills} kills the same bits; left in the temporary directory: {left or 'nothing'}")
    sys.exit(equal != kills)


if __name__ == "__main__":
    main()
