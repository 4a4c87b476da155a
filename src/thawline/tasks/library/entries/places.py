"""Where a photo was taken, by the further fields of its entry."""

from collections.abc import Mapping
from typing import Any, Final

from thawline.tasks.library.entries.fields import LONGEST_TAG, fault_of

FIELDS: Final = ("place", "location", "venue", "city", "region", "country")
_LEAST_OF_TEXT = 2  # letters: coordinates in a text are no name


def place_of(further: Mapping[str, Any]) -> str:
    """The names in the fields that tell a place, the nearest first; "": there are none.

    A field may hold a text, or an object with such fields of its own.
    """
    names: dict[str, None] = {}
    for field in FIELDS:
        value = further.get(field)
        if isinstance(value, Mapping):
            for part in ("name", *FIELDS):
                _add(names, value.get(part))
        else:
            _add(names, value)
    return ", ".join(names)


def _add(names: dict[str, None], value: Any) -> None:
    if not isinstance(value, str) or len(value) > LONGEST_TAG or fault_of(value):
        return
    name = " ".join(value.split())
    if sum(map(str.isalpha, name)) >= _LEAST_OF_TEXT and "<" not in name:
        names.setdefault(name)
