"""Does `thawline data labels` list wrong labels first?

python tools/find_flipped_labels.py PHOTOS WEIGHTS [--methods gda logistic] [--seeds 5] [--strange FOLDER]

PHOTOS is a folder of classes. For each seed 5 % of its photos are copied into the folder of another class, the copy is
trained on with cv=5, and printed is how many of those are among the first tenth of the list. With --strange as many
photos of another folder, of none of the classes, are put into the classes' folders at random instead.

PHOTOS can be a table `path,label` of several labels a photo, too: of 5 % of the photos a label is then taken away, or,
where that is the only one or a coin says so, another is added. Labels on fewer than --fewest photos are left out.
"""

import argparse
import csv
import os
import shutil
import tempfile
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from thawline.cli import main as thawline
from thawline.data.tables.cells import several
from thawline.reports.sheet.doubted import first_of, list_doubts
from thawline.runs.finished import finished_run

SHARE, LISTED = 0.05, 0.1


def misplace(photos: Path, target: Path, seed: int, strange: Path | None = None) -> set[str]:
    """Copy a folder of classes to `target` with some photos where they do not belong, and give their new names."""
    random = np.random.default_rng(seed)
    files = sorted(path for path in photos.glob("*/*") if path.is_file())
    classes = sorted({path.parent.name for path in files})
    count = round(SHARE * len(files))
    chosen = set(random.choice(len(files), count, replace=False).tolist()) if strange is None else set()
    wrong = set()
    for number, path in enumerate(files):
        label = path.parent.name
        if number in chosen:
            label = random.choice([one for one in classes if one != label])
            wrong.add(f"{label}/{number:05}{path.suffix}")
        (target / label).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / label / f"{number:05}{path.suffix}")
    if strange is not None:
        others = sorted(path for path in strange.iterdir() if path.is_file())
        for place in random.choice(len(others), count, replace=False).tolist():
            name = f"{random.choice(classes)}/strange{place:05}{others[place].suffix}"
            shutil.copyfile(others[place], target / name)
            wrong.add(name)
    return wrong


def mislabel(table: Path, target: Path, seed: int, fewest: int) -> set[str]:
    """Write `table` to `target` with a label too many or too few for some photos, and give their paths."""
    random = np.random.default_rng(seed)
    with table.open(newline="", encoding="utf-8") as file:
        given = [(str(table.parent.absolute() / row["path"]), several(row["label"])) for row in csv.DictReader(file)]
    counts = Counter(label for _, labels in given for label in labels)
    told = sorted(label for label, count in counts.items() if count >= fewest)
    rows = [(path, kept) for path, labels in given if (kept := [label for label in labels if label in told])]
    wrong = set()
    for place in random.choice(len(rows), round(SHARE * len(rows)), replace=False).tolist():
        path, labels = rows[place]
        if len(labels) > 1 and random.random() < 0.5:
            labels.remove(random.choice(labels))
        else:
            labels.append(random.choice([label for label in told if label not in labels]))
        wrong.add(path)
    with target.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label"), *((path, "|".join(labels)) for path, labels in rows)])
    return wrong


def share_found(photos: Path, words: list[str], seed: int, strange: Path | None = None, fewest: int = 40) -> float:
    """Which share of the misplaced photos is among the first tenth of the list."""
    with tempfile.TemporaryDirectory() as scratch, redirect_stdout(Path(os.devnull).open("w")):
        data, outputs = Path(scratch) / "photos", f"paths.outputs={scratch}/outputs"
        if photos.is_file():
            data = data.with_suffix(".csv")
            wrong, words = mislabel(photos, data, seed, fewest), [*words, "data.labels=several"]
        else:
            wrong = misplace(photos, data, seed, strange)
        thawline(["train", str(data), "cv=5", "logger=none", "trainer=cpu", outputs, *words])
        (run,) = (Path(scratch) / "outputs" / "train").iterdir()
        said, _ = finished_run(run)
    listed = {one.path for one in first_of(list_doubts(said), LISTED)}
    return len(wrong & listed) / len(wrong)


def main() -> None:
    """Print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--encoder", default="mobilenetv2_035")
    parser.add_argument("--methods", nargs="+", default=("gda", "logistic"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--strange", type=Path)
    parser.add_argument("--fewest", type=int, default=40)
    given = parser.parse_args()
    encoder = [f"encoder={given.encoder}", f"encoder.weights={given.weights.absolute()}"]
    for method in given.methods:
        shares = [
            share_found(given.photos, [*encoder, f"method={method}"], seed, given.strange, given.fewest)
            for seed in range(given.seeds)
        ]
        print(f"{method}: in the first tenth {', '.join(f'{share:.0%}' for share in shares)}; least {min(shares):.0%}")


if __name__ == "__main__":
    main()
