"""What does a trial cost beside its training? A sweep in one process, in processor seconds a trial.

python tools/measure_trials.py PHOTOS encoder=mobilenetv2_035 encoder.weights=FILE method=finetune thaw=1
method.epochs=2 method.lr=1e-3,2e-3,3e-3,4e-3,5e-3

Beside it is all that is not between the first step and the last: settings, data, the Trainer, checkpoints, predictions,
figures, files. Trials are those of the words, with `logger=csv` and `hydra/launcher=basic`; the first, which imports,
is left out. The aim is 0.2 s.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from thawline.cli import main as thawline
from thawline.commands.sweeps.trial import run_trial
from thawline.fitting.lightning.module import TailModule

AIM = 0.2


class Clock:
    """Processor seconds of trials, and of their trainings."""

    def __init__(self) -> None:
        """Nothing was run yet."""
        self.trials: list[tuple[float, float, float]] = []
        self._trained = self._began = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within, note when trials and trainings of this process begin and end."""
        began, ended = TailModule.on_train_start, TailModule.on_train_end

        def on_train_start(module: TailModule) -> None:
            self._began = time.process_time()
            began(module)

        def on_train_end(module: TailModule) -> None:
            ended(module)
            self._trained += time.process_time() - self._began

        def run(*words: Any, **named: Any) -> None:
            start, trained = time.process_time(), self._trained
            run_trial(*words, **named)
            self.trials.append((start, time.process_time(), self._trained - trained))

        with (
            patch.object(TailModule, "on_train_start", on_train_start),
            patch.object(TailModule, "on_train_end", on_train_end),
            patch("thawline.commands.sweeps.packing.run_trial", run),
        ):
            yield

    def beside(self) -> list[float]:
        """Of each trial but the first what was not its training, from the end of the one before it on."""
        ends = [end for _, end, _ in self.trials]
        return [end - before - trained for before, (_, end, trained) in zip(ends, self.trials[1:], strict=False)]


def main() -> int:
    """Run the sweep and print what a trial costs; exit status 1 where the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+", help="photos and settings, as for thawline train -m")
    given = parser.parse_args()
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, clock.watching():
        own = ["logger=csv", "hydra/launcher=basic", f"hydra.sweep.dir={Path(folder) / 'sweep'}"]
        thawline(["train", *given.words, "-m", *own])
    beside = clock.beside()
    middle = float(np.median(beside))
    each = ", ".join(f"{seconds:.2f}" for seconds in beside)
    print(f"{middle:.2f} processor seconds a trial beside its training (median of {each})")
    return 0 if middle <= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
