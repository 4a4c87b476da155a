"""Times as libraries write them."""

import re
from datetime import UTC, date, datetime, time
from typing import Any

_EXIF = re.compile(r"(\d{4}):(\d{2}):(\d{2})(?=$|[ T])")
_SECONDS = (0, 1e11)  # beyond that a number counts milliseconds


def parse_time(value: Any) -> datetime | None:
    """A moment in UTC; None: `value` is none.

    Texts are ISO 8601 or as cameras write them (`2026:11:29 14:30:00`), numbers are seconds or milliseconds since 1970.
    What names no zone is UTC.
    """
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, (int, float)):
            least, most = _SECONDS
            return datetime.fromtimestamp(value if value < most else value / 1000, UTC) if value > least else None
        if isinstance(value, str):
            value = datetime.fromisoformat(_EXIF.sub(r"\1-\2-\3", value.strip()))
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if not isinstance(value, datetime):
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
