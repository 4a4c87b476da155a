"""What of a library was not used, and why: counted whole, listed up to a bound."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from thawline.screen import visible

LISTED = 10_000  # at most: a library of which everything is wrong must not fill the memory
_SHOWN = 60  # characters of what was found


@dataclass(frozen=True)
class Skip:
    """A value that was not used.

    Attributes:
        place: Where it stands: an entry's or row's number, with its id where that is known.
        field: Which field; "": the whole entry.
        reason: Why, a phrase.
        found: The value, shortened, with control characters written out. It is somebody's text: a page must escape it.
    """

    place: str
    field: str
    reason: str
    found: str = ""

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        what = f"{self.place}: {f'{self.field}: ' if self.field else ''}{self.reason}"
        return f"{what} ({self.found})" if self.found else what


@dataclass
class Skipped:
    """What was not used so far.

    Attributes:
        listed: The first of it, in order.
        counts: How often each (field, reason) came up; field "": whole entries.
        read: Entries that were looked at.
        used: Those of them that count.
    """

    listed: list[Skip] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    read: int = 0
    used: int = 0

    def add(self, place: str, field: str, reason: str, found: Any = None) -> None:
        """Note a value that is not used; `found` is shown where it is not None."""
        self.counts[field, reason] += 1
        if len(self.listed) < LISTED:
            self.listed.append(Skip(place, field, reason, "" if found is None else _shorten(found)))

    @property
    def entries(self) -> int:
        """How many whole entries were skipped."""
        return sum(count for (field, _), count in self.counts.items() if not field)

    @property
    def fields(self) -> int:
        """How many values of entries that count were skipped."""
        return sum(count for (field, _), count in self.counts.items() if field)

    def summary(self) -> list[dict[str, str | int]]:
        """Each field and reason with its count, the most frequent first: for a report."""
        order = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"field": field, "reason": reason, "count": count} for (field, reason), count in order]


def _shorten(value: Any) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, (list, tuple, dict)):
        text = f"{len(value)} values"
    else:
        text = str(value)
    text = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return visible(text.encode("utf-8", "backslashreplace").decode())
