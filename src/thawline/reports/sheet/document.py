"""The contact sheet: photos with a word on each, and what is said of them as a file to download."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thawline.files import write_text
from thawline.html import Html, clean, data_block, head, name, tag
from thawline.judging.label_quality import ANOTHER, UNSURE
from thawline.reports.page.mistakes import Thumbnails
from thawline.reports.sheet.doubted import Doubted

_PHOTOS = "This page holds small pictures of the photos: mind whom you give it to."
_NO_PHOTOS = "This page holds no picture; thumbnails=true makes one that does."
_SAYS = {
    ANOTHER: "likely another class",
    UNSURE: "between classes, or of none: does it belong here?",
    "": "not like most of its class",
}


def write_sheet(path: Path, doubts: Sequence[Doubted], classes: Sequence[str], about: str, photos: Path | None) -> None:
    """Write the page to `path`, complete or not at all; see `draw_sheet`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, draw_sheet(doubts, classes, about, photos))


def draw_sheet(doubts: Sequence[Doubted], classes: Sequence[str], about: str, photos: Path | None) -> str:
    """One HTML document that needs nothing else; the same list gives the same text.

    Args:
        doubts: The photos to look at, in this order.
        classes: What one may be.
        about: A sentence on where the list comes from.
        photos: The folder of the photos; None: they are named, not shown.
    """
    style, script = (Path(__file__).with_name(file).read_text(encoding="utf-8") for file in ("style.css", "script.js"))
    pictures = Thumbnails()
    items = [_photo(one, classes, None if photos is None else pictures.of(photos, one.path)) for one in doubts]
    body = tag(
        "body",
        tag(
            "header",
            tag("h1", "Labels to look at"),
            tag("p", about),
            tag("p", _NO_PHOTOS if photos is None else _PHOTOS, class_="note"),
        ),
        tag("main", tag("ol", *items, class_="sheet"), _said()),
        tag("footer", "Made by thawline data labels. It changes no photo and no label."),
        # A photo of no class is left out: that is what a corrected label says that is empty.
        data_block("sheet", {"paths": [one.path for one in doubts], "labels": [*classes, ""]}),
        tag("script", Html(script)),
    )
    return "<!doctype html>\n" + tag("html", head("Thawline: labels", style, script), body, lang="en") + "\n"


def _photo(one: Doubted, classes: Sequence[str], url: str | None) -> Html:
    choices = [tag("option", "not looked at", value="-", selected=True)]
    choices += [
        tag("option", f"{label}, as it is" if label == one.label else label, value=classes.index(label))
        for label in _ordered(one, classes)
    ]
    choices.append(tag("option", "none of them: leave it out", value=len(classes)))
    return tag(
        "li",
        None if url is None else tag("img", src=url, alt=f"photo {clean(one.path)}", loading="lazy"),
        tag("p", name(one.path), class_="path"),
        tag(
            "p",
            tag("strong", name(one.label)),
            f" {100 * one.probability:.0f} %, ",
            name(one.likely),
            f" {100 * one.likely_probability:.0f} %",
        ),
        tag("p", _SAYS[one.doubt], class_="note"),
        tag("label", "It is ", tag("select", *choices)),
    )


def _ordered(one: Doubted, classes: Sequence[str]) -> list[str]:
    """The classes, its own first, then the likely one."""
    first = [one.label, one.likely]
    return [*first, *(label for label in classes if label not in first)]


def _said() -> Html:
    """What is said above, as the file that it becomes."""
    return tag(
        "section",
        tag("h2", "corrections.csv", id="said"),
        tag(
            "p",
            "What you say above becomes this file: photos that you did not look at are not in it. Nothing is sent "
            "anywhere and nothing is changed until you train with data.corrections=FILE.",
            class_="note",
        ),
        tag(
            "p",
            tag("label", "By ", tag("input", type="text", id="by", maxlength=80, placeholder="your name")),
            " ",
            tag("button", "Download corrections.csv", type="button", id="download", disabled=True),
            " ",
            tag("span", "", id="count", role="status"),
        ),
        tag("pre", "", id="file", tabindex=0, aria_labelledby="said"),
        tag(
            "noscript",
            tag("p", "Without JavaScript, write the file by hand: a header path,label,when,by and a row a photo."),
        ),
        aria_labelledby="said",
    )
