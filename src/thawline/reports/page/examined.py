"""What a task says of a run besides what is said of any classes, as `metrics.json` has it under `examined`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thawline.html import Html, tag
from thawline.judging.intervals import Estimate
from thawline.reports.page.tables import heading, number_cell, percent, share_cell, table, text_cell

_QUERIES = {"image_to_text": "the right text of an image", "text_to_image": "the right image of a text"}
_RANKING = {"roc_auc": "ROC AUC", "average_precision": "average precision"}
_MOST_CLASSES = 24


def draw_examined(examined: Mapping[str, Any]) -> list[Html]:
    """What there is of thresholds, difficulties, retrieval and the ranking without training."""
    drawn: list[Html] = []
    if thresholds := examined.get("thresholds"):
        one = next(iter(thresholds.values()))
        drawn += [tag("h4", "Thresholds"), _thresholds(thresholds) if "value" in one else _by_class(thresholds)]
    if difficulties := examined.get("by_difficulty"):
        drawn += [tag("h4", "Accuracy by difficulty"), _difficulties(difficulties)]
    if retrieval := examined.get("retrieval"):
        drawn += [tag("h4", "Retrieval among the samples held out"), _retrieval(retrieval)]
    if ranking := examined.get("zero_shot"):
        items = [
            tag("li", f"{said}: ", percent(Estimate(**ranking[key]), " %"))
            for key, said in _RANKING.items()
            if ranking[key]
        ]
        drawn += [tag("h4", "The same ranked zero-shot"), tag("ul", *items, class_="plain")]
    return drawn


def _thresholds(thresholds: Mapping[str, Mapping[str, Any]]) -> Html:
    head = [heading("fold", "ascending"), heading("probability from which on", "ascending", numeric=True)]
    head += [heading("fitted for", "ascending"), heading("attained where it was fitted", "descending", numeric=True)]
    rows = []
    for fold, one in thresholds.items():
        attained = f"{100 * one['attained']:.1f} %{'' if one['held'] else ', not reached'}"
        cells = (text_cell(fold), number_cell(one["value"], f"{one['value']:.3f}"), text_cell(one["balance"]))
        rows.append(tag("tr", *cells, number_cell(one["attained"], attained)))
    return table(head, rows, "Thresholds")


def _by_class(thresholds: Mapping[str, Mapping[str, float]]) -> Html:
    classes = list(next(iter(thresholds.values())))
    head = [heading("class", "ascending"), *(heading(fold, "ascending", numeric=True) for fold in thresholds)]
    rows = [
        tag(
            "tr",
            text_cell(one),
            *(number_cell(fold.get(one), f"{fold.get(one, 0):.2f}") for fold in thresholds.values()),
        )
        for one in classes[:_MOST_CLASSES]
    ]
    return table(head, rows, "Thresholds")


def _difficulties(difficulties: Mapping[str, Mapping[str, Any]]) -> Html:
    head = [heading("difficulty", "ascending"), heading("samples", "descending", numeric=True)]
    head.append(heading("accuracy", "descending", numeric=True))
    rows = [
        tag("tr", text_cell(said), number_cell(one["pairs"]), _share(one["accuracy"]))
        for said, one in difficulties.items()
    ]
    return table(head, rows, "Accuracy by difficulty")


def _retrieval(retrieval: Mapping[str, Any]) -> Html:
    depths = list(retrieval["image_to_text"])
    head = [heading("looked for", "ascending")]
    head += [heading(f"among the first {depth}", "descending", numeric=True) for depth in depths]
    rows = [
        tag("tr", text_cell(said), *(_share(retrieval[query][depth]) for depth in depths))
        for query, said in _QUERIES.items()
    ]
    sizes = ", ".join(f"{i} images and {t} texts" for i, t in zip(retrieval["images"], retrieval["texts"], strict=True))
    return tag("div", tag("p", f"Among {sizes}.", class_="note"), table(head, rows, "Retrieval"))


def _share(estimate: Mapping[str, float] | None) -> Html:
    return number_cell(None) if estimate is None else share_cell(Estimate(**estimate))
