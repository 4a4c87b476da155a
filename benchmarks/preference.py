"""Learning a taste from 500 answers whose photos are stored, and choosing what to ask among 100,000 items.

python benchmarks/preference.py --json preference.json

A CLIP ViT-B/32 with random weights (speed does not depend on them), photos of 1024 by 768 px, of which every third is
liked. Aims: `logistic_fit_seconds` under 1, `blocks_seconds` under 60 on two cores, `usual_over_blocks` at least 10,
`command_seconds` under 2 for each strategy, `command_mb` under 1,000.

- `logistic_seconds`: `thawline train FILE task=preference method=logistic`, from what the photos gave until the fit is
  kept; its features are stored.
- `blocks_seconds`: the same of the last two blocks and a head (ten epochs, batches of 16).
- `usual_over_blocks`: ten epochs of the usual loop (decode, CLIPProcessor, the whole network, two blocks trained), of
  which one is measured, over the whole process of that training.
- `logistic_fit_seconds`: the fit alone, the choice of `c` with it: 500 random features of 512 numbers, one thread.
- `command_seconds`, `command_cpu`, `command_mb`: `thawline preference ask` over 100,000 stored items as a whole
  command, by strategy, with the database, the version's files and its network; its imports are made before.
- `ask_seconds`: picking 20 of 100,000 random features of 512 numbers, 500 of them answered, one thread, by strategy;
  reading features from the store is not counted. `ask_mb`: the largest memory of that process.
"""

import csv
import json
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from common import (
    LOOPS,
    finish,
    in_turn,
    loop,
    make_clip,
    make_photos,
    middle,
    parser,
    run,
    say,
    thawline_train,
    workspace,
)

EPOCHS, BATCH = 10, 16
ITEMS, DIM, ANSWERED, ASKED = 100_000, 512, 500, 20
BLOCKS = ("method=finetune", "thaw=2", f"method.epochs={EPOCHS}", f"method.batch_size={BATCH}", "method.lr=1e-4")


def write_answers(photos: Path, place: Path) -> Path:
    """A table in which every third photo is liked, and the others are not."""
    files = sorted(photos.rglob("*.jpg"))
    table = place / "answers.csv"
    with table.open("w", newline="") as file:
        rows = [(path, "dislike" if number % 3 else "like") for number, path in enumerate(files)]
        csv.writer(file).writerows([("path", "feedback"), *rows])
    return table


def ask() -> None:
    """Pick by each strategy, and print the seconds and the memory that it took."""
    import numpy as np

    from thawline.tasks.preference.asking.strategies import STRATEGIES, Pool, pick

    drawn = np.random.default_rng(0)
    features = drawn.standard_normal((ITEMS + ANSWERED, DIM), dtype=np.float32)
    groups = np.full(ITEMS, -1, dtype=np.int64)
    pool = Pool(features[ANSWERED:], features[:ANSWERED], drawn.random(ITEMS), groups)
    seconds = {}
    for strategy in STRATEGIES:
        started = time.perf_counter()
        pick(strategy, pool, ASKED, 0)
        seconds[strategy] = round(time.perf_counter() - started, 3)
    unit = 1024 if sys.platform == "darwin" else 1
    print(json.dumps({**seconds, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / unit}))


def fit() -> None:
    """Fit a logistic regression of random features, with the choice of its strength, and print the seconds."""
    import numpy as np
    import torch
    from torch import nn

    from thawline.fitting.feature_set import FeatureSet
    from thawline.fitting.heads.head import DenseHead
    from thawline.fitting.methods.logistic import fit_logistic
    from thawline.fitting.settings import LogisticSettings
    from thawline.fitting.tail import Tail

    class Stored:
        """Features in memory."""

        def __init__(self, values: torch.Tensor) -> None:
            self.values = values

        def __len__(self) -> int:
            return len(self.values)

        def __getitem__(self, indices: np.ndarray[Any, Any]) -> dict[str, torch.Tensor]:
            return {"features": self.values[torch.from_numpy(indices)]}

    drawn = np.random.default_rng(0)
    values = drawn.standard_normal((ANSWERED, DIM), dtype=np.float32)
    targets = (values @ drawn.standard_normal(DIM) + 10 * drawn.standard_normal(ANSWERED) > 0).astype(np.int64)
    rows = np.arange(ANSWERED)
    samples = FeatureSet(Stored(torch.from_numpy(values)), rows, targets, rows)
    how = LogisticSettings(name="logistic", head="linear", c=[0.01, 0.1, 1.0, 10.0, 100.0])
    began = time.process_time()
    fit_logistic(Tail(nn.Identity(), DenseHead(DIM, 2, one_logit=True)), samples, None, how, 0)
    print(json.dumps({"seconds": time.process_time() - began}))


