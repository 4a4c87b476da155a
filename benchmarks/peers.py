"""The job a user would otherwise do: a frozen ResNet50, a new head, 200 photos of 512 px, 5 epochs, batch 16.

Whole processes in turn: a loop with timm, plain Lightning, the HF Trainer, and `thawline train` from an empty store in
float32 and bfloat16. Nothing is scaled up. Weights are random: the speed does not depend on them. Needs the extra
`benchmark`. Quick: --photos 32.
"""

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from common import LOOPS, finish, in_turn, make_photos, middle, parser, run, thawline_train, workspace

EPOCHS = 5
PEERS = ("timm", "lightning", "trainer")
DTYPES = ("float32", "bfloat16")


def peer(kind: str, photos: Path) -> dict[str, Any]:
    """One of the others."""
    timing = run([sys.executable, LOOPS / "peers.py", kind, photos, "--epochs", str(EPOCHS)])
    return {"wall": timing.wall, "cpu": timing.cpu, "peak_mb": timing.peak_mb, "load": timing.load}


def train(photos: Path, weights: Path, scratch: Path, dtype: str) -> dict[str, Any]:
    """Ours."""
    store = scratch / "store"
    shutil.rmtree(store, ignore_errors=True)
    return thawline_train(
        photos,
        store,
        scratch / f"outputs-{dtype}",
        "encoder=resnet50",
        f"encoder.weights={weights}",
        "method=linear",
        f"method.epochs={EPOCHS}",
        "method.batch_size=16",
        f"method.patience={EPOCHS}",
        f"store.dtype={dtype}",
        f"encoder.precision={dtype}",
    )


def main() -> None:
    """Measure everything in turn."""
    given = parser(__doc__, photos=200).parse_args()
    with workspace(given.data) as (data, scratch):
        photos, weights = make_photos(data, given.photos, 512, 384), data / "resnet50.safetensors"
        if not weights.exists():
            subprocess.run([sys.executable, LOOPS / "peers.py", "weights", weights], check=True)
        jobs: dict[str, Any] = {kind: partial(peer, kind, photos) for kind in PEERS}
        jobs |= {f"thawline, {dtype}": partial(train, photos, weights, scratch, dtype) for dtype in DTYPES}
        found = in_turn(given.rounds, jobs)
    ratios = {}
    for kind in ("wall", "cpu"):
        fastest = min(middle(found[name], kind) for name in PEERS)
        ratios[kind] = {dtype: fastest / middle(found[f"thawline, {dtype}"], kind) for dtype in DTYPES}
    details = {"photos": given.photos, "cpu_ratios": {"fastest_peer_over_thawline": ratios["cpu"]}, "runs": found}
    finish(given, {"fastest_peer_over_thawline": ratios["wall"]}, details)


if __name__ == "__main__":
    main()
