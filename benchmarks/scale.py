"""What each part of a run takes by the number of samples, without any photo: the constants of docs/scale.md.

Facts, rows of 512 numbers and predictions are drawn; files are not read and no network runs, so a million samples are
minutes. Each part runs in a process of its own, so that its memory is its own. Quick: --samples 1000 10000.
"""

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import finish, parser, say

SHARE = 1024  # rows that a cluster's process gives at a time
BATCH = 16  # rows that a process alone stores at a time
# Samples of two parts at most: one waits for the disk after each batch, one compares each with each.
MOST = {"rows, 16 at a time": 2_000, "near-duplicates": 20_000}
Measured = dict[str, float]


def digests(count: int) -> list[str]:
    """As many as there are samples."""
    return [f"{number:064x}" for number in range(count)]


def facts(count: int) -> list[Any]:
    """Of photos that look like no other."""
    from thawline.data.photos.photo import PhotoFacts

    hashes = np.random.default_rng(0).integers(0, 256, (count, 32), dtype=np.uint8)
    return [
        PhotoFacts(digest, "JPEG", 640, 480, one.tobytes().hex())
        for digest, one in zip(digests(count), hashes, strict=True)
    ]


def remembered(count: int, root: Path) -> Measured:
    """What the store remembers of files: written, and looked up by the next run."""
    from thawline.features.files import FileIndex, FileRecord, Stamp
    from thawline.features.kinds import PHOTOS

    index = FileIndex(root, PHOTOS)
    stamps = {Path(f"/photos/class/{number:08}.jpg"): Stamp(40_000, number, number, True) for number in range(count)}
    seen = [FileRecord(path, stamp, one) for (path, stamp), one in zip(stamps.items(), facts(count), strict=True)]
    first = clock()
    for start in range(0, count, SHARE):
        index.remember(seen[start : start + SHARE])
    second = clock()
    found = len(index.recall(stamps))
    assert found == count  # noqa: S101  # else nothing was measured
    size = (root / PHOTOS.index).stat().st_size
    return {"write_us": second - first, "look_up_us": clock() - second, "bytes": size}


def stored(count: int, root: Path, at_once: int) -> Measured:
    """Rows of a shelf: written so many at a time, listed, and compared with their checksums."""
    import torch

    from thawline.features.store.store import FeatureStore

    shelf = FeatureStore(root).shelf({"dtype": "float32"}, "features")
    rows, names = {"features": torch.randn(at_once, 512)}, digests(count)
    wall, first = time.perf_counter(), clock()
    with shelf.filling():
        for start in range(0, count, at_once):
            some = names[start : start + at_once]
            shelf.append(some, {"features": rows["features"][: len(some)]})
    wall, second = time.perf_counter() - wall, clock()
    shelf.digests()
    third = clock()
    shelf.rows(names)
    return {
        "write_us": second - first,
        "write_wall_us": wall,
        "list_us": third - second,
        "read_us": clock() - third,
        "bytes": sum(path.stat().st_size for path in shelf.folder.iterdir()),
    }


def compared(count: int, _: Path) -> Measured:
    """Near-duplicates: each photo with each, in all orientations."""
    from thawline.data.photos.copies.hashes import near_hashes

    hashes = [one.phash for one in facts(count)]
    first = clock()
    near_hashes(hashes)
    return {"compare_us": clock() - first}


def split(count: int, _: Path) -> Measured:
    """A grouped, stratified hold-out of five classes, in groups of two."""
    from thawline.data.splits import holdout

    labels, groups = np.arange(count) // 2 % 5, np.arange(count) // 2
    first = clock()
    holdout(labels, groups, seed=0)
    return {"holdout_us": clock() - first}


def judged(count: int, root: Path) -> Measured:
    """Predictions: written, read, judged with intervals, and compared with a baseline's."""
    from thawline.runs.predictions import Predictions, read_predictions, write_predictions
    from thawline.targets.predicted import compare_baseline, judge_said

    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(5), count).astype(np.float32)
    labels, groups = rng.integers(0, 5, count), np.arange(count) // 2
    paths = tuple(f"class/{number:08}.jpg" for number in range(count))
    classes = ("a", "b", "c", "d", "e")
    said = Predictions(paths, groups, labels, ("holdout",) * count, probabilities, np.zeros(count, np.int64), classes)
    first = clock()
    write_predictions(root / "predictions.parquet", said)
    second = clock()
    read = read_predictions(root / "predictions.parquet")
    third = clock()
    judge_said(read)
    fourth = clock()
    compare_baseline(read, "linear", "majority class")
    return {
        "write_us": second - first,
        "read_us": third - second,
        "judge_us": fourth - third,
        "compare_us": clock() - fourth,
        "bytes": (root / "predictions.parquet").stat().st_size,
    }


PARTS: dict[str, Callable[[int, Path], Measured]] = {
    "files remembered": remembered,
    "rows, 16 at a time": lambda count, root: stored(count, root, BATCH),
    "rows, 1,024 at a time": lambda count, root: stored(count, root, SHARE),
    "near-duplicates": compared,
    "split": split,
    "predictions": judged,
}


def clock() -> float:
    """Processor seconds of this process."""
    return time.process_time()


def part(name: str, count: int, done: Any) -> None:
    """Measure one part, each figure by sample, and the memory that it took beyond its imports."""
    for module in ("torch", "scipy.special", "thawline.targets.predicted", "thawline.features.store.store"):
        __import__(module)
    samples = min(count, MOST.get(name, count))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory(prefix="thawline-scale-") as scratch:
        found = PARTS[name](samples, Path(scratch))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    scale = {"us": 1e6, "bytes": 1.0}
    figures = {key: value * scale[key.rpartition("_")[2]] / samples for key, value in found.items()}
    done.put({**figures, "memory_bytes": grown / samples, "samples": samples})


def main() -> None:
    """Measure each part with each number of samples."""
    options = parser(__doc__)
    options.add_argument("--samples", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    given = options.parse_args()
    context = multiprocessing.get_context("spawn")
    results: dict[str, list[Measured]] = {}
    for name in given.parts:
        for count in given.samples:
            done = context.Queue()
            process = context.Process(target=part, args=(name, count, done))
            process.start()
            results.setdefault(name, []).append(done.get())
            process.join()
            say(f"{name}: {json.dumps({key: round(value, 2) for key, value in results[name][-1].items()})}")
    ratios = {
        name: {key: found[-1][key] / found[0][key] for key in found[0] if key != "samples" and found[0][key]}
        for name, found in results.items()
    }
    finish(given, ratios, {"parts": results})


if __name__ == "__main__":
    main()