def commands(place: Path, bundle: Path, photo: Path) -> dict[str, dict[str, float]]:
    """What the whole command takes, by strategy."""
    script = LOOPS / "ask.py"
    run([sys.executable, script, "prepare", place, bundle, photo])
    said = {}
    for strategy in ("uncertainty", "diversity", "badge", "random"):
        said[strategy] = json.loads(run([sys.executable, script, strategy, place]).output.splitlines()[-1])
    return said


def asked() -> dict[str, float]:
    """What `ask` says in a process of its own."""
    said: dict[str, float] = json.loads(subprocess.check_output([sys.executable, __file__, "--ask"]))
    return said


def main() -> None:
    """Measure, print and write."""
    options = parser(__doc__ or "", photos=500)
    options.add_argument("--usual-photos", type=int, default=100, help="the usual loop on so many, scaled up")
    given = options.parse_args()
    with workspace(given.data) as (data, place):
        photos, model = make_photos(data, given.photos, 1024, 768), make_clip(data)
        table, store = write_answers(photos, place), place / "store"
        words = ("task=preference", f"encoder.name={model}", "encoder.revision=null")
        train = partial(thawline_train, table, store)
        train(place / "before", *words, "method=logistic")
        train(place / "before", *words, *BLOCKS, "method.epochs=2")
        jobs: dict[str, Any] = {
            "usual": partial(loop, "clip_usual", photos, model, "--blocks", "2", "--take", str(given.usual_photos)),
            "logistic": partial(train, place / "logistic", *words, "method=logistic"),
            "blocks": partial(train, place / "blocks", *words, *BLOCKS, f"method.patience={EPOCHS}"),
            "ask": asked,
        }
        found = in_turn(given.rounds, jobs)
        trained = min((place / "logistic" / "train").iterdir())
        run([sys.executable, "-m", "thawline.cli", "export", trained, f"out={place / 'bundle'}"])
        command = commands(place / "asking", place / "bundle", next(photos.rglob("*.jpg")))
    alone = json.loads(subprocess.check_output([sys.executable, __file__, "--fit"]))
    usual = EPOCHS * given.photos * middle(found["usual"], "per_photo")
    fit = {name: min(one["spent"]["fit"] for one in found[name]) for name in ("logistic", "blocks")}
    ratios = {
        "logistic_seconds": round(fit["logistic"], 2),
        "blocks_seconds": round(fit["blocks"], 1),
        "usual_over_blocks": round(usual / middle(found["blocks"], "wall"), 1),
        "ask_seconds": {name: value for name, value in found["ask"][0].items() if name not in ("mb", "load_before")},
        "logistic_fit_seconds": round(alone["seconds"], 2),
        "usual_over_blocks_cpu": round(
            EPOCHS * given.photos * middle(found["usual"], "cpu_per_photo") / middle(found["blocks"], "cpu"), 1
        ),
        "command_seconds": {name: round(one["seconds"], 2) for name, one in command.items()},
        "command_cpu": {name: round(one["cpu"], 2) for name, one in command.items()},
        "command_mb": round(max(one["mb"] for one in command.values())),
        "ask_mb": round(middle(found["ask"], "mb")),
    }
    times = EPOCHS * given.photos / given.usual_photos
    say(f"usual: one epoch of {given.usual_photos} photos measured, times {times:g}")
    finish(given, ratios, {"photos": given.photos, "usual_seconds": usual, "runs": found})


if __name__ == "__main__":
    {"--ask": ask, "--fit": fit}.get("".join(sys.argv[1:]), main)()
