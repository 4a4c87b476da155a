"""PNG pictures of a judged run: confusion matrix, recall by class, reliability, training curves."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.drawing import BLUE, GREY, ORANGE, drawing, plain
from thawline.errors import UserError
from thawline.judging.calibration import Calibration
from thawline.judging.intervals import proportion
from thawline.judging.metrics import Judgement

LONGEST_NAME = 26
FEW_CLASSES, MOST_NAMES = 12, 100


def draw_confusion(judgement: Judgement, path: Path) -> None:
    """Draw the confusion matrix: counts as numbers, shares of each true class as shading.

    With more than 100 classes neither names nor numbers could be read, and the shading stands alone.
    """
    confusion = judgement.confusion
    assert confusion is not None  # noqa: S101  # callers ask for it only where there is one
    counts, classes = confusion.counts, len(judgement.classes)
    shares = np.nan_to_num(confusion.shares.value)
    names = [shorten(name) for name in judgement.classes]
    few, readable = classes <= FEW_CLASSES, classes <= MOST_NAMES
    side = max(2.6, 0.62 * classes) if few else (0.3 * classes if readable else 10.0)
    room = _room(names) if readable else 0.0
    with drawing(side + room + 1.6, side + room * 0.75 + 1.1, path) as figure:
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        if readable:
            for row, column in np.argwhere(counts > 0):
                style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9 if few else 6.5}
                style["color"] = "white" if shares[row, column] > 0.55 else "black"
                axes.text(column, row, str(counts[row, column]), **style)
            turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if few else {"rotation": 90}
            axes.set_xticks(range(classes), names, fontsize=8, **turned)
            axes.set_yticks(range(classes), names, fontsize=8)
            axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
            axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
            axes.grid(which="minor", color="#dddddd", linewidth=0.5)
            axes.tick_params(which="both", length=0)
        axes.set_xlabel("predicted class", fontsize=9)
        axes.set_ylabel("true class", fontsize=9)
        bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
        bar.set_label("share of the true class", fontsize=8)
        bar.ax.tick_params(labelsize=8)
        axes.set_title(_heading(judgement), fontsize=9, loc="left")


def draw_recall(judgement: Judgement, path: Path) -> None:
    """Draw the recall of each class with its 95 % interval, and the score over all as a line.

    Of more than 100 classes the 100 with the lowest recall are drawn.
    """
    rows = [(one, one.recall) for one in judgement.per_class]
    if len(rows) > MOST_NAMES:
        rows = sorted(rows, key=lambda row: row[1].value if row[1] else 1.0)[:MOST_NAMES]
    names = [f"{shorten(one.name)} ({one.support})" for one, _ in rows]
    with drawing(4.2 + _room(names), 1.3 + 0.26 * len(rows), path) as figure:
        axes = figure.subplots()
        score = judgement.score
        axes.axvspan(score.low, score.high, color=GREY, alpha=0.2, linewidth=0)
        axes.axvline(score.value, color=GREY, linewidth=1, linestyle="--")
        for height, (_, recall) in enumerate(rows):
            if recall is not None:
                axes.plot([recall.low, recall.high], [height, height], color=BLUE, linewidth=1.6, solid_capstyle="butt")
                axes.plot([recall.value], [height], "o", color=BLUE, markersize=5)
        axes.set_yticks(range(len(rows)), names, fontsize=8)
        dashed = f"recall, 95 % interval; dashed: {judgement.headline}"
        axes.set(xlim=(-0.02, 1.02), ylim=(len(rows) - 0.4, -0.6), xlabel=dashed)
        axes.xaxis.label.set_fontsize(8)
        plain(axes, grid="x")
        axes.set_title(_heading(judgement), fontsize=9, loc="left")


def draw_reliability(calibration: Calibration, path: Path) -> None:
    """Draw accuracy against confidence: on the diagonal, probabilities can be taken at their word."""
    with drawing(4.2, 4.6, path) as figure:
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
        for one in calibration.bins:
            x = [one.confidence, one.confidence]
            axes.plot(x, [one.accuracy.low, one.accuracy.high], color=BLUE, linewidth=1.6, solid_capstyle="butt")
        points = [(one.confidence, one.accuracy.value) for one in calibration.bins]
        axes.plot(*zip(*points, strict=True), "o-", color=BLUE, markersize=5, linewidth=0.8)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="accuracy, 95 % interval")
        axes.set_title(f"expected calibration error {calibration.error:.3f}", fontsize=9, loc="left")
        for one in calibration.bins:
            below.bar((one.low + one.high) / 2, one.samples, width=0.9 * (one.high - one.low), color=BLUE)
        below.set(xlabel="confidence (probability of the predicted class)", ylabel="samples")
        for part in (axes, below):
            part.xaxis.label.set_fontsize(8)
            part.yaxis.label.set_fontsize(8)
            plain(part, grid="both" if part is axes else "y")


def draw_coverage(right: NDArray[np.bool_], sure: NDArray[np.floating], groups: NDArray[np.int64], path: Path) -> None:
    """Draw the error of the surest answers against their share: what not to answer the others would be worth.

    Args:
        right: Which answers are right, [N].
        sure: The probability of each, [N].
        groups: Group of each sample, [N].
        path: Where the picture goes.
    """
    surest = np.argsort(-sure, kind="stable")
    counts = np.arange(1, len(right) + 1)
    with drawing(4.2, 3.4, path) as figure:
        axes = figure.subplots()
        axes.plot(counts / len(right), np.cumsum(~right[surest]) / counts, color=BLUE, linewidth=1.4)
        for share in np.arange(1, 11) / 10:
            answered = surest[: max(1, round(share * len(right)))]
            error = proportion(~right[answered], groups[answered])
            axes.plot([share, share], [error.low, error.high], color=BLUE, linewidth=1.6, solid_capstyle="butt")
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, None), xlabel="answered, the surest first")
        axes.set_ylabel("of these wrong, 95 % interval")
        plain(axes, grid="both")


def draw_training(history: Path, path: Path) -> None:
    """Draw the curves of a history file: a panel a quantity (loss, accuracy), a line a side (train, inner).

    Args:
        history: a CSV file with a column `epoch` and columns such as `train_loss` and `inner_loss`; cells may be empty.
        path: where the picture goes.

    Raises:
        UserError: the file has no epochs or no curves.
    """
    curves = _read_curves(history)
    quantities = list(dict.fromkeys(quantity for _, quantity in curves))
    with drawing(3.9 * len(quantities), 3.0, path) as figure:
        panels = figure.subplots(1, len(quantities), squeeze=False)[0]
        for axes, quantity in zip(panels, quantities, strict=True):
            for (side, of), (epochs, values) in curves.items():
                if of == quantity:
                    colour = {"train": BLUE}.get(side, ORANGE)
                    axes.plot(epochs, values, "o-", color=colour, markersize=3, linewidth=1.4, label=side)
            axes.set(xlabel="epoch", title=quantity.replace("_", " "))
            axes.title.set_fontsize(9)
            axes.xaxis.label.set_fontsize(8)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.legend(fontsize=8, frameon=False)
            plain(axes, grid="y")


def shorten(name: str) -> str:
    """A name that fits beside a picture: the middle of a long one becomes an ellipsis."""
    if len(name) <= LONGEST_NAME:
        return name
    kept = LONGEST_NAME - 1
    return f"{name[: kept - kept // 2]}…{name[-(kept // 2) :]}"


def _read_curves(history: Path) -> dict[tuple[str, str], tuple[list[float], list[float]]]:
    """Curves by side and quantity: epochs and values, without the cells that are empty."""
    with history.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    curves: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
    for column in rows[0] if rows else ():
        side, separator, quantity = column.replace("/", "_", 1).partition("_")
        cells = [(float(row["epoch"]), float(row[column])) for row in rows if row[column]] if separator else []
        if cells:
            curves[side, quantity] = ([epoch for epoch, _ in cells], [value for _, value in cells])
    if not curves:
        raise UserError(f"{history} has no curves to draw; a run writes it epoch by epoch")
    return curves


def _heading(judgement: Judgement) -> str:
    score = judgement.score
    return (
        f"{judgement.headline} {100 * score.value:.1f} % [{100 * score.low:.1f}, {100 * score.high:.1f}]\n"
        f"{judgement.samples:,} samples, {judgement.groups:,} groups"
    )


def _room(names: list[str]) -> float:
    """Inches that the longest name takes at size 8."""
    return max(map(len, names)) / 11
