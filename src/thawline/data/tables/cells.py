"""What a cell says, in the words of whatever program wrote it."""

import re

from thawline.data.listing import SIDES

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]0*)?")
_MATCH = {"true": 1, "match": 1, "false": 0, "mismatch": 0}


def whole_number(cell: str) -> int | None:
    """A whole number: 3, and 3.0 or 3,0, as a column of floating-point numbers says it; None: it is none."""
    cell = cell.strip()
    return int(re.split("[.,]", cell)[0]) if _NUMBER.fullmatch(cell) else None


def match_label(cell: str) -> int | None:
    """1 for a match (1, 1.0, true, match, in any case), 0 for a mismatch (0, 0.0, false, mismatch); None: neither."""
    cell = cell.strip().lower()
    number = _MATCH.get(cell, whole_number(cell))
    return number if number in (0, 1) else None


def side_of(cell: str) -> str | None:
    """`train`, `val` or `test`, as `SIDES` spells them in any case; None: it is none of them."""
    return SIDES.get(cell.strip().lower())
