"""HTML that can't be broken out of: whatever is not `Html` already is escaped."""

import base64
import hashlib
import json
import re
from html import escape
from pathlib import Path
from typing import Any

_VOID = frozenset({"meta", "img", "input"})
_SHAPES = frozenset({"line", "path", "circle"})
# Control characters, those that turn the direction of what follows, and what is no character at all.
_TRICKS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


class Html(str):
    """Text that is HTML: made by `tag`, never from a name."""

    __slots__ = ()


def tag(name: str, *children: str | None, **attributes: str | int | float | bool | None) -> Html:
    """An element. Children that are no `Html` are escaped, None is passed over.

    Args:
        name: The element's name.
        children: What is in it.
        attributes: `class_` stands for `class`, `data_value` for `data-value`; None and False leave one out, True
            gives it without a value.
    """
    said = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if name in _VOID:
        return Html(f"<{name}{said}>")
    if name in _SHAPES:
        return Html(f"<{name}{said}/>")
    return Html(f"<{name}{said}>{join(*children)}</{name}>")


def join(*children: str | None) -> Html:
    """Children side by side, escaped where they are no `Html`."""
    return Html("".join(one if isinstance(one, Html) else text(one) for one in children if one is not None))


def text(raw: str) -> Html:
    """Plain text, escaped."""
    return Html(escape(clean(raw), quote=True))


def clean(raw: str) -> str:
    """Text that can be shown: characters that play tricks are replaced."""
    return _TRICKS.sub("\ufffd", raw)


def name(raw: str) -> Html:
    """A name of unknown direction: it can't reorder what stands beside it."""
    return tag("bdi", raw)


def data_block(identifier: str, value: Any) -> Html:
    """JSON for the page's script. No character in it can end the element."""
    said = json.dumps(value, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return tag("script", Html(said), type="application/json", id=identifier)


def policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere; of code and style only the page's own runs, known by its hash."""

    def digest(said: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(said.encode('utf-8')).digest()).decode('ascii')}'"

    return (
        f"default-src 'none'; img-src data:; style-src {digest(style)}; script-src {digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def head(title: str, style: str, script: str) -> Html:
    """The head of a page that needs nothing else; `style` follows that of all pages."""
    style = Path(__file__).with_suffix(".css").read_text(encoding="utf-8") + style
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Html(style)),
    )


def _attribute(key: str, value: str | int | float | bool | None) -> str:
    if value is False:
        return ""
    called = key.rstrip("_").replace("_", "-")
    return f" {called}" if value is True else f' {called}="{text(str(value))}"'
