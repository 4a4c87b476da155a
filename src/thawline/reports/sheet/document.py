"""The contact sheet: photos with a word on each, and what is said of them as a file to download."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from thawline.files import write_text
from thawline.html import Html, clean, data_block, head, join, name, tag
from thawline.judging.label_quality import ANOTHER, UNSURE
from thawline.reports.page.mistakes import Thumbnails
from thawline.reports.sheet.doubted import AnyDoubted, Doubted, DoubtedSet, percent

_PHOTOS = "This page holds small pictures of the photos: mind whom you give it to."
_NO_PHOTOS = "This page holds no picture; thumbnails=true makes one that does."
_SEVERAL = (
    "Tick the labels that a photo has. What you change counts as looked at; where all is right tick that it was looked "
    "at. A photo on which no label is ticked is left out."
)
_SAYS = {
    ANOTHER: "likely another class",
    UNSURE: "between classes, or of none: does it belong here?",
    "": "not like most of its class",
}


def write_sheet(
    path: Path, doubts: Sequence[AnyDoubted], classes: Sequence[str], about: str, photos: Path | None
) -> None:
    """Write the page to `path`, complete or not at all; see `draw_sheet`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, draw_sheet(doubts, classes, about, photos))


def draw_sheet(doubts: Sequence[AnyDoubted], classes: Sequence[str], about: str, photos: Path | None) -> str:
    """One HTML document that needs nothing else; the same list gives the same text.

    Args:
        doubts: The photos to look at, in this order.
        classes: What one may be, or have.
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
            tag("p", _SEVERAL, class_="note") if isinstance(doubts[0], DoubtedSet) else None,
        ),
        tag("main", tag("ol", *items, class_="sheet"), _said()),
        tag("footer", "Made by thawline data labels. It changes no photo and no label."),
        # A photo of no class is left out: that is what a corrected label says that is empty.
        data_block("sheet", {"paths": [one.path for one in doubts], "labels": [*classes, ""]}),
        tag("script", Html(script)),
    )
    return "<!doctype html>\n" + tag("html", head("Thawline: labels", style, script), body, lang="en") + "\n"


def _photo(one: AnyDoubted, classes: Sequence[str], url: str | None) -> Html:
    about = _of_several(one, classes) if isinstance(one, DoubtedSet) else _of_one(one, classes)
    return tag(
        "li",
        None if url is None else tag("img", src=url, alt=f"photo {clean(one.path)}", loading="lazy"),
        tag("p", name(one.path), class_="path"),
        *about,
    )


def _of_one(one: Doubted, classes: Sequence[str]) -> Iterator[Html]:
    choices = [tag("option", "not looked at", value="-", selected=True)]
    choices += [
        tag("option", f"{label}, as it is" if label == one.label else label, value=classes.index(label))
        for label in _ordered(one, classes)
    ]
    choices.append(tag("option", "none of them: leave it out", value=len(classes)))
    yield tag(
        "p",
        tag("strong", name(one.label)),
        f" {percent(one.probability)}, ",
        name(one.likely),
        f" {percent(one.likely_probability)}",
    )
    yield tag("p", _SAYS[one.doubt], class_="note")
    yield tag("label", "It is ", tag("select", *choices))


def _of_several(one: DoubtedSet, classes: Sequence[str]) -> Iterator[Html]:
    """What is in doubt, and a box to tick for each label: its own and those in doubt first, the others folded away."""
    for says, labels in (("likely wrong", one.wrong), ("likely missing", one.missing)):
        if labels:
            yield tag("p", f"{says}: ", tag("strong", name(", ".join(labels))), class_="note")
    if not one.wrong and not one.missing:
        yield tag("p", "all labels together less likely than those of most", class_="note")
    first = [*one.labels, *one.missing]
    others = [label for label in classes if label not in first]
    yield join(*(_box(one, label, classes) for label in first))
    if others:
        yield tag("details", tag("summary", "other labels"), *(_box(one, label, classes) for label in others))
    looked = tag("input", type="checkbox", class_="looked", autocomplete="off")
    yield tag("label", looked, " looked at: the labels that are ticked are all it has")


def _box(one: DoubtedSet, label: str, classes: Sequence[str]) -> Html:
    """A box to tick if the photo has the label, ticked if it has by now."""
    box = tag(
        "input",
        type="checkbox",
        value=classes.index(label),
        checked=label in one.labels,
        autocomplete="off",
    )
    return tag("label", box, " ", name(label), f" {percent(one.probabilities[label])}")


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
