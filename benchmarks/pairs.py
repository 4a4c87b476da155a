"""What preparing many image–text pairs costs: seconds and peak memory, each part in a process of its own.

    python benchmarks/pairs.py            # all parts
    python benchmarks/pairs.py split      # one of them

split       100,000 pairs as arrays to three sides: four shapes of the image–text graph
check       100,000 rows of CSV read, checked and numbered (300 small images)
mismatches  20,000 distinct images and texts: random features of 512 numbers from a feature store, an index of them, one
            hard and one random mismatch for each match
"""

import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from thawline.data.pairs.graph import components, find_grouping, split_pairs, text_ids
from thawline.data.pairs.mismatches import find_similar, make_mismatches
from thawline.data.pairs.table import read_pairs
from thawline.features.store.store import FeatureStore

PAIRS = 100_000
DISTINCT = 20_000
WIDTH = 512


def split() -> None:
    """Split pairs whose components are small families, single pairs, or one giant."""
    rng = np.random.default_rng(0)
    family, each = rng.integers(0, PAIRS // 10, PAIRS), np.arange(PAIRS)
    shapes = {
        "small families": (family * 4 + rng.integers(0, 4, PAIRS), family * 6 + rng.integers(0, 6, PAIRS)),
        "single pairs": (each, each),
        "one giant": (rng.integers(0, 30_000, PAIRS), rng.integers(0, 30_000, PAIRS)),
        "one giant, few shared texts": (each // 3, rng.integers(0, 90_000, PAIRS)),
    }
    labels = rng.integers(0, 2, PAIRS)
    difficulty = [("random", "hard")[i] for i in rng.integers(0, 2, PAIRS).tolist()]
    for name, (images, texts) in shapes.items():
        start = time.perf_counter()
        grouping = find_grouping(images, texts, labels)
        sides = split_pairs(grouping, texts, labels, difficulty, seed=0)
        seconds = time.perf_counter() - start
        counts = {side or "dropped": int((sides == side).sum()) for side in ("train", "val", "test", "")}
        print(f"  {name}: {seconds:.1f} s, {len(np.unique(components(images, texts)))} components, {counts}")


def check() -> None:
    """Read and check a CSV."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(300):
            (Path(folder) / f"{i}.jpg").write_bytes(b"")
        words = [f"word{i}" for i in range(2000)]
        with (Path(folder) / "pairs.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("image_path", "text", "label"))
            for i in range(PAIRS):
                writer.writerow((f"{i % 300}.jpg", " ".join(words[j] for j in rng.integers(0, 2000, 12)), i % 2))
        start = time.perf_counter()
        table = read_pairs([(Path(folder) / "pairs.csv", None)], None)
        text_ids([pair.text for pair in table.pairs])
        print(f"  {len(table.pairs)} pairs: {time.perf_counter() - start:.1f} s")


def mismatches() -> None:
    """Find hard and random mismatches on stored features."""
    with tempfile.TemporaryDirectory() as folder:
        shelf = FeatureStore(Path(folder)).shelf({"benchmark": "pairs"}, "random features")
        digests = [f"{i:064x}" for i in range(DISTINCT)]
        features = torch.randn(DISTINCT, WIDTH, generator=torch.Generator().manual_seed(0))
        with shelf.filling():
            shelf.append(digests, {"features": features})
        del features
        each = np.arange(DISTINCT)
        for by in ("texts", "images"):
            start = time.perf_counter()
            similar = find_similar(shelf.rows(digests)[:]["features"].numpy(), each, neighbours=18)
            made = make_mismatches(each, each, random=1, hard=1, similar=similar)
            print(f"  by {by}: {len(made)} mismatches, {time.perf_counter() - start:.1f} s")
        found = {m.match: m.source for m in made if m.difficulty == "hard"}
        print(f"  nearest of all, found by the index: {_recall(shelf.rows(digests)[:]['features'], found):.2f} of 500")


def _recall(features: torch.Tensor, found: dict[int, int]) -> float:
    unit = torch.nn.functional.normalize(features, dim=1)
    cosines = unit[:500] @ unit.T
    cosines[torch.arange(500), torch.arange(500)] = -1
    return float(np.mean([found.get(i) == nearest for i, nearest in enumerate(cosines.argmax(1).tolist())]))


PARTS: dict[str, Callable[[], None]] = {"split": split, "check": check, "mismatches": mismatches}


def main() -> None:
    """Run the parts named, or all of them."""
    if len(sys.argv) == 3 and sys.argv[1] == "--inside":
        PARTS[sys.argv[2]]()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform != "darwin" else 2**30)
        print(f"  peak memory {peak:.2f} GiB")
        return
    for part in sys.argv[1:] or PARTS:
        print(part, flush=True)
        subprocess.run([sys.executable, __file__, "--inside", part], check=True)


if __name__ == "__main__":
    main()
