"""The page as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from thawline.html import Html, head, name, tag
from thawline.tasks.library.enhancing.improved import Improved
from thawline.tasks.library.page.network import draw_network, network_of
from thawline.tasks.library.page.pictures import Pictures
from thawline.tasks.library.page.sheets import draw_people
from thawline.tasks.library.people.people import People

MOST: Final = 200  # descriptions, and values that can't be used
_PRIVATE = "thawline library forget removes a page that lies in the library's directory, and no copy of it."
_WITH = f"This page holds small pictures of people: mind whom you give it to. {_PRIVATE}"
_WITHOUT = f"This page holds no picture; it names people and entries. {_PRIVATE}"
_SIZES = (
    ("total_images", "entries"),
    ("total_tags", "tags"),
    ("images_with_tags", "entries with tags"),
    ("images_with_description", "entries with a description"),
    ("images_with_detailed_desc", "entries with a detailed description"),
    ("images_with_faces", "entries with faces"),
    ("faces", "faces"),
)


@dataclass(frozen=True)
class Page:
    """What the page shows.

    Attributes:
        report: Of the last training.
        categories: What was learnt of tags.
        people: All people.
        persons: Those that are shown.
        improved: Descriptions that were made, by entry.
        skipped: What of the library can't be used.
        directory: The library's, as a word of the command line.
    """

    report: Mapping[str, Any]
    categories: Mapping[str, Any]
    people: People
    persons: Sequence[int]
    improved: Mapping[str, Improved]
    skipped: Sequence[Mapping[str, Any]]
    directory: str


def draw_page(page: Page, pictures: Pictures | None) -> str:
    """One HTML document that needs nothing else; the same library gives the same text."""
    style, script = (Path(__file__).with_name(file).read_text(encoding="utf-8") for file in ("style.css", "script.js"))
    parts = [
        ("figures", "What was learnt", _figures(page.report)),
        ("people", "People", draw_people(page.people, page.persons, pictures, page.directory)),
        ("tags", "Tags", draw_network(network_of(page.categories))),
        ("descriptions", "Descriptions, before and after", _descriptions(page.improved)),
    ]
    if page.skipped:
        parts.append(("skipped", "What can't be used", _skipped(page.skipped)))
    links = [tag("li", tag("a", title, href=f"#{at}")) for at, title, _ in parts]
    sections = [tag("section", tag("h2", title, id=at), content, aria_labelledby=at) for at, title, content in parts]
    body = tag(
        "body",
        tag(
            "header",
            tag("h1", "Library"),
            tag("p", _WITH if pictures else _WITHOUT, class_="note"),
            tag("nav", tag("ul", *links), aria_label="contents"),
        ),
        tag("main", *sections),
        tag("footer", "Made by thawline library page. The library's directory holds every number of it."),
        tag("script", Html(script)),
    )
    return "<!doctype html>\n" + tag("html", head("Thawline: library", style, script), body, lang="en") + "\n"


def _figures(report: Mapping[str, Any]) -> Html:
    rows = [(said, report[key]) for key, said in _SIZES if key in report]
    rows.append(("last training", f"{report.get('timestamp', 'unknown')}, {report.get('status', 'unknown')}"))
    return tag(
        "div",
        _table(("what", "how many"), rows, "sizes"),
        tag("h3", "Measured"),
        tag(
            "p",
            "With 95 % intervals where there are any; on entries held out where something was learnt.",
            class_="note",
        ),
        *(_measured(stage, figures) for stage, figures in report.get("quality", {}).items()),
    )


def _measured(stage: str, figures: Any) -> Html:
    rows = list(_flat("", figures))
    return tag("details", tag("summary", name(str(stage))), _table(("figure", "value"), rows, f"figures of {stage}"))


def _flat(before: str, value: Any) -> Sequence[tuple[str, Any]]:
    """The figures of a report, one by one: a number with its interval is one, and so is a test's sentence."""
    if isinstance(value, Mapping):
        if {"value", "low", "high"} <= value.keys():
            return [(before, f"{_short(value['value'])} [{_short(value['low'])}, {_short(value['high'])}]")]
        if "summary" in value:
            return [(before, value["summary"])]
        return [
            row
            for key, one in value.items()
            if key != "made_of"
            for row in _flat(f"{before} {key}".strip().replace("_", " "), one)
        ]
    if isinstance(value, (list, tuple)):
        return [(before, ", ".join(map(_short, value[:20])))]
    return [(before, _short(value))]


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _descriptions(improved: Mapping[str, Improved]) -> Html:
    if not improved:
        return tag("p", "No description wants improving.", class_="note")
    rows = [
        (id_, one.old or "none", one.new, f"{one.why}; confidence {one.confidence:.2f}")
        for id_, one in list(improved.items())[:MOST]
    ]
    more = len(improved) - len(rows)
    return tag(
        "div",
        tag("p", "The library's own file is not changed. To correct one: ", tag("code", _CORRECT)),
        _table(("entry", "before", "after", "why"), rows, "descriptions"),
        tag("p", f"{more:,} more are in improved_descriptions.json.", class_="note") if more else None,
    )


_CORRECT = 'thawline library correct DIR ID description="…"'


def _skipped(skipped: Sequence[Mapping[str, Any]]) -> Html:
    rows = [tuple(str(one.get(key, "")) for key in ("place", "field", "reason", "found")) for one in skipped[:MOST]]
    more = len(skipped) - len(rows)
    return tag(
        "div",
        _table(("where", "field", "why", "what stands there"), rows, "values that can't be used"),
        tag("p", f"{more:,} more are in skipped.json.", class_="note") if more else None,
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], about: str) -> Html:
    body = [
        tag("tr", tag("th", name(_short(row[0])), scope="row"), *(tag("td", name(_short(one))) for one in row[1:]))
        for row in rows
    ]
    table = tag(
        "table", tag("thead", tag("tr", *(tag("th", said, scope="col") for said in columns))), tag("tbody", *body)
    )
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=about)
