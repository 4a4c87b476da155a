"""What a file or a database holds at one place, before anything is believed."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RawEntry:
    """A value where an entry should be.

    Attributes:
        place: Where it stands: "entry 3", "line 3" or "row 3".
        value: What was read.
        problem: Why it could not be read, a phrase; "": it could.
        shown: What was found there.
    """

    place: str
    value: Any = None
    problem: str = ""
    shown: str | None = None
