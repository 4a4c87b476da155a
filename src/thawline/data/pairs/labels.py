"""What a pair can be, and how tables say it."""

from thawline.data.tables.cells import whole_number

# By their label: 0, 1. These are answers: that a task has the name of one is nothing that this floor knows.
CLASSES = MISMATCH, MATCH = "mismatch", "match"
_WORDS = {"true": 1, MATCH: 1, "false": 0, MISMATCH: 0}


def match_label(cell: str) -> int | None:
    """1 for a match (1, 1.0, true, match, in any case), 0 for a mismatch (0, 0.0, false, mismatch); None: neither."""
    cell = cell.strip().lower()
    number = _WORDS.get(cell, whole_number(cell))
    return number if number in (0, 1) else None
