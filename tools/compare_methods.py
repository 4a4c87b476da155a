"""Methods beside each other, as docs/methods.md has them.

python tools/compare_methods.py events PHOTOS WEIGHTS --depths 1
python tools/compare_methods.py few_shot

The first prints method × encoder × depth over real networks, and what method=auto comes to; the second few photos a
class of the sample, by the tiny CLIP. WEIGHTS is a folder with the weights of MobileNetV2 0.35, SqueezeNet 1.0 and
EfficientNet-Lite0. Each row is a `thawline train` of its own with grouped cross-validation; all share one store.
"""

import argparse
import io
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.cli import main as thawline
from thawline.commands.app import settings_of
from thawline.fitting.fit import fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.predict import predict_fold
from thawline.samples.events import make_events
from thawline.tasks.capabilities import TaskProblem, task_reader
from thawline.tasks.planning import how_to_fit

ENCODERS = {
    "mobilenetv2_035": "mobilenetv2_035_backbone_timm.safetensors",
    "squeezenet": "squeezenet1_0_torchvision.safetensors",
    "efficientnet_lite0": "efficientnet_lite0_timm.safetensors",
}
FIXED = ("gda", "logistic", "linear", "mlp")
CLIP = (
    *("zero_shot", "ss_text", "clap", "wise_ft", "tip_adapter", "gda_zero_shot", "projection", "clip_lora"),
    *("gda", "logistic"),
)
# The paper's 500 steps for each photo a class, in all blocks, are hours without a GPU: a twentieth of them, ten times
# as large, in the last block of each encoder.
SHORT = {"clip_lora": ("thaw=1", "method.steps=25", "method.lr=2e-3", "method.epochs=5")}
SHOTS, SEEDS = (4, 8, 16), 5


def run(words: Sequence[str], place: Path) -> dict[str, Any]:
    """The `metrics.json` of one `thawline train`, its processor seconds as `cpu`, and its directory as `run`."""
    own = ["logger=none", "trainer=cpu", f"hydra.run.dir={place}", f"hydra.sweep.dir={place}"]
    began = time.process_time()
    with redirect_stdout(io.StringIO()) as said:
        try:
            thawline(["train", *words, *own])
        except SystemExit as end:
            if end.code:
                raise SystemExit(f"{' '.join(words)}: {said.getvalue()[-2000:]}") from end
    spent = time.process_time() - began
    return {**json.loads((place / "metrics.json").read_text()), "cpu": spent, "run": place}


def compare_events(photos: Path, weights: Path, cv: int, depths: Sequence[int], folder: Path) -> Iterator[str]:
    """The table's lines: fixed methods at each depth, then what `method=auto` comes to, of each encoder."""
    yield "| encoder | method | thawed | accuracy, % | processor seconds | features computed + read |"
    yield "| --- | --- | --- | --- | --- | --- |"
    fixed: dict[str, list[dict[str, Any]]] = {name: [] for name in ENCODERS}
    chosen: dict[str, dict[str, Any]] = {}
    plan: list[tuple[str, str, int | None]] = [(encoder, method, None) for method in FIXED for encoder in ENCODERS]
    plan += [(encoder, "auto", None) for encoder in ENCODERS]
    plan += [(encoder, "finetune", depth) for depth in depths for encoder in ENCODERS]
    for number, (encoder, method, depth) in enumerate(plan):
        words = [str(photos), f"encoder={encoder}", f"encoder.weights={weights / ENCODERS[encoder]}", f"cv={cv}"]
        words += [f"method={method}", *(["method.methods=[gda,logistic,linear,mlp]"] if method == "auto" else [])]
        words += [] if depth is None else [f"thaw={depth}"]
        found = run(words, folder / str(number))
        if method == "auto":
            chosen[encoder] = found
            taken = json.loads((found["run"] / "chosen.json").read_text())["chosen"]
            method = f"auto (on all data {taken.removeprefix('method=')})"
        else:
            fixed[encoder].append(found)
        counts = found["features"]
        yield (
            f"| {encoder} | {method} | {depth or 'head'} | {_figure(found)} | {found['cpu']:.1f} | "
            f"{counts['computed']} + {counts['read']} |"
        )
    for encoder, auto in chosen.items():
        best = max(fixed[encoder], key=lambda one: one["judged"]["accuracy"]["value"])
        holds = auto["judged"]["accuracy"]["value"] >= best["judged"]["accuracy"]["low"]
        yield f"{encoder}: auto is {'not ' if holds else ''}below the best fixed row by more than its interval"


