"""`corrections.json`: what the owner said of entries, facts in order: of each field the last one counts.

No training writes this file. It outweighs what the library's file says and what was generated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import filelock

from thawline.errors import UserError
from thawline.files import read_json, write_json
from thawline.tasks.library.people.forget import INSTEAD

FILE: Final = "corrections.json"
_LOCK: Final = ".corrections.lock"
_WAIT = 10.0  # seconds


@dataclass(frozen=True)
class Correction:
    """What the owner says of an entry.

    Attributes:
        tags: All its tags; None: nothing is said of them.
        description: Its description; None: nothing is said of it.
        at: When that was said last, ISO 8601.
    """

    tags: tuple[str, ...] | None = None
    description: str | None = None
    at: str = ""

    @property
    def says_nothing(self) -> bool:
        """Whether it leaves all as it is."""
        return self.tags is None and self.description is None


def read_corrections(folder: Path) -> dict[str, Correction]:
    """What counts, by entry: of each field what was said last.

    Raises:
        UserError: The file is damaged; corrections are never passed over in silence.
    """
    standing: dict[str, Correction] = {}
    for fact in _facts(folder):
        id_ = str(fact["id"])
        if fact.get("undone"):
            standing.pop(id_, None)
            continue
        one = standing.get(id_, Correction())
        if (tags := fact.get("tags")) is not None:
            one = replace(one, tags=tuple(str(tag) for tag in tags if INSTEAD not in str(tag)))
        if (description := fact.get("description")) is not None:
            one = replace(one, description=str(description))
        standing[id_] = replace(one, at=str(fact["at"]))
    return {id_: one for id_, one in standing.items() if not one.says_nothing}


def add_corrections(folder: Path, said: Mapping[str, Correction | None]) -> None:
    """Note what the owner says, by entry; None: what was said of it is taken back.

    Raises:
        UserError: There is no such directory, or the file is damaged.
    """
    if not folder.is_dir():
        raise UserError(f"there is no directory {folder}; thawline library train FILE out={folder} makes it")
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    with filelock.FileLock(folder / _LOCK, timeout=_WAIT):
        facts = [*_facts(folder), *(_fact(id_, one, at) for id_, one in said.items())]
        write_json(folder / FILE, facts)


def count_since(folder: Path, moment: str) -> int:
    """How many entries were corrected after `moment`, ISO 8601 in UTC."""
    return len({str(fact["id"]) for fact in _facts(folder) if str(fact["at"]) > moment})


def _fact(id_: str, one: Correction | None, at: str) -> dict[str, Any]:
    if one is None:
        return {"id": id_, "at": at, "undone": True}
    said: dict[str, Any] = {"id": id_, "at": at}
    said |= {} if one.tags is None else {"tags": list(one.tags)}
    return said | ({} if one.description is None else {"description": one.description})


def _facts(folder: Path) -> Sequence[Mapping[str, Any]]:
    path = folder / FILE
    if not path.exists():
        return []
    try:
        facts = read_json(path)
        if not isinstance(facts, list) or not all(_is_fact(fact) for fact in facts):
            raise ValueError
    except (ValueError, RecursionError):
        raise UserError(
            f"{path} is damaged: it must be a list of corrections, each with id and at; restore it from a backup"
        ) from None
    return facts


def _is_fact(fact: Any) -> bool:
    if not isinstance(fact, dict) or not {"id", "at"} <= fact.keys():
        return False
    tags = fact.get("tags")
    is_list: bool = isinstance(tags, Iterable) and not isinstance(tags, (str, dict))
    return tags is None or is_list
