"""Which column of a data set is what, and what its cells say."""

import datetime
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thawline.data.datasets.settings import IMAGE, Fields
from thawline.errors import UserError

_SEVERAL = "|"  # between several labels in one cell, as in any table
_SETTING = "data.dataset.columns"


def find_columns(
    features: Mapping[str, Any], path: str, fields: Fields, given: Mapping[str, str], needed: Sequence[str]
) -> dict[str, str]:
    """The data set's columns by what the task calls them; those that are not there, and not needed, are left out.

    The column of files may also be the only one of images or sounds, and that of labels the only one of classes.

    Args:
        features: Its columns, with their types.
        path: The data set, for messages.
        fields: What the task reads.
        given: What the settings name.
        needed: What must be there, besides the files.

    Raises:
        UserError: One is not there, or holds no files.
    """
    for field, name in given.items():
        if field not in fields.known:
            raise UserError(f"{_SETTING} names '{field}'; this task reads {', '.join(fields.known)}")
        if name not in features:
            raise UserError(f"{path} has no column '{name}'; it has: {', '.join(features)}")
    found = {}
    for field in fields.known:
        looked_for = (given[field],) if field in given else fields.columns.get(field, (field, f"{field}_path"))
        there = [name for name in looked_for if name in features] or _only(features, field, fields.media, needed)
        if there:
            found[field] = there[0]
        elif field == fields.media or field in needed:
            raise UserError(
                f"{path} has no column '{field}'; say which it is by '{_SETTING}={{{field}: …}}': it has "
                f"{', '.join(features)}"
            )
    _check_files(features, path, found[fields.media], fields.media)
    return found


def rows_of(split: Any, columns: Mapping[str, str], media: str) -> Iterator[tuple[Mapping[str, Any], dict[str, str]]]:
    """Of each row the file, `bytes` and `path` of which one may be None, and what the other cells say as text.

    Nothing is decoded: the bytes are those that the data set holds.
    """
    import datasets

    kind = datasets.Image if media == IMAGE else datasets.Audio
    raw = split.select_columns(sorted(set(columns.values()))).cast_column(columns[media], kind(decode=False))
    others = {field: name for field, name in columns.items() if field != media}
    for row in raw:
        file = row[columns[media]] or {"bytes": None, "path": None}
        yield file, {field: _text(raw.features[name], row[name]) for field, name in others.items()}


def _only(features: Mapping[str, Any], field: str, media: str, needed: Sequence[str]) -> list[str]:
    """The only column of the kind that a needed field is of; none where there are several, or it is not needed."""
    kind = {media: media.capitalize(), "label": "ClassLabel"}.get(field) if field in (media, *needed) else None
    there = [name for name, feature in features.items() if type(feature).__name__ == kind]
    return there if len(there) == 1 else []


def _check_files(features: Mapping[str, Any], path: str, column: str, media: str) -> None:
    """Can a column hold files? Images or sounds, paths, bytes, or structs of these."""
    feature = features[column]
    kind, what = type(feature).__name__, f"{'an' if media[0] in 'ai' else 'a'} {media}"
    held = isinstance(feature, Mapping) and {"bytes", "path"} >= set(feature)
    plain = kind == "Value" and feature.dtype in ("string", "large_string", "binary", "large_binary")
    if not (kind == media.capitalize() or held or plain):
        shown = feature.dtype if kind == "Value" else kind
        raise UserError(f"the column '{column}' of {path} is {shown}, not {what} file; name another by {_SETTING}")


def _text(feature: Any, value: Any) -> str:
    """A cell as a table would have it: words of classes, several with "|" between; what is nested deeper as JSON.

    What a class is called may itself hold what stands between several labels, which becomes a slash.
    """
    if value is None:
        return ""
    if type(feature).__name__ == "ClassLabel":
        return "" if value < 0 else re.sub(r"\s*[|;]\s*", " / ", feature.int2str(value))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        inner = getattr(feature, "feature", None)
        if any(isinstance(one, Sequence | Mapping) and not isinstance(one, str) for one in value):
            return json.dumps(value, default=str)
        return _SEVERAL.join(filter(None, (_text(inner, one) for one in value)))
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value.isoformat() if isinstance(value, datetime.date) else str(value)
