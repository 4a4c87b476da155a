"""The fields of an entry: what each may hold, and what of it is used.

Each function gives what can be used; what can't be goes to `Skipped`, with its place.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thawline.tasks.library.entries.entry import CREATED, FACES, TAGS, key_of, no_faces
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.entries.times import parse_time

LONGEST_TEXT: Final = 20_000  # characters: a long page; what is longer is no description
LONGEST_TAG: Final = 100
LONGEST_ID: Final = 200
MOST_TAGS: Final = 500  # of an entry: pairs of them are counted
MOST_FACES: Final = 1000

_KINDS: Mapping[type, str] = {
    str: "text",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    bytes: "bytes",
}
_SEPARATED = re.compile(r"[,;|\n]")
_MARKUP = re.compile(r"<\s*[/!?]?\s*[a-z][^<>]*>|<!--|javascript:|&#x?[0-9a-f]+;", re.IGNORECASE)
# What steers a terminal or turns the direction of a text, what is no letter at all, and halves of one.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
_BROKEN = re.compile("[\ud800-\udfff]")
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def kind_of(value: Any) -> str:
    """What a value is, in the words of whoever wrote it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinity"
    return _KINDS.get(type(value), type(value).__name__)


def fault_of(text: str) -> str:
    """Why a name that is compared can't be used; "": it can."""
    if _BROKEN.search(text):
        return "characters that are broken"
    if _TURNS.search(text):
        return "characters that turn the direction of a text"
    return "control characters" if _CONTROLS.search(text) or "\n" in text or "\t" in text or "\r" in text else ""


def text_of(value: Any, field: str, place: str, skipped: Skipped) -> str:
    """A description: as it is written but for control characters, which are named; "" where it can't be used."""
    if value is None:
        return ""
    if not isinstance(value, str):
        skipped.add(place, field, f"{kind_of(value)}, not text", value)
        return ""
    if len(value) > LONGEST_TEXT:
        skipped.add(place, field, f"more than {LONGEST_TEXT:,} characters", f"{len(value):,} characters")
        return ""
    text: str = value
    if _BROKEN.search(text):
        skipped.add(place, field, "characters that are broken", text)
        return ""
    if not text.isprintable() and _CONTROLS.search(text):
        skipped.add(place, field, f"{fault_of(text)}, left out of it", text)
        text = _CONTROLS.sub("", text)
    return text.strip()


