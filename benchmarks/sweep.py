"""Sixty-four linear trials of 20 epochs on 500 stored photos: fitted together, one after another, and photos read anew.

python benchmarks/sweep.py --json sweep.json

Aims: `fits` and `sweep` at least 15, `usual_over_sweep` at least 500, `trial_beside_fit` at most 0.2.

- `fits`: the trainings alone, of 500 random features of 768 numbers, one process and one thread: as Lightning fits one
  after another (`--alone` of them are measured and scaled up) over all together.
- `sweep`: `thawline train PHOTOS -m …` with a full store, whole commands: `hydra/launcher=basic` (with
  `--basic-trials` of the trials, the others' time like theirs) over `hydra/launcher=packed`. `sweep_of_trials` leaves
  out what a sweep of two trials takes, start and end, on both sides.
- `usual_over_sweep`: the usual loop, which reads every photo in each epoch of each trial (one epoch of `--usual-photos`
  is measured and scaled up; nobody has the days), over the packed sweep, start and end included.
- `trial_beside_fit`: seconds of a packed trial that are not its fit: settings, directory, figures, predictions.

The photos are 1,024 by 768 px, the network is a CLIP ViT-B/32 with random weights, whose features have 512 numbers.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from common import finish, in_turn, loop, make_clip, make_photos, middle, parser, run, say, thawline_train, workspace

EPOCHS, BATCH, DIM, CLASSES = 20, 64, 768, 5
FITS = "--fits"  # what a process of its own is told


def fit(samples: int, trials: int, alone: int) -> None:
    """Fit random features both ways and print the seconds of each."""
    import numpy as np
    import torch
    from torch import nn

    from thawline.fitting.feature_set import FeatureSet
    from thawline.fitting.heads.head import DenseHead
    from thawline.fitting.lightning.classes import ClassesModule
    from thawline.fitting.lightning.data import TailData
    from thawline.fitting.lightning.feeding import Feeding
    from thawline.fitting.methods.gradient import Course, fit_gradient
    from thawline.fitting.packed.course import train_together
    from thawline.fitting.packed.members import Member
    from thawline.fitting.settings import DebugSettings, GradientSettings, TrainerSettings
    from thawline.fitting.tail import Tail

    class Stored:
        """Features in memory."""

        def __init__(self, values: torch.Tensor) -> None:
            self.values = values

        def __len__(self) -> int:
            return len(self.values)

        def __getitem__(self, indices: Any) -> dict[str, torch.Tensor]:
            return {"features": self.values[torch.from_numpy(indices)]}

    drawn = np.random.default_rng(0)
    rows = Stored(torch.from_numpy(drawn.standard_normal((samples, DIM), dtype=np.float32)))
    targets = drawn.integers(CLASSES, size=samples)
    everything = FeatureSet(rows, np.arange(samples), targets, np.arange(samples))
    train, inner = (everything.subset(np.flatnonzero((np.arange(samples) % 5 == 0) == held)) for held in (False, True))

    def member(number: int) -> Member:
        how = GradientSettings(
            name="linear",
            head="linear",
            epochs=EPOCHS,
            batch_size=BATCH,
            lr=1e-3 * (1 + number),
            weight_decay=0.01,
            patience=EPOCHS,
        )
        torch.manual_seed(0)
        module = ClassesModule(
            Tail(nn.Identity(), DenseHead(DIM, CLASSES)), how, targets=torch.from_numpy(train.targets), seed=0
        )
        return Member(module, TailData(train, inner, Feeding(BATCH, 0)), 0)

    course = Course(TrainerSettings(accelerator="cpu"), DebugSettings(), torch.device("cpu"))

    def lightning(numbers: Iterable[int]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for number in numbers:
                one = member(number)
                fit_gradient(one.module, one.data, one.module.settings, course, Path(folder) / str(number))

    lightning([0])  # which pays for what is imported
    began, used = time.perf_counter(), time.process_time()
    lightning(range(alone))
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    train_together([member(0), member(1)])
    members = [member(number) for number in range(trials)]
    began, used = time.perf_counter(), time.process_time()
    train_together(members)
    together = {"packed": time.perf_counter() - began, "packed_cpu": time.process_time() - used}
    print(json.dumps({"alone": wall * trials / alone, "alone_cpu": cpu * trials / alone, **together}))


def fits(samples: int, trials: int, alone: int) -> dict[str, float]:
    """What `fit` says in a process of its own."""
    words = [sys.executable, __file__, FITS, *map(str, (samples, trials, alone))]
    said: dict[str, float] = json.loads(subprocess.check_output(words).splitlines()[-1])
    return said


def sweep(photos: Path, store: Path, outputs: Path, model: Path, launcher: str, trials: int) -> dict[str, Any]:
    """A sweep of `trials` learning rates as a whole command, and what its trials say of themselves."""
    rates = ",".join(f"{1e-3 * (1 + number):g}" for number in range(trials))
    words: list[str | Path] = [
        *("train", photos, "-m", f"encoder.name={model}", "encoder.revision=null", "trainer=cpu", "logger=csv"),
        *("method=linear", f"method.epochs={EPOCHS}", f"method.patience={EPOCHS}", f"method.batch_size={BATCH}"),
        *(f"method.lr={rates}", f"hydra/launcher={launcher}", f"paths.outputs={outputs}"),
    ]
    timing = run([sys.executable, "-m", "thawline.cli", *words], {"THAWLINE_STORE": str(store)})
    newest = max((outputs / "sweep").iterdir())
    seconds = [json.loads((newest / str(n) / "metrics.json").read_text())["seconds"] for n in range(trials)]
    return {"wall": timing.wall, "cpu": timing.cpu, "load": timing.load, "trial": sum(seconds) / trials}


def main() -> None:
    """Measure, print and write."""
    options = parser(__doc__ or "", photos=500)
    options.add_argument("--trials", type=int, default=64)
    options.add_argument("--alone", type=int, default=16, help="so many of the trainings alone are measured")
    options.add_argument("--basic-trials", type=int, default=16, help="so many trials under the basic launcher")
    options.add_argument("--usual-photos", type=int, default=64, help="the usual loop on so many, scaled up")
    given = options.parse_args()
    with workspace(given.data) as (data, place):
        photos, model = make_photos(data, given.photos, 1024, 768), make_clip(data)
        store = place / "store"
        words = (f"encoder.name={model}", "encoder.revision=null", "trainer=cpu", "method=linear", "method.epochs=1")
        thawline_train(photos, store, place / "before", *words)
        swept = partial(sweep, photos, store, place / "out", model)
        found = in_turn(
            given.rounds,
            {
                "fits": partial(fits, given.photos, given.trials, given.alone),
                "packed": partial(swept, "packed", given.trials),
                "packed_two": partial(swept, "packed", 2),
                "basic": partial(swept, "basic", given.basic_trials),
                "basic_two": partial(swept, "basic", 2),
                "usual": partial(loop, "clip_usual", photos, model, "--take", str(given.usual_photos)),
            },
        )
    alone, together = middle(found["fits"], "alone"), middle(found["fits"], "packed")
    kinds = {}
    for kind in ("wall", "cpu"):
        packed, two = middle(found["packed"], kind), middle(found["packed_two"], kind)
        each = (middle(found["basic"], kind) - middle(found["basic_two"], kind)) / (given.basic_trials - 2)
        basic = middle(found["basic_two"], kind) + each * (given.trials - 2)
        kinds[kind] = (basic / packed, each * (given.trials - 2) / (packed - two), packed)
    usual = EPOCHS * given.trials * given.photos * middle(found["usual"], "per_photo")
    ratios = {
        "fits": round(alone / together, 1),
        "fits_cpu": round(middle(found["fits"], "alone_cpu") / middle(found["fits"], "packed_cpu"), 1),
        "sweep": round(kinds["wall"][0], 1),
        "sweep_cpu": round(kinds["cpu"][0], 1),
        "sweep_of_trials": round(kinds["wall"][1], 1),
        "sweep_of_trials_cpu": round(kinds["cpu"][1], 1),
        "usual_over_sweep": round(usual / kinds["wall"][2]),
        "trial_beside_fit": round(middle(found["packed"], "trial") - together / given.trials, 3),
    }
    say(f"usual: one epoch of {given.usual_photos} photos measured and scaled up to {usual:.0f} s; not run")
    say(f"basic: {given.basic_trials} of {given.trials} trials; alone: {given.alone} of {given.trials} trainings")
    finish(given, ratios, {"trials": given.trials, "photos": given.photos, "usual_seconds": usual, "runs": found})


if __name__ == "__main__":
    if sys.argv[1:2] == [FITS]:
        fit(*map(int, sys.argv[2:]))
    else:
        main()
