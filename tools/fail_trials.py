"""A sweep in which one trial raises, one diverges, one asks for more memory than there is, and one is killed.

python tools/fail_trials.py --launcher ray --trials 20

The others must complete, and the four be named with their causes; exit status 1. Under `basic` and `packed` trials run
in the sweep's own process, which a kill ends: the sweep is resumed then, and the trial goes on and completes.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from thawline.samples.events import make_events

# The settings of a trial, and what its reason says: a thaw line that the encoder does not have, a learning rate that
# diverges, a hidden layer of 200 TB, and a training that goes on until it is killed.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "raises": ({"thaw": 20}, "thaw=20: clip has 3 blocks"),
    "diverges": ({"method": {"lr": 1e60}}, "the training loss became"),
    "memory": ({"method": {"hidden": 100_000_000_000}}, "out of memory: "),
    "killed": ({}, "killed"),
}
SIDE_BY_SIDE = {"basic": (), "ray": ("hydra.launcher.n_jobs=2",), "packed": ()}
WORDS = ("encoder=tiny_clip", "trainer=cpu", "logger=csv")


def write_trials(place: Path, trials: int, epochs: int = 100_000) -> str:
    """Write an experiment for each trial into `place`/conf, the faulty ones spread among them.

    Args:
        place: The working directory.
        trials: How many.
        epochs: Of the one that is killed.

    Returns:
        The word of the command line.
    """
    folder = place / "conf" / "experiment"
    folder.mkdir(parents=True)
    names = [f"sound{number}" for number in range(trials - len(FAULTS))]
    for number, fault in enumerate(FAULTS):
        names.insert((number + 1) * trials // (len(FAULTS) + 1), fault)
    for number, name in enumerate(names):
        method: dict[str, Any] = {"epochs": 3, "hidden": 16, "lr": 1e-3 * (1 + number)}
        given = FAULTS[name][0] if name in FAULTS else {}
        method |= given.get("method", {})
        if name == "killed":
            method |= {"epochs": epochs, "patience": epochs}
        text = json.dumps({"defaults": [{"override /method": "mlp"}], **given, "method": method})
        (folder / f"{name}.yaml").write_text(f"# @package _global_\n{text}\n", encoding="utf-8")
    return f"experiment={','.join(names)}"


def number_of(word: str, name: str) -> int:
    """The number of the trial `name` in a sweep over `word`."""
    return word.partition("=")[2].split(",").index(name)


def kill_trial(place: Path, number: int, done: threading.Event) -> bool:
    """Kill the process of the trial with SIGKILL once it trains; whether it came to that."""
    while not done.wait(0.05):
        for history in place.glob(f"outputs/sweep/*/{number}/folds/holdout/history.csv"):
            status = json.loads((history.parents[2] / "status.json").read_text(encoding="utf-8"))
            if status["status"] == "running":
                os.kill(status["process"], signal.SIGKILL)
                return True
    return False


def kill_sweep(place: Path, done: threading.Event) -> bool:
    """Kill the process of the sweep with SIGKILL a second after its features are there; whether it came to that."""
    while not done.wait(0.05):
        for about in place.glob("outputs/sweep/*/sweep.json"):
            status = json.loads((about.parent / "status.json").read_text(encoding="utf-8"))
            if json.loads(about.read_text(encoding="utf-8"))["features"] and not done.wait(1):
                os.kill(status["process"], signal.SIGKILL)
                return True
    return False


def what_is_wrong(sweep: Path, word: str, said: str, *, killed: bool = True) -> list[str]:
    """Compare the trials in `sweep`, and what was `said` on the screen, with what they must be.

    Args:
        sweep: The sweep's directory.
        word: What `write_trials` gave.
        said: On the screen.
        killed: Whether the kill is the end of its trial.
    """
    wrong = []
    for number, name in enumerate(word.partition("=")[2].split(",")):
        file = sweep / str(number) / "status.json"
        status = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"status": "absent", "reason": None}
        cause = FAULTS[name][1] if name in FAULTS and (killed or name != "killed") else None
        expected = "finished" if cause is None else "failed"
        if status["status"] != expected or (cause or "") not in (status["reason"] or ""):
            wrong.append(f"trial {number} ({name}) is {status['status']}: {status['reason']}")
        if cause is not None and f"{number} (experiment={name}): {status['reason']}" not in said:
            wrong.append(f"trial {number} ({name}) is not named on the screen")
    return wrong


def _run(place: Path, words: Sequence[str], kill: Callable[[threading.Event], object]) -> tuple[int, str]:
    """`thawline train WORDS` in `place`, where `kill` kills; gives the exit status and what it said."""
    done = threading.Event()
    killer = threading.Thread(target=kill, args=(done,))
    killer.start()
    environment = {**os.environ, "THAWLINE_STORE": str(place / "store"), "COLUMNS": "100000"}
    process = subprocess.run(  # noqa: S603  # the words are our own
        [sys.executable, "-m", "thawline.cli", "train", *words],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    done.set()
    killer.join()
    return process.returncode, process.stdout


def main() -> int:
    """Run the sweep and say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launcher", required=True)
    parser.add_argument("--trials", type=int, default=20)
    given = parser.parse_args()
    alone = given.launcher in ("basic", "packed")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        make_events(place / "Sample", photos_per_class=24, seed=0)
        # Then the trial goes on when the sweep is resumed, and is to come to an end.
        word = write_trials(place, given.trials, **({"epochs": 300} if alone else {}))
        launcher = (f"hydra/launcher={given.launcher}", *SIDE_BY_SIDE.get(given.launcher, ("hydra.launcher.n_jobs=2",)))
        number = number_of(word, "killed")
        kill = partial(kill_sweep, place) if given.launcher == "packed" else partial(kill_trial, place, number)
        status, said = _run(place, ["Sample", "-m", *WORDS, word, *launcher], kill)
        (sweep,) = (place / "outputs" / "sweep").iterdir()
        if alone:
            if status != -signal.SIGKILL:
                print(f"the sweep was not killed; exit status {status}")
                return 1
            status, said = _run(place, [str(sweep)], lambda _: None)
        wrong = what_is_wrong(sweep, word, said, killed=not alone)
        wrong += [] if status == 1 else [f"exit status {status}"]
    print(
        "\n".join(wrong)
        or f"{given.launcher}: {given.trials - len(FAULTS) + alone} of {given.trials} complete, the "
        f"others named with their causes; {said.strip().splitlines()[-1]}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