def tags_of(value: Any, place: str, skipped: Skipped) -> tuple[str, ...]:
    """Tags: a list of texts, or a text with commas, semicolons or bars between, or with such a list in JSON."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = _parsed(value, place, TAGS, skipped) if value.lstrip().startswith("[") else _SEPARATED.split(value)
        value = [tag for tag in value if not isinstance(tag, str) or tag.strip()] if isinstance(value, list) else None
        if value is None:
            return ()
    if not isinstance(value, (list, tuple)):
        skipped.add(place, TAGS, f"{kind_of(value)}, not a list of texts", value)
        return ()
    if len(value) > MOST_TAGS:
        skipped.add(place, TAGS, f"more than {MOST_TAGS}, of which the first count", f"{len(value)} tags")
        value = value[:MOST_TAGS]
    tags: dict[str, str] = {}
    for given in value:
        tag, fault = _tag(given)
        if fault:
            skipped.add(place, TAGS, fault, given)
        else:
            tags.setdefault(key_of(tag), tag)
    return tuple(tags.values())


def _tag(given: Any) -> tuple[str, str]:
    """(a tag, why it can't be used)."""
    if not isinstance(given, str):
        return "", f"a tag that is {kind_of(given)}, not text"
    tag = given if given.isascii() else unicodedata.normalize("NFC", given)
    tag = " ".join(tag.split())
    if not tag:
        return "", "a tag without a letter"
    if len(tag) > LONGEST_TAG:
        return "", f"a tag of more than {LONGEST_TAG} characters"
    if not tag.isprintable() and (fault := fault_of(tag)):
        return "", f"a tag with {fault}"
    if ("<" in tag or "&" in tag or ":" in tag) and _MARKUP.search(tag):
        return "", "a tag with markup (HTML)"
    return tag, ""


def faces_of(value: Any, width: int | None, place: str, skipped: Skipped) -> npt.NDArray[np.float32]:
    """Encodings of faces [f, d].

    Args:
        value: A list of lists of numbers, or a text with such a list in JSON.
        width: How many numbers an encoding of this library has; None: nobody knows yet.
        place: Where it stands.
        skipped: Gets those that can't be used.
    """
    if value is None:
        return no_faces()
    if isinstance(value, str):
        value = _parsed(value, place, FACES, skipped)
        if value is None:
            return no_faces()
    if not isinstance(value, (list, tuple)):
        skipped.add(place, FACES, f"{kind_of(value)}, not a list of lists of numbers", value)
        return no_faces()
    if value and not any(isinstance(face, (list, tuple)) for face in value):
        skipped.add(place, FACES, f"a list of {_plural(value)}; write [[…]] for one face", value)
        return no_faces()
    if len(value) > MOST_FACES:
        skipped.add(place, FACES, f"more than {MOST_FACES}, of which the first count", f"{len(value)} faces")
        value = value[:MOST_FACES]
    faces = []
    for given in value:
        face, fault = _face(given, width)
        if face is None:
            skipped.add(place, FACES, fault, given)
        else:
            width = len(face)
            faces.append(face)
    return np.stack(faces) if faces else no_faces()


def _plural(values: Sequence[Any]) -> str:
    kind = kind_of(values[0])
    return {"a number": "numbers", "text": "texts", "an object": "objects"}.get(kind, kind)


def _face(given: Any, width: int | None) -> tuple[npt.NDArray[np.float32] | None, str]:
    """(an encoding, why it can't be used)."""
    if not isinstance(given, (list, tuple)):
        return None, f"an encoding that is {kind_of(given)}, not a list of numbers"
    if not given:
        return None, "an encoding without numbers"
    if not set(map(type, given)) <= {float, int}:
        odd = next(one for one in given if type(one) not in (float, int))
        return None, f"an encoding that holds {kind_of(odd)}"
    if width is not None and len(given) != width:
        return None, f"an encoding of another length than {width}"
    try:
        with np.errstate(over="ignore"):
            face = np.asarray(given, np.float64).astype(np.float32)
    except OverflowError:
        return None, "an encoding that holds NaN or infinity"
    if not np.isfinite(face).all():
        return None, "an encoding that holds NaN or infinity"
    return (face, "") if face.any() else (None, "an encoding of zeros")


def time_of(value: Any, place: str, skipped: Skipped) -> datetime | None:
    """When an entry was made, in UTC."""
    if value is None or value == "":
        return None
    at = parse_time(value)
    if at is None:
        skipped.add(place, CREATED, "no time that can be read", value)
    return at


def id_of(value: Any) -> tuple[str, str]:
    """(an id, why it can't be used)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of numbers of which some are missing
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value), ""
    if not isinstance(value, str):
        return "", "no id" if value is None else f"an id that is {kind_of(value)}"
    id_ = unicodedata.normalize("NFC", value.strip())
    if not id_:
        return "", "no id"
    if len(id_) > LONGEST_ID:
        return "", f"an id of more than {LONGEST_ID} characters"
    return (id_, "") if id_.isprintable() else (id_, f"an id with {fault_of(id_) or 'control characters'}")


def further_of(value: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """What an entry says besides."""
    return {name: given for name, given in value.items() if name not in known}


def _parsed(text: str, place: str, field: str, skipped: Skipped) -> list[Any] | None:
    """The list that a text holds in JSON; None: it holds none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        skipped.add(place, field, "text that is no list in JSON", text)
        return None
    if isinstance(value, list):
        return value
    if value is not None:
        skipped.add(place, field, f"{kind_of(value)}, not a list", value)
    return None
