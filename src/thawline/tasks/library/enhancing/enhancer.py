"""`thawline.load(DIR).enhance(entry)`: what a library taught, said of a new entry. Without Hydra and Lightning."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import xxhash

from thawline.errors import UserError
from thawline.files import read_json
from thawline.screen import as_word
from thawline.tasks.library import tagging
from thawline.tasks.library.enhancing import parts as parts_
from thawline.tasks.library.enhancing.advice import News, advise
from thawline.tasks.library.enhancing.corrections import Correction, count_since, read_corrections
from thawline.tasks.library.enhancing.making import Description, PhotoFacts
from thawline.tasks.library.enhancing.nearest import Recogniser
from thawline.tasks.library.enhancing.related import Related
from thawline.tasks.library.enhancing.wanting import improve, in_words, why
from thawline.tasks.library.entries.checking import Checker
from thawline.tasks.library.entries.entry import FACES, ID, PATH, Entry
from thawline.tasks.library.entries.found import RawEntry
from thawline.tasks.library.entries.photos import Photos
from thawline.tasks.library.entries.places import place_of
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.people.store import read_people
from thawline.tasks.library.tagging.store import FILE as SUGGESTIONS
from thawline.tasks.library.tagging.suggesting import Suggested, Suggester
from thawline.tasks.library.training.patterns import CATEGORIES
from thawline.tasks.library.training.remembered import remembered_ids
from thawline.tasks.library.training.report import FILE as REPORT

LOADED: Final = "Enhanced analysis module loaded - using learned patterns"
SUGGESTED: Final = 5  # tags
LIKELY: Final = 0.5  # probability from which on a description says a suggested tag
_log = logging.getLogger(__name__)


class Enhancer:
    """What a library taught.

    Attributes:
        path: Its directory.
        report: That of the last training.
        version: The time of that training, and a digest of what it learnt.
    """

    def __init__(self, path: Path) -> None:
        """Read what is needed for every entry; people and suggestions are read when they are first asked for.

        Raises:
            UserError: Nothing was learnt there, or its files are damaged.
        """
        self.path = path
        self.report = _read_report(path)
        self.version = f"{self.report.get('timestamp', 'unknown')}-{_digest(path)}"
        self._parts = parts_.read_parts(path)
        self._corrections = read_corrections(path)
        _log.info("%s (version %s)", LOADED, self.version)

    def enhance(self, entry: Entry | Mapping[str, Any]) -> dict[str, Any]:
        """What can be said of a new entry, as plain JSON.

        Args:
            entry: As in a library's file; `id` and `image_path` may be left out.

        Returns:
            `id`; `description`, and `description_by`: `owner`, `correction` or `generated`, with `why` and
            `confidence`; `tags`, each with its `probability` and `by` what; `related`: words that the library has to do
            with these, `synonyms`, `related` and `broader`; `people`: whose each face is; `notes`; `version`.

        Raises:
            UserError: The entry can't be used, or what was learnt is damaged.
        """
        notes: list[str] = []
        if not isinstance(entry, Entry):
            entry, notes = _checked(entry)
        self.news.see(entry)
        said = self._corrections.get(entry.id, Correction())
        if said.tags is not None:
            entry = replace(entry, tags=said.tags)
        suggested = [] if said.tags is not None else self._suggest(entry)
        people, note = self._recogniser.recognise(entry.faces) if len(entry.faces) else ((), "")
        known = PhotoFacts(
            entry.tags,
            [one.name for one in people if one.name is not None],
            place_of(entry.further),
            entry.created_at,
            suggested=[(one.tag, one.probability) for one in suggested if one.probability >= LIKELY],
        )
        by = "owner" if said.tags is None else "correction"
        tags = [{"tag": tag, "probability": 1.0, "by": [by]} for tag in entry.tags]
        tags += [{"tag": s.tag, "probability": round(s.probability, 4), "by": list(s.by)} for s in suggested]
        described = self._description(entry, said, known)
        return {
            "id": entry.id,
            **described,
            "tags": tags,
            "related": self._words.related(f"{described['description']} {' '.join(str(one['tag']) for one in tags)}"),
            "people": [one.to_json() for one in people],
            "notes": [*notes, *([note] if note else [])],
            "version": self.version,
        }

    def advice(self, now: datetime | None = None) -> list[str]:
        """Reasons to train again, by what was asked so far, corrections and time; none: there is no need."""
        since = count_since(self.path, str(self.report.get("timestamp", "")))
        return advise(self.report, since, self.news, now or datetime.now(UTC))

    def _suggest(self, entry: Entry) -> list[Suggested]:
        """Tags that an entry lacks; none where nothing was learnt of tags."""
        return [] if self._suggester is None else self._suggester.suggest(entry, SUGGESTED)

    def _description(self, entry: Entry, said: Correction, known: PhotoFacts) -> dict[str, Any]:
        if said.description is not None:
            return _described(said.description, "correction", "its owner corrected it", 1.0)
        times = self._parts.repeated.get(entry.description, 1)
        reason = why(entry.description, str(entry.photo), entry.tags, times)
        made: Description | None = None
        if reason:
            made = improve(reason, entry.description, entry.detailed_description, known, self._parts)
        if made is None:
            return _described(entry.description, "owner", "", 1.0 if entry.description else 0.0)
        return _described(
            made.text, "generated", f"{in_words(reason, times)}; made of {', '.join(made.of)}", made.confidence
        )

    @cached_property
    def _categories(self) -> dict[str, Any]:
        try:
            found = read_json(self.path / CATEGORIES)
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def news(self) -> News:
        """What the entries that were asked about have that the library had not."""
        tags = [str(tag) for tag, _ in self._categories.get("common_tags", ())]
        return News(remembered_ids(self.path), tags)

    @cached_property
    def _suggester(self) -> Suggester | None:
        return tagging.load(self.path) if (self.path / SUGGESTIONS).is_file() else None

    @cached_property
    def _words(self) -> Related:
        return Related(self.path)

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser(read_people(self.path))


def open_library(folder: Path) -> Enhancer:
    """What was learnt into the directory `folder`.

    Raises:
        UserError: Nothing was, or it is damaged.
    """
    return Enhancer(folder)


def _described(text: str, by: str, reason: str, confidence: float) -> dict[str, Any]:
    return {"description": text, "description_by": by, "why": reason, "confidence": confidence}


def _checked(value: Mapping[str, Any]) -> tuple[Entry, list[str]]:
    """(the entry, what of it can't be used)."""
    skipped = Skipped()
    given = {ID: "new", PATH: "new", **value, FACES: _plain(value.get(FACES))}
    entry = Checker(Photos(Path()), skipped, None).check(RawEntry("the entry", given))
    if entry is None:
        raise UserError(skipped.listed[0].sentence)
    return entry, [one.sentence for one in skipped.listed]


def _plain(value: Any) -> Any:
    """Arrays as lists."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _read_report(path: Path) -> dict[str, Any]:
    try:
        report = read_json(path / REPORT)
        if isinstance(report, dict):
            return report
    except FileNotFoundError:
        raise UserError(f"nothing was learnt in {path}; run thawline library train FILE out={as_word(path)}") from None
    except (ValueError, RecursionError):
        pass
    raise UserError(f"{path / REPORT} is damaged; run thawline library train FILE out={as_word(path)} again")


def _digest(path: Path) -> str:
    """Of what entries are described and known by."""
    digest = xxhash.xxh3_64()
    for name in (CATEGORIES, parts_.FILE):
        if (path / name).is_file():
            digest.update((path / name).read_bytes())
    return digest.hexdigest()[:8]
