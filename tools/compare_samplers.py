"""Does a search find better settings than random draws do? The same number of trials of each, over several seeds.

python tools/compare_samplers.py PHOTOS encoder=mobilenetv2_035 encoder.weights=FILE

Each seed splits the photos anew, and each sampler searches `sweep/space=events`, six settings. Compared is the merit of
the best trial, which is what a search is for: its inner score, of equal scores the smaller log-loss (see `merit_of`).
"""

import argparse
import io
import json
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon

from thawline.cli import main as thawline
from thawline.commands.sweeps.search.study import merit_of
from thawline.runs.sweep import read_trials


def best_merits(place: Path, words: list[str], sampler: str, seed: int, trials: int) -> list[float]:
    """The best merit after each trial of one search, [trials]."""
    searched = [f"sweep={sampler}", "sweep/space=events", f"sweep.trials={trials}", f"seed={seed}"]
    sweep = place / f"{sampler}{seed}"
    own = ["logger=none", f"hydra.sweep.dir={sweep}"]
    with redirect_stdout(io.StringIO()) as said:
        thawline(["train", *words, "-m", *searched, *own])
    merits = [merit_of(trial) if trial.status == "finished" else -np.inf for trial in read_trials(sweep)]
    if len(merits) != trials:
        raise SystemExit(f"{sampler}, seed {seed}: {said.getvalue()[-2000:]}")
    return [float(best) for best in np.maximum.accumulate(merits)]


def main() -> None:
    """Search with both samplers by each seed, and print how they compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+", help="photos and settings, as for thawline train")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 10), metavar=("FROM", "TO"))
    parser.add_argument("--json", type=Path, help="add each seed's merits to this file, and compare all that it holds")
    arguments = parser.parse_args()
    found: list[dict[str, list[float]]] = []
    if arguments.json and arguments.json.exists():
        found = [json.loads(line) for line in arguments.json.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(*arguments.seeds):
            merits = {
                sampler: best_merits(Path(folder), arguments.words, sampler, seed, arguments.trials)
                for sampler in (arguments.sampler, "random")
            }
            found.append(merits)
            print(f"seed {seed}: " + ", ".join(f"{name} {best[-1]:.4f}" for name, best in merits.items()), flush=True)
            if arguments.json:
                with arguments.json.open("a") as file:
                    file.write(json.dumps(merits) + "\n")
    print(compared(found, arguments.sampler))


def compared(found: list[dict[str, list[float]]], sampler: str) -> str:
    """How the sampler compares with drawing at random, in a sentence; the test is paired by seed."""
    own, drawn = (np.array([one[name] for one in found]) for name in (sampler, "random"))
    difference = own[:, -1] - drawn[:, -1]
    p = wilcoxon(difference).pvalue if difference.any() else 1.0
    first = (own >= drawn[:, -1:]).argmax(axis=1) + 1
    reached = first[difference >= 0]
    after = f"it was as good as random's best after {np.median(reached):.0f} trials (median)" if len(reached) else ""
    return (
        f"{sampler} against random, {own.shape[1]} trials, {len(found)} seeds: better in {(difference > 0).sum()}, "
        f"worse in {(difference < 0).sum()}; mean difference {difference.mean():+.4f}; Wilcoxon's signed ranks: "
        f"p = {p:.3f}; {after}"
    )


if __name__ == "__main__":
    main()
