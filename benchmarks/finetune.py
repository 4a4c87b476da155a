"""Fine-tuning CLIP ViT-B/32 on 12-megapixel photos: the usual loop, `thawline train`, and the floor.

(a) usual: PIL decode, CLIPProcessor and the whole network, every epoch; one epoch is measured and multiplied by ten.
    With 0 and with 2 loader workers, the faster of which counts. Start-up is not counted.
(b) cold: `thawline train` from an empty store, whole process, ten epochs.
(c) warm: the same from the full store.
(d) floor: the fastest reduced decode and one forward pass alone, on all cores.

Weights are random: the speed does not depend on them. Quick: --photos 48.
"""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from common import Results, finish, in_turn, loop, make_clip, make_photos, middle, parser, thawline_train, workspace

EPOCHS = 10
DTYPES = ("float32", "bfloat16")


def train(photos: Path, model: Path, store: Path, outputs: Path, dtype: str, *, empty: bool) -> dict[str, Any]:
    """(b) or (c)."""
    if empty:
        shutil.rmtree(store, ignore_errors=True)
    return thawline_train(
        photos,
        store,
        outputs,
        f"encoder.name={model}",
        "encoder.revision=null",
        f"method.epochs={EPOCHS}",
        "method.batch_size=16",
        f"method.patience={EPOCHS}",
        f"store.dtype={dtype}",
        f"encoder.precision={dtype}",
    )


def compare(found: Results, kind: str, usual: float) -> dict[str, dict[str, float]]:
    """The ratios by wall-clock seconds (`wall`), or by those of all cores (`cpu`), which neighbours move less."""
    ratios: dict[str, dict[str, float]] = {"usual_over_cold": {}, "usual_over_warm": {}, "cold_over_floor": {}}
    for dtype in DTYPES:
        cold, warm = (middle(found[f"{what}, {dtype}"], kind) for what in ("cold", "warm"))
        floor = middle(found[f"floor, {dtype}"], "pass" if kind == "wall" else "cpu")
        ratios["usual_over_cold"][dtype] = usual / cold
        ratios["usual_over_warm"][dtype] = usual / warm
        ratios["cold_over_floor"][dtype] = cold / floor
    return ratios


def main() -> None:
    """Measure everything in turn."""
    options = parser(__doc__, photos=500)
    options.add_argument("--usual-photos", type=int, default=0, help="(a) on so many of the photos, scaled up; 0: all")
    given = options.parse_args()
    with workspace(given.data) as (data, scratch):
        photos, model = make_photos(data, given.photos, 4000, 3000), make_clip(data)
        usual = partial(loop, "clip_usual", photos, model, "--take", str(given.usual_photos))
        jobs: dict[str, Any] = {f"usual, {n} workers": partial(usual, "--workers", str(n)) for n in (0, 2)}
        for dtype in DTYPES:
            store, outputs = scratch / f"store-{dtype}", scratch / f"outputs-{dtype}"
            run = partial(train, photos, model, store, outputs, dtype)
            jobs[f"floor, {dtype}"] = partial(loop, "clip_floor", photos, model, "--dtype", dtype)
            jobs[f"cold, {dtype}"] = partial(run, empty=True)
            jobs[f"warm, {dtype}"] = partial(run, empty=False)
        found = in_turn(given.rounds, jobs)
    scale = EPOCHS * given.photos
    usual_of = {
        kind: min(scale * middle(found[f"usual, {n} workers"], key) for n in (0, 2))
        for kind, key in (("wall", "per_photo"), ("cpu", "cpu_per_photo"))
    }
    ratios = {kind: compare(found, kind, usual_of[kind]) for kind in usual_of}
    measured = given.usual_photos or given.photos
    finish(
        given,
        ratios["wall"],
        {
            "photos": given.photos,
            "note": f"usual: one epoch of {measured} photos measured, times {EPOCHS * given.photos / measured:g}",
            "usual_seconds": usual_of,
            "cpu_ratios": ratios["cpu"],
            "runs": found,
        },
    )


if __name__ == "__main__":
    main()
