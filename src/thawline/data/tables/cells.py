"""What a cell says, in the words of whatever program wrote it."""

import re

from thawline.data.listing import SIDES

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]0*)?")


def whole_number(cell: str) -> int | None:
    """A whole number: 3, and 3.0 or 3,0, as a column of floating-point numbers says it; None: it is none."""
    cell = cell.strip()
    return int(re.split("[.,]", cell)[0]) if _NUMBER.fullmatch(cell) else None


def side_of(cell: str) -> str | None:
    """`train`, `val` or `test`, as `SIDES` spells them in any case; None: it is none of them."""
    return SIDES.get(cell.strip().lower())
