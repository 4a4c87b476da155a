"""Golden cases: files whose answer is known, read from `golden.yaml` and held against what a bundle says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from thawline.data.tables.encodings import read_text
from thawline.data.tables.places import find_file
from thawline.errors import UserError
from thawline.tasks.genre.tables.instruments import instrument_of, instruments

_LABELS, _KEYS = ("genre", "expected"), ("file", "genre", "expected", "instruments", "acousticness", "themes")
_FORM = "write a list of cases such as {file: a.wav, genre: country, instruments: [violin], acousticness: [0.6, 1]}"


@dataclass(frozen=True)
class GoldenCase:
    """A file and what must be said of it; only what is given is checked.

    Attributes:
        file: Where it is.
        label: The genre, or the class of a photo.
        instruments: Those that must be detected, among others.
        acousticness: The least and the most, 0 to 1.
        themes: Of the lyrics, that are told; not something to be said.
    """

    file: Path
    label: str | None = None
    instruments: tuple[str, ...] = ()
    acousticness: tuple[float, float] | None = None
    themes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What came of a case.

    Attributes:
        case: The case.
        said: The label that was said; None where the file can't be used.
        confidence: Of that label, 0 to 1.
        failures: What is not as it must be, a phrase each; none: the case passes.
    """

    case: GoldenCase
    said: str | None
    confidence: float | None
    failures: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether all is as it must be."""
        return not self.failures


def read_golden(path: Path, *, of_photos: bool = False) -> list[GoldenCase]:
    """The cases of a YAML file: a list, each with `file` (relative to the YAML file) and what is expected.

    Keys: `genre` (or `expected`), `instruments`, `acousticness: [least, most]`; photos have `expected` alone. `themes`
    are what is told of the lyrics.

    Raises:
        UserError: The file is absent or malformed; the case is named.
    """
    try:
        cases = yaml.safe_load(read_text(path).text)
    except yaml.YAMLError as error:
        raise UserError(f"{path} can't be read as YAML ({_in_one_line(error)}); {_FORM}") from error
    if not isinstance(cases, list) or not cases:
        raise UserError(f"{path} holds no list of cases; {_FORM}")
    return [_case(one, f"case {number} of {path}", path.parent, of_photos) for number, one in enumerate(cases, start=1)]


def judge_golden(cases: Sequence[GoldenCase], records: Iterable[Mapping[str, Any]]) -> Iterator[Verdict]:
    """Hold each case against the record of its file, in the same order.

    Args:
        cases: What must be said.
        records: As `bundles.track_record` builds them; of photos `primary_genre`, `confidence` and `problem` suffice.
    """
    for case, record in zip(cases, records, strict=True):
        scale = 100.0 if record.get("unit") == "percent" else 1.0
        sure = record["confidence"]
        failures = tuple(_failures(case, record, scale))
        yield Verdict(case, record["primary_genre"], None if sure is None else sure / scale, failures)


def _failures(case: GoldenCase, record: Mapping[str, Any], scale: float) -> Iterator[str]:
    if record["problem"] is not None:
        yield f"can't be used: {record['problem']}"
        return
    if case.label is not None and record["primary_genre"] != case.label:
        yield f"{record['primary_genre']} in place of {case.label}"
    if case.instruments:
        found = record.get("instruments_detected")
        heard = set() if found is None else {one["instrument"] for one in found}
        if found is None:
            yield "the bundle knows no instruments"
        elif absent := [name for name in case.instruments if name not in heard]:
            yield f"no {', no '.join(absent)}"
    if case.acousticness is not None:
        value, (least, most) = record.get("acousticness"), case.acousticness
        if value is None:
            yield "the bundle knows no acousticness"
        elif not least <= value / scale <= most:
            yield f"acousticness {value / scale:.2f}, not {least:g} to {most:g}"


def _case(given: Any, where: str, folder: Path, of_photos: bool) -> GoldenCase:
    """One case.

    Raises:
        UserError: It is malformed.
    """
    if not isinstance(given, dict) or not isinstance(given.get("file"), str) or not given["file"]:
        raise UserError(f"{where} names no file; {_FORM}")
    keys = ("file", "expected") if of_photos else _KEYS
    if unknown := [str(key) for key in given if key not in keys]:
        raise UserError(f"{where} has the key '{unknown[0]}', which is not known; it may have {', '.join(keys)}")
    labels = [given[key] for key in _LABELS if key in given]
    if len(labels) > 1 or not all(isinstance(label, str) and label for label in labels):
        raise UserError(f"{where} must have one name as its genre (or expected)")
    if not set(given) - {"file", "themes"}:
        raise UserError(f"{where} expects nothing of {given['file']}; give it a genre, say")
    return GoldenCase(
        find_file(given["file"], folder.absolute()),
        labels[0] if labels else None,
        _instruments(given.get("instruments", []), where),
        _range(given["acousticness"], where) if "acousticness" in given else None,
        _names(given.get("themes", []), f"the themes of {where}", "love, drinking"),
    )


def _names(given: Any, what: str, such_as: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(name, str) and name for name in given):
        raise UserError(f"{what} must be a list of names, such as [{such_as}]")
    return tuple(given)


def _instruments(given: Any, where: str) -> tuple[str, ...]:
    names = _names(given, f"the instruments of {where}", "violin, drums")
    known = {name: instrument_of(name) for name in names}
    for name, instrument in known.items():
        if instrument is None:
            raise UserError(
                f"{where} has the instrument '{name}', which is not known; there are: {', '.join(instruments())}"
            )
    return tuple(instrument for instrument in known.values() if instrument is not None)


def _range(given: Any, where: str) -> tuple[float, float]:
    numbers = given if isinstance(given, list) else []
    if len(numbers) == 2 and all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        least, most = float(numbers[0]), float(numbers[1])
        if 0 <= least <= most <= 1:
            return least, most
    raise UserError(f"the acousticness of {where} must be [least, most] within 0 to 1, such as [0.6, 1]")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
