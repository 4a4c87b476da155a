"""Training both projections of CLIP's ViT-B/32 on 1,000 labelled pairs of 300 photos and 300 texts, five epochs.

(a) usual: PIL decode, CLIPProcessor and both towers in float32 for every pair, every epoch; one epoch is measured and
    multiplied by five. With 0 and with 2 loader workers, the faster of which counts. Start-up is not counted.
(b) cold: `thawline train PAIRS task=match` from an empty store, whole process, judging and reports included: a photo in
    many pairs is decoded and encoded once, a text in many pairs is encoded once.

Both pad texts to the longest one and take batches of one size. Weights are random: the speed does not depend on them.
Quick: --photos 30 --pairs 100 --texts 30.
"""

import csv
import random
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from common import finish, in_turn, loop, make_clip, make_photos, middle, parser, thawline_train, workspace

EPOCHS, BATCH = 5, 16
SIZE = 1024, 768  # px
PAGE, SAME = 10, 2  # photos that are shown with each other's texts and no others; those of them of one product
# Words that the tokenizer of `make_clip` knows whole, as CLIP's own knows common words.
PROMPTS = Path(__file__).parents[1] / "conf/prompts/events.yaml"
Row = tuple[str, str, int]


def make_pairs(data: Path, photos: Path, pairs: int, texts: int, words: tuple[int, int]) -> Path:
    """A CSV of `pairs` rows, half of them matches: the texts of its product are true of a photo, its page's are not."""
    draw = random.Random(0)
    known = sorted({w for w in PROMPTS.read_text(encoding="utf-8").lower().split() if w.isalpha()})
    said = [" ".join(draw.choices(known, k=draw.randint(*words))) for _ in range(texts)]
    files = sorted(photos.rglob("*.jpg"), key=lambda path: path.name)
    of_label: tuple[list[Row], list[Row]] = ([], [])
    for i, file in enumerate(files):
        page = range(i - i % PAGE, min(i - i % PAGE + PAGE, len(files), texts))
        for other in page:
            label = int(other // SAME == i // SAME)
            of_label[label].append((file.relative_to(data).as_posix(), said[other], label))
    rows = [row for rows in of_label for row in draw.sample(rows, min(len(rows), pairs // 2))]
    draw.shuffle(rows)
    target = data / f"pairs-{pairs}-{len(files)}-{texts}.csv"
    with target.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(("image_path", "text", "label"))
        writer.writerows(rows)
    return target


def train(pairs: Path, model: Path, scratch: Path) -> dict[str, Any]:
    """(b)."""
    store = scratch / "store"
    shutil.rmtree(store, ignore_errors=True)
    return thawline_train(
        pairs,
        store,
        scratch / "outputs",
        "task=match",
        f"encoder.name={model}",
        "encoder.revision=null",
        f"method.epochs={EPOCHS}",
        f"method.patience={EPOCHS}",
        f"method.batch_size={BATCH}",
    )


def main() -> None:
    """Measure everything in turn."""
    options = parser(__doc__, photos=300)
    options.add_argument("--pairs", type=int, default=1000, help="how many pairs (1000)")
    options.add_argument("--texts", type=int, default=300, help="how many distinct texts at most (300)")
    options.add_argument("--words", type=int, nargs=2, default=(6, 20), help="fewest and most words of a text (6 20)")
    options.add_argument("--usual-pairs", type=int, default=0, help="(a) on so many of the pairs, scaled up; 0: all")
    given = options.parse_args()
    with workspace(given.data) as (data, scratch):
        model = make_clip(data)
        photos = make_photos(data, given.photos, *SIZE)
        file = make_pairs(data, photos, given.pairs, given.texts, given.words)
        with file.open(encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
        words = ("--batch", str(BATCH), "--take", str(given.usual_pairs))
        jobs: dict[str, Any] = {
            f"usual, {workers} workers": partial(loop, "pairs_usual", file, model, *words, "--workers", str(workers))
            for workers in (0, 2)
        }
        jobs["cold"] = partial(train, file, model, scratch)
        found = in_turn(given.rounds, jobs)
    usual = {name: found[name] for name in jobs if name != "cold"}
    ratios = {
        kind: EPOCHS * len(rows) * min(middle(runs, key) for runs in usual.values()) / middle(found["cold"], kind)
        for kind, key in (("wall", "per_pair"), ("cpu", "cpu_per_pair"))
    }
    measured = given.usual_pairs or len(rows)
    details = {
        "pairs": len(rows),
        "photos": len({row["image_path"] for row in rows}),
        "texts": len({row["text"] for row in rows}),
        "note": f"usual: one epoch of {measured} pairs measured, times {EPOCHS * len(rows) / measured:g}",
        "cpu_ratios": {"usual_over_cold": ratios["cpu"]},
        "runs": found,
    }
    finish(given, {"usual_over_cold": ratios["wall"]}, details)


if __name__ == "__main__":
    main()