def _figure(found: dict[str, Any]) -> str:
    value, low, high = (100 * found["judged"]["accuracy"][key] for key in ("value", "low", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def compare_few_shot(folder: Path, photos: int, seeds: int, methods: Sequence[str]) -> Iterator[str]:
    """The table's lines: mean accuracy over the seeds, its standard deviation, and the points above zero-shot."""
    sample = folder / "sample"
    make_events(sample, photos_per_class=photos, seed=1)
    scores: dict[tuple[str, int], list[float]] = {}
    for method in methods:
        words = [f"data.path={sample}", "encoder=tiny_clip", f"method={method}", "trainer=cpu", "logger=none"]
        words += SHORT.get(method, ())
        settings = settings_of("train", words)
        device = torch.device("cpu")
        problem = task_reader(settings.task)(settings, device)
        for shots in SHOTS:
            for seed in range(seeds):
                fold = few(problem, shots, seed)
                how = how_to_fit(replace(settings, seed=seed), folder / f"{method}{shots}-{seed}", device, None)
                said = predict_fold(problem, fold, fit_fold(problem, fold, how), device)
                right = float((said.probabilities.argmax(axis=1) == said.labels).mean())
                scores.setdefault((method, shots), []).append(right)
    yield "| method | " + " | ".join(f"{shots} a class" for shots in SHOTS) + " |"
    yield "| --- |" + " --- |" * len(SHOTS)
    for method in methods:
        cells = []
        for shots in SHOTS:
            mine, base = np.array(scores[method, shots]), np.array(scores["zero_shot", shots])
            above = f" ({100 * (mine - base).mean():+.1f})" if method != "zero_shot" else ""
            cells.append(f"{100 * mine.mean():.1f} ± {100 * mine.std(ddof=1):.1f}{above}")
        yield f"| `{method}` | " + " | ".join(cells) + " |"


def few(problem: TaskProblem, shots: int, seed: int) -> Fold:
    """So many photos of each class to train on, of groups of their own, and all of other groups to judge."""
    draw = np.random.default_rng(seed)
    train: list[int] = []
    for label in range(len(problem.classes)):
        mine: NDArray[np.int64] = draw.permutation(np.flatnonzero(problem.labels == label))
        _, first = np.unique(problem.groups[mine], return_index=True)
        once = mine[np.sort(first)]
        train += [*once[:shots], *np.setdiff1d(mine, once)[: max(0, shots - len(once))]]
    held = np.flatnonzero(~np.isin(problem.groups, problem.groups[train]))
    return Fold(f"shots{shots}-{seed}", np.sort(np.array(train)), None, held)


def main() -> None:
    """Print the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parsers = parser.add_subparsers(dest="what", required=True)
    events = parsers.add_parser("events")
    events.add_argument("photos", type=Path)
    events.add_argument("weights", type=Path)
    events.add_argument("--cv", type=int, default=5)
    events.add_argument("--depths", type=int, nargs="*", default=[])
    few_shot = parsers.add_parser("few_shot")
    few_shot.add_argument("--photos", type=int, default=100, help="photos a class of the sample that is drawn")
    few_shot.add_argument("--seeds", type=int, default=SEEDS)
    few_shot.add_argument("--methods", nargs="*", default=CLIP, help="zero_shot and others")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.what == "events":
            lines = compare_events(given.photos, given.weights, given.cv, given.depths, Path(folder))
        else:
            lines = compare_few_shot(Path(folder), given.photos, given.seeds, given.methods)
        for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    main()
