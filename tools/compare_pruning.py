"""What does a search save that ends trials early, and what does it lose? The same search with and without.

python tools/compare_pruning.py PHOTOS encoder=mobilenetv2_035 encoder.weights=FILE --prune median hyperband

Each seed splits the photos anew and searches `sweep/space=events`, or what the words say. Counted are the epochs of all
trials, by their histories; compared are the winners on the outer samples, which neither search chose by.
"""

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

from thawline.cli import main as thawline
from thawline.files import read_json
from thawline.fitting.lightning.history import read_history
from thawline.runs.sweep import read_trials

AIM = 0.4  # of the epochs
NEVER = "none"


@dataclass(frozen=True)
class Searched:
    """What came of one search.

    Attributes:
        epochs: Of all folds of all trials.
        pruned: Trials that were ended early.
        trials: How many there were.
        seconds: Processor seconds of the command.
        score: The winner's on its outer samples.
        low: Where its interval begins.
        high: Where it ends.
    """

    epochs: int
    pruned: int
    trials: int
    seconds: float
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Compared:
    """A search that ends trials early beside the same one that does not."""

    pruned: Searched
    whole: Searched

    @property
    def saved(self) -> float:
        """Share of the epochs."""
        return 1 - self.pruned.epochs / self.whole.epochs

    @property
    def is_within(self) -> bool:
        """Whether the winner's score lies in the interval of the other's."""
        return self.whole.low <= self.pruned.score <= self.whole.high

    def __str__(self) -> str:
        pruned, whole = self.pruned, self.whole
        return (
            f"{pruned.pruned} of {pruned.trials} trials ended early; {pruned.epochs} epochs, not {whole.epochs} "
            f"({100 * self.saved:.0f} % saved; {pruned.seconds:.0f} s, not {whole.seconds:.0f}); winner "
            f"{100 * pruned.score:.1f} %, not {100 * whole.score:.1f} ({100 * whole.low:.1f} to {100 * whole.high:.1f})"
        )


def search(sweep: Path, words: Sequence[str], prune: str) -> Searched:
    """Search, and count.

    Args:
        sweep: The directory of the search.
        words: Of the command line.
        prune: What ends trials early.
    """
    began = time.process_time()
    # A trial that fails is one of the search's; without any that ended there is nothing to compare.
    with redirect_stdout(io.StringIO()) as said, suppress(SystemExit):
        thawline(["train", *words, "logger=csv", f"sweep.prune={prune}", f"hydra.sweep.dir={sweep}"])
    if not (sweep / "metrics.json").exists():
        raise SystemExit(f"{sweep.name}: {said.getvalue()[-2000:]}")
    trials = read_trials(sweep)
    judged = read_json(sweep / "metrics.json")["judged"]
    score = judged[judged["headline"]]
    return Searched(
        sum(len(read_history(path)) for trial in trials for path in trial.path.glob("folds/*/history.csv")),
        sum(trial.status == "pruned" for trial in trials),
        len(trials),
        time.process_time() - began,
        score["value"],
        score["low"],
        score["high"],
    )


def main() -> int:
    """Search with each seed, and print how the searches compare; exit status 1 where the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+", help="photos and settings, as for thawline train")
    parser.add_argument("--prune", nargs="+", default=["median"], help="median, hyperband, wilcoxon (with cv=5)")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 5), metavar=("FROM", "TO"))
    given = parser.parse_args()
    space = [] if any("interval(" in word for word in given.words) else ["sweep/space=events"]
    searched = [f"sweep={given.sampler}", *space, f"sweep.trials={given.trials}"]
    found: dict[str, list[Compared]] = {prune: [] for prune in given.prune}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(*given.seeds):
            words = [*given.words, "-m", *searched, f"seed={seed}"]
            whole = search(Path(folder) / f"whole{seed}", words, NEVER)
            for prune, compared in found.items():
                compared.append(Compared(search(Path(folder) / f"{prune}{seed}", words, prune), whole))
                print(f"seed {seed}, {prune}: {compared[-1]}", flush=True)
    reached = [_is_enough(prune, compared) for prune, compared in found.items()]
    return 0 if all(reached) else 1


def _is_enough(prune: str, compared: Sequence[Compared]) -> bool:
    """Say what all seeds came to, and whether that is what pruning is for."""
    saved = 1 - sum(one.pruned.epochs for one in compared) / sum(one.whole.epochs for one in compared)
    within = sum(one.is_within for one in compared)
    change = sum(one.pruned.score - one.whole.score for one in compared) / len(compared)
    print(
        f"{prune}: {100 * saved:.0f} % of the epochs saved over {len(compared)} seeds; winner within the other's "
        f"interval in {within}; mean change {100 * change:+.2f} points"
    )
    return saved >= AIM and within == len(compared)


if __name__ == "__main__":
    sys.exit(main())
