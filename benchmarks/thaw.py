"""Training the last two blocks of CLIP's ViT-B/32 and a new head, ten epochs, at 1,024 px and at 12 megapixels.

(a) usual: PIL decode, CLIPProcessor and the whole vision tower in float32, every epoch; one epoch is measured and
    multiplied by ten. With 0 and with 2 loader workers, the faster of which counts. Start-up is not counted.
(b) cold: `thawline train` from an empty store, whole process: what lies below the two blocks is computed once. In
    float32, and in bfloat16: arithmetic of the frozen part and of the blocks, and storage.

Weights are random: the speed does not depend on them. Quick: --photos 32.
"""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from common import finish, in_turn, loop, make_clip, make_photos, middle, parser, thawline_train, workspace

EPOCHS = 10
SIZES = {"1024 px": (1024, 768), "12 MP": (4000, 3000)}
PRECISIONS: dict[str, list[str]] = {
    "float32": [],
    "bfloat16": ["store.dtype=bfloat16", "encoder.precision=bfloat16", "trainer.precision=bf16-mixed"],
}


def train(photos: Path, model: Path, scratch: Path, precision: str) -> dict[str, Any]:
    """(b)."""
    store = scratch / "store"
    shutil.rmtree(store, ignore_errors=True)
    return thawline_train(
        photos,
        store,
        scratch / f"outputs-{precision}",
        f"encoder.name={model}",
        "encoder.revision=null",
        "method=finetune",
        "thaw=2",
        f"method.epochs={EPOCHS}",
        "method.batch_size=16",
        f"method.patience={EPOCHS}",
        *PRECISIONS[precision],
    )


def main() -> None:
    """Measure everything in turn."""
    options = parser(__doc__, photos=200)
    options.add_argument("--usual-photos", type=int, default=0, help="(a) on so many of the photos, scaled up; 0: all")
    given = options.parse_args()
    jobs: dict[str, Any] = {}
    with workspace(given.data) as (data, scratch):
        model = make_clip(data)
        for size, (width, height) in SIZES.items():
            photos = make_photos(data, given.photos, width, height)
            words = ("--blocks", "2", "--take", str(given.usual_photos))
            for workers in (0, 2):
                usual = partial(loop, "clip_usual", photos, model, *words, "--workers", str(workers))
                jobs[f"usual, {size}, {workers} workers"] = usual
            for precision in PRECISIONS:
                jobs[f"cold, {size}, {precision}"] = partial(train, photos, model, scratch, precision)
        found = in_turn(given.rounds, jobs)
    ratios: dict[str, dict[str, dict[str, float]]] = {}
    for kind, key in (("wall", "per_photo"), ("cpu", "cpu_per_photo")):
        ratios[kind] = {}
        for size in SIZES:
            per_photo = min(middle(found[f"usual, {size}, {workers} workers"], key) for workers in (0, 2))
            usual_seconds = EPOCHS * given.photos * per_photo
            cold = {precision: middle(found[f"cold, {size}, {precision}"], kind) for precision in PRECISIONS}
            ratios[kind][size] = {precision: usual_seconds / seconds for precision, seconds in cold.items()}
    measured = given.usual_photos or given.photos
    note = f"usual: one epoch of {measured} photos measured, times {EPOCHS * given.photos / measured:g}"
    details = {"photos": given.photos, "note": note, "cpu_ratios": {"usual_over_cold": ratios["cpu"]}, "runs": found}
    finish(given, {"usual_over_cold": ratios["wall"]}, details)


if __name__ == "__main__":
    main()
