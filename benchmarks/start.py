"""What a command costs before it computes: processor time of whole processes beside their libraries' imports.

(a) `import torch` and `import torch, lightning.pytorch`, as they come.
(b) `thawline train` on stored features of a few photos with a tiny network: a linear head by gradient descent, and a
    logistic regression, each with `logger=csv` and with `logger=none`, which draws no pictures.
(c) `thawline.load` and the first answer.

Processor time, since neighbours move it less than wall-clock time. Each is run in turn, `--rounds` times.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from common import finish, in_turn, make_photos, middle, parser, run, thawline_train, workspace

TINY = ("encoder=tiny_clip", "trainer=cpu")
METHODS = ("linear", "logistic")
LOGGERS = ("csv", "none")
ANSWER = "import sys, thawline; print(next(iter(thawline.load(sys.argv[1], device='cpu').predict([sys.argv[2]]))))"


def python(code: str, *words: str | Path) -> dict[str, Any]:
    """A process that runs `code`."""
    timing = run([sys.executable, "-c", code, *words])
    return {"wall": timing.wall, "cpu": timing.cpu, "peak_mb": timing.peak_mb}


def bundle_of(outputs: Path) -> Path:
    """The bundle of the first run under `outputs`."""
    first = sorted((outputs / "train").iterdir())[0]
    subprocess.run([sys.executable, "-m", "thawline.cli", "export", first], check=True, capture_output=True)
    return first / "bundle"


def main() -> None:
    """Measure everything in turn."""
    given = parser(__doc__, photos=50).parse_args()
    with workspace(given.data) as (data, scratch):
        photos = make_photos(data, given.photos, 640, 480)
        outputs = scratch / "outputs"
        train = partial(thawline_train, photos, scratch / "store", outputs, *TINY)
        for method in METHODS:  # fills the store
            train(f"method={method}")
        answer = partial(python, ANSWER, bundle_of(outputs), next(photos.rglob("*.jpg")))
        jobs: dict[str, Any] = {
            "torch": partial(python, "import torch"),
            "torch, lightning": partial(python, "import torch, lightning.pytorch"),
            "answer": answer,
        }
        for method in METHODS:
            for logger in LOGGERS:
                jobs[f"{method}, {logger}"] = partial(train, f"method={method}", f"logger={logger}")
        found = in_turn(given.rounds, jobs)
    cpu = {name: middle(found[name], "cpu") for name in jobs}
    beside = {"linear": "torch, lightning", "logistic": "torch"}
    ratios = {
        f"{method}, {logger} / {beside[method]}": cpu[f"{method}, {logger}"] / cpu[beside[method]]
        for method in METHODS
        for logger in LOGGERS
    }
    finish(given, {**ratios, "answer, seconds": middle(found["answer"], "wall")}, {"cpu_seconds": cpu, "runs": found})


if __name__ == "__main__":
    main()
