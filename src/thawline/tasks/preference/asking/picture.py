"""Quality over answers, drawn."""

from collections.abc import Sequence
from pathlib import Path

from thawline.drawing import BLUE, GREY, ORANGE, drawing, plain
from thawline.tasks.preference.asking.judged import BASELINE, Curve

_COLOURS = (BLUE, ORANGE, "#3a8f5c", "#8e5ea2")
_MARKERS = ("o", "s", "^", "D")


def draw_curves(curves: Sequence[Curve], goals: Sequence[int], path: Path) -> None:
    """Draw accuracy, and the area under the ROC curve, over the number of answers, with 95 % intervals.

    Args:
        curves: Of each strategy.
        goals: The numbers of answers.
        path: Where the picture goes.
    """
    others = [curve.strategy for curve in curves if curve.strategy != BASELINE]
    with drawing(9.0, 3.8, path) as figure:
        panels = figure.subplots(1, 2)
        for axes, what in zip(panels, ("accuracy", "auc"), strict=True):
            for curve in curves:
                number = others.index(curve.strategy) % len(_COLOURS) if curve.strategy in others else 0
                colour, marker = (_COLOURS[number], _MARKERS[number]) if curve.strategy in others else (GREY, "x")
                estimates = curve.accuracy if what == "accuracy" else curve.auc
                low, high = [100 * one.low for one in estimates], [100 * one.high for one in estimates]
                axes.fill_between(goals, low, high, color=colour, alpha=0.15, linewidth=0)
                values = [100 * one.value for one in estimates]
                style = "--" if curve.strategy == BASELINE else "-"
                axes.plot(
                    goals, values, style, marker=marker, color=colour, markersize=4, linewidth=1.4, label=curve.strategy
                )
            title = "accuracy on photos held out, %" if what == "accuracy" else "area under the ROC curve, %"
            axes.set_title(title, fontsize=9, loc="left")
            axes.set_xlabel("answers; shaded: 95 % intervals over seeds", fontsize=8)
            axes.xaxis.get_major_locator().set_params(integer=True)
            plain(axes, grid="y")
        panels[0].legend(fontsize=8, frameon=False, loc="lower right")
