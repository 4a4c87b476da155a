"""`thawline data split FILE`: image–text pairs to train.csv, val.csv and test.csv."""

from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from thawline.data.pairs.graph import Grouping, find_grouping, split_pairs
from thawline.data.pairs.report import findings_line
from thawline.data.pairs.table import write_pairs
from thawline.errors import UserError
from thawline.features.store.store import FeatureStore
from thawline.output import report
from thawline.screen import say
from thawline.tasks.match.files.checked import checked_pairs
from thawline.tasks.match.settings import DataSplitSettings, PairsSettings
from thawline.tasks.typed import to_settings

_SIDES = ("train", "val", "test")


def data_split(config: DictConfig) -> None:
    """Split and write.

    Raises:
        UserError: The pairs can't be read or split, or a file to be written is there already.
    """
    settings: DataSplitSettings = to_settings(config)
    source = only_file(settings.data)
    folder = Path(settings.out).expanduser().absolute() if settings.out else source.parent
    for side in _SIDES:
        refuse_existing(folder / f"{side}.csv")
    # Matches alone can be split too: mismatches made within each file keep the files apart.
    checked = checked_pairs(settings.data, FeatureStore(settings.store.root), labels=False)
    pairs = checked.table.pairs
    labels = np.array([1 if pair.label is None else pair.label for pair in pairs], dtype=np.int64)
    grouping = find_grouping(checked.images, checked.texts, labels)
    sides = split_pairs(
        grouping,
        checked.texts,
        labels,
        [pair.difficulty for pair in pairs],
        test=settings.data.holdout,
        val=settings.data.inner,
        seed=settings.seed,
    )
    folder.mkdir(parents=True, exist_ok=True)
    root = settings.data.base or folder
    lines = [findings_line(checked.table), _how(grouping, int((sides == "").sum()))]
    counts = {}
    for side in _SIDES:
        chosen = [pair for pair, its in zip(pairs, sides.tolist(), strict=True) if its == side]
        write_pairs(folder / f"{side}.csv", chosen, root)
        mismatches = sum(pair.label == 0 for pair in chosen)
        images = len({pair.image for pair in chosen})
        lines.append(
            f"{folder / f'{side}.csv'}: {len(chosen) - mismatches} matches, {mismatches} mismatches, {images} images"
        )
        counts[side] = {
            "file": folder / f"{side}.csv",
            "matches": len(chosen) - mismatches,
            "mismatches": mismatches,
            "images": images,
        }
    report(sides=counts, dropped=int((sides == "").sum()), components=len(np.unique(grouping.ids)))
    for line in filter(None, lines):
        say(Console(), line)


def only_file(data: PairsSettings) -> Path:
    """The one file of pairs, absolute.

    Raises:
        UserError: There is one for each side.
    """
    if not data.path:
        raise UserError("this takes one file of pairs; leave out data.train_csv and its like, and name the file")
    return Path(data.path).expanduser().absolute()


def refuse_existing(path: Path) -> None:
    """Raise UserError where a file is that would be written: it may be somebody's work."""
    if path.exists():
        raise UserError(f"there is a file {path} already; delete it, or name another place with out=…")


def _how(grouping: Grouping, dropped: int) -> str:
    count = len(np.unique(grouping.ids))
    share = f"{grouping.largest:.1%}"
    if grouping.whole:
        return f"split by {count} connected components of images and texts, the largest with {share} of the pairs"
    return (
        f"one connected component of images and texts holds {share} of the pairs: split by {count} images; {dropped} "
        "pairs that share a text with a side that is judged are dropped; to keep more, split the matches and let "
        "'thawline data mismatches' complete each file"
    )
