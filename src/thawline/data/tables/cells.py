"""What a cell says, in the words of whatever program wrote it."""

import math
import re

from thawline.data.listing import SIDES

_MARKS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]0*)?")


def whole_number(cell: str) -> int | None:
    """A whole number: 3, and 3.0 or 3,0, as a column of floating-point numbers says it; None: it is none."""
    cell = cell.strip()
    return int(re.split("[.,]", cell)[0]) if _NUMBER.fullmatch(cell) else None


def several(cell: str) -> tuple[str, ...]:
    """What stands in one cell with "|" or ";" between, each once."""
    return tuple(dict.fromkeys(each for part in re.split(r"[|;]", cell) if (each := part.strip())))


def mark_of(cell: str) -> bool | None:
    """Whether a cell marks its column: 1, 1.0, true or yes; 0, false, no or nothing do not; None: it is no mark."""
    number = whole_number(cell)
    return _MARKS.get(cell.strip().lower() if number is None else str(number))


def side_of(cell: str) -> str | None:
    """`train`, `val` or `test`, as `SIDES` spells them in any case; None: it is none of them."""
    return SIDES.get(cell.strip().lower())


def number_of(cell: str) -> float | None:
    """A number: 3, -0.5, 1e-3, or 3,5 as a German table has it; None: it is none, or one that could mean two.

    Three digits after a comma may be thousands.
    """
    cell = cell.strip()
    if re.fullmatch(r"[+-]?\d+,(\d{1,2}|\d{4,})", cell):
        cell = cell.replace(",", ".")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cell):
        return None
    number = float(cell)
    return number if math.isfinite(number) else None
