"""What a search's study takes for a trial: `sweep=tpe` over six settings, its journal on disk, no trial run.

Trials come to a score that follows from their settings, in the files that a trial leaves. How long asking for a point
and telling its score take is measured of the last twenty, after so many trials. Quick: --trials 60.
"""

import json
import math
import statistics
import time
from pathlib import Path

from common import finish, parser, say, workspace

from thawline.commands.sweeps.search.settings import SweepSettings
from thawline.commands.sweeps.search.space import read_space
from thawline.commands.sweeps.search.study import Study

MEASURED = 20
WORDS = [
    "method.lr=tag(log,interval(1e-5,1e-1))",
    "method.weight_decay=tag(log,interval(1e-6,1e-1))",
    "method.label_smoothing=interval(0,0.3)",
    "method.dropout=interval(0,0.5)",
    "method.epochs=range(5,60)",
    "thaw=head,1,2",
]


def leave_trial(directory: Path, score: float) -> None:
    """What the study reads of a trial that has finished."""
    directory.mkdir()
    inner = {"headline": "accuracy", "accuracy": {"value": score}, "log_loss": {"value": 1.0}, "samples": 500}
    (directory / "metrics.json").write_text(json.dumps({"inner": inner, "seconds": 1.0, "tail_bytes": 1000}))
    (directory / "status.json").write_text(json.dumps({"status": "finished", "reason": None, "verb": "train"}))


def score_of(words: tuple[str, ...]) -> float:
    """Best at a learning rate of 0.003, and little moved by the rest."""
    settings = dict(word.split("=") for word in words)
    off = abs(math.log10(float(settings["method.lr"]) / 0.003))
    return round(0.95 - 0.1 * off - 0.05 * float(settings["method.dropout"]), 3)


def search(sweep: Path, trials: int) -> tuple[list[float], list[float]]:
    """Seconds for asking, and for telling, of each trial."""
    settings = SweepSettings(name="tpe", trials=trials)
    study = Study(sweep, "sweep", settings, 0, read_space({}, WORDS, ("method",)), lambda *_: True)
    asking, telling = [], []
    for _ in range(trials):
        began = time.perf_counter()
        [asked] = study.take(1)
        asking.append(time.perf_counter() - began)
        leave_trial(sweep / str(asked.number), score_of(asked.words))
        began = time.perf_counter()
        study.tell(asked)
        telling.append(time.perf_counter() - began)
    return asking, telling


def main() -> None:
    """Measure, print and write."""
    options = parser(__doc__ or "")
    options.add_argument("--trials", type=int, default=500)
    given = options.parse_args()
    with workspace(given.data) as (_, scratch):
        rounds = []
        for number in range(given.rounds):
            sweep = scratch / str(number)
            sweep.mkdir()
            asking, telling = search(sweep, given.trials + MEASURED)
            ask, tell = (1000 * statistics.median(seconds[-MEASURED:]) for seconds in (asking, telling))
            first = 1000 * statistics.median(a + t for a, t in zip(asking[:MEASURED], telling[:MEASURED], strict=True))
            rounds.append({"ask_ms": ask, "tell_ms": tell, "both_of_the_first_ms": first})
            say(", ".join(f"{name} {value:.1f}" for name, value in rounds[-1].items()))
    both = statistics.median(one["ask_ms"] + one["tell_ms"] for one in rounds)
    first = statistics.median(one["both_of_the_first_ms"] for one in rounds)
    ratios = {"ask_and_tell_ms": both, "over_the_first": both / first}
    finish(given, ratios, {"trials": given.trials, "runs": rounds})


if __name__ == "__main__":
    main()
