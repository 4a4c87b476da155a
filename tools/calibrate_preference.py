"""How far the probabilities of a taste can be taken at their word, out of fold, on photos whose classes are known.

python tools/calibrate_preference.py PHOTOS --encoder encoder=mobilenetv2_035 encoder.weights=FILE.safetensors

PHOTOS is a folder of classes. One is liked, another super-liked, the others are not, in turn; some photos are drawn and
answered, a tenth of the answers wrong, and `thawline train task=preference cv=5` says of each what it had not seen. All
draws of a method and a number of answers are put together:

- said less liked: the mean probability of a like less the share that was liked, points.
- slope: of the answers on the logits by logistic regression; 1 where probabilities are as sure as they are right, below
  1 where they are too sure.
- error: the expected calibration error, ten bins, and in brackets what it would be on average if the probabilities were
  right: it is never 0 of a few answers.
- Brier, and in brackets that of the share of likes said of everything.

Each with its 95 % interval by resampling the draws (a draw is a group).
"""

import argparse
import csv
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from thawline.cli import main as thawline
from thawline.judging.calibration import measure_calibration
from thawline.runs.predictions import PREDICTIONS_FILE, read_predictions

METHODS = {
    "logistic": ("experiment=preference_logistic",),
    "gda": ("experiment=preference_gda",),
    "blocks": ("experiment=preference_blocks",),
}
WRONG, RESAMPLED, LEAST = 0.1, 1000, 1e-6
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Said:
    """What was said out of fold of the photos of one draw: the probability of a like, and whether each was liked."""

    like: Floats
    liked: NDArray[np.int64]


def draw(photos: Path, like: str, super_like: str, answers: int, seed: int, table: Path) -> None:
    """Answer some photos into `table`."""
    rng = np.random.default_rng(seed)
    files = sorted(path for path in photos.glob("*/*") if path.is_file())
    kinds = {like: "like", super_like: "super_like"}
    rows = []
    for number in rng.choice(len(files), answers, replace=False):
        answer = kinds.get(files[number].parent.name, "dislike")
        if rng.random() < WRONG:
            answer = "like" if answer == "dislike" else "dislike"
        rows.append((files[number].resolve(), answer))
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "feedback"), *rows])


def said_of(table: Path, out: Path, words: Sequence[str]) -> Said:
    """What `thawline train` says out of fold of the answers in `table`."""
    quiet = ("cv=5", "refit=false", "logger=none", f"hydra.run.dir={out}", f"paths.run={out}")
    thawline(["train", str(table), *words, *quiet])
    found = read_predictions(out / PREDICTIONS_FILE)
    like = found.probabilities[:, found.classes.index("like")].astype(np.float64)
    return Said(like, (found.labels == found.classes.index("like")).astype(np.int64))


def bias(said: Said) -> float:
    """The mean probability of a like less the share of likes, points."""
    return float(100 * (said.like.mean() - said.liked.mean()))


def slope(said: Said) -> float:
    """That of the answers on the logits."""
    logits = logit(np.clip(said.like, LEAST, 1 - LEAST))[:, None]
    return float(LogisticRegression(C=np.inf).fit(logits, said.liked).coef_[0, 0])


def error(said: Said) -> float:
    """The expected calibration error, points."""
    both = np.column_stack([1 - said.like, said.like])
    found = measure_calibration(said.liked, both, np.arange(len(said.like)), said=both.argmax(axis=1).astype(np.int64))
    return 100 * found.error


def brier(said: Said) -> float:
    """The mean square of what the probability of a like is off."""
    return float(((said.like - said.liked) ** 2).mean())


def interval(figure: Callable[[Said], float], draws: Sequence[Said]) -> tuple[float, float, float]:
    """`figure` of all `draws` together, and its interval."""
    rng = np.random.default_rng(0)
    again = [figure(together([draws[i] for i in rng.integers(len(draws), size=len(draws))])) for _ in range(RESAMPLED)]
    low, high = np.percentile(again, [2.5, 97.5])
    return figure(together(draws)), float(low), float(high)


def together(draws: Sequence[Said]) -> Said:
    """All as one."""
    return Said(np.concatenate([one.like for one in draws]), np.concatenate([one.liked for one in draws]))


def least_error(said: Said) -> float:
    """The mean calibration error of answers that follow the probabilities."""
    rng = np.random.default_rng(0)
    drawn = (rng.random((200, len(said.like))) < said.like).astype(np.int64)
    return float(np.mean([error(Said(said.like, one)) for one in drawn]))


def lines(name: str, answers: int, draws: Sequence[Said]) -> Iterator[str]:
    """A row of the table."""
    everything = together(draws)
    share = everything.liked.mean()
    figures = (
        ("{:+.1f} [{:+.1f}, {:+.1f}]", bias, ""),
        ("{:.2f} [{:.2f}, {:.2f}]", slope, ""),
        ("{:.1f} [{:.1f}, {:.1f}]", error, f" ({least_error(everything):.1f})"),
        ("{:.3f} [{:.3f}, {:.3f}]", brier, f" ({share * (1 - share):.3f})"),
    )
    cells = [form.format(*interval(figure, draws)) + more for form, figure, more in figures]
    yield f"| {name} | {answers} | {' | '.join(cells)} |"


def main() -> None:
    """Answer, train, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--encoder", nargs="+", default=["encoder=clip"], help="settings of the encoder")
    parser.add_argument("--methods", nargs="+", default=["logistic", "gda"], choices=list(METHODS))
    parser.add_argument("--answers", nargs="+", type=int, default=[50, 100, 200])
    parser.add_argument("--draws", type=int, default=10, help="for each way to like the classes")
    given = parser.parse_args()
    classes = sorted(path.name for path in given.photos.iterdir() if path.is_dir())
    tastes = list(pairwise(classes))[:3]
    print("| method | answers | said less liked | slope | error | Brier |")
    for name in given.methods:
        for answers in given.answers:
            draws = []
            for like, super_like in tastes:
                for seed in range(given.draws):
                    with tempfile.TemporaryDirectory() as folder:
                        table, run = Path(folder) / "answers.csv", Path(folder) / "run"
                        draw(given.photos, like, super_like, answers, seed, table)
                        draws.append(said_of(table, run, [*METHODS[name], *given.encoder]))
            for line in lines(name, answers, draws):
                print(line, flush=True)


if __name__ == "__main__":
    main()
