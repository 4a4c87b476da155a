"""Tracks whose answer is known, held against what a bundle says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thawline.errors import UserError
from thawline.tasks.bundle.golden import CaseResult, GoldenCase, GoldenForm, check_labels, label_failures, read_golden
from thawline.tasks.genre.bundle.asking import AnyTracks
from thawline.tasks.genre.bundle.record import Track, answers_of
from thawline.tasks.genre.tables.instruments import instrument_of, instruments

_FORM = GoldenForm(
    ("genre", "expected"),
    ("instruments", "acousticness", "themes"),
    "{file: a.wav, genre: country, instruments: [violin], acousticness: [0.6, 1]}",
)


@dataclass(frozen=True)
class TrackCase(GoldenCase):
    """A track and what must be said of it; only what is given is checked.

    Attributes:
        instruments: Those that must be detected, among others.
        acousticness: The least and the most, 0 to 1.
        themes: Of the lyrics, that are told; not something to be said.
    """

    instruments: tuple[str, ...] = ()
    acousticness: tuple[float, float] | None = None
    themes: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What must be said, in words."""
        words = [] if self.label is None else [self.label]
        words += self.instruments
        if self.acousticness is not None:
            words.append("acousticness {:g} to {:g}".format(*self.acousticness))
        return ", ".join(words)


def judge_tracks(bundle: AnyTracks[Any], path: Path) -> list[CaseResult]:
    """Hold the cases of the file `path` against what `bundle` says; see `tasks.capabilities.GoldenJudge`."""
    cases = read_cases(path)
    check_labels(cases, bundle.labels, path)
    _check_themes(cases, bundle, path)
    # One by one: a file may be in several cases, of which other themes are told.
    records = (record for case in cases for record in bundle.predict(case.file, themes={case.file: case.themes}))
    return list(judge_cases(cases, records))


def read_cases(path: Path) -> list[TrackCase]:
    """The cases of a YAML file, see `read_golden`.

    Keys: `genre` (or `expected`), `instruments`, `acousticness: [least, most]`; `themes` are what is told of lyrics.

    Raises:
        UserError: The file is absent or malformed; the case is named.
    """
    return read_golden(path, _FORM, _case)


def judge_cases(cases: Sequence[TrackCase], records: Iterable[Track]) -> Iterator[CaseResult]:
    """Hold each case against the record of its file, in the same order."""
    for case, record in zip(cases, records, strict=True):
        scale = 100.0 if record["unit"] == "percent" else 1.0
        sure = record["confidence"]
        if "tags" in record and case.label is not None:
            sure = record["all_scores"][case.label]
        failures = tuple(_failures(case, record, scale))
        yield CaseResult(case, answers_of(record), None if sure is None else sure / scale, failures)


def _failures(case: TrackCase, record: Track, scale: float) -> Iterator[str]:
    yield from label_failures(case, answers_of(record), record["problem"])
    if record["problem"] is not None:
        return
    if case.instruments:
        found = record["instruments_detected"]
        heard = set() if found is None else {one["instrument"] for one in found}
        if found is None:
            yield "the bundle knows no instruments"
        elif absent := [name for name in case.instruments if name not in heard]:
            yield f"no {', no '.join(absent)}"
    if case.acousticness is not None:
        value, (least, most) = record["acousticness"], case.acousticness
        if value is None:
            yield "the bundle knows no acousticness"
        elif not least <= value / scale <= most:
            yield f"acousticness {value / scale:.2f}, not {least:g} to {most:g}"


def _check_themes(cases: Sequence[TrackCase], bundle: AnyTracks[Any], path: Path) -> None:
    """Refuse a theme that the bundle can't be told: a slip of the pen too."""
    for case in cases:
        for theme in case.themes:
            if not bundle.themes:
                raise UserError(f"{path} tells themes of {case.file.name}, and the bundle takes none; leave them out")
            if not bundle.known_themes([theme]):
                raise UserError(
                    f"{path} has the theme '{theme}' of {case.file.name}, which the bundle does not know; it knows "
                    f"{', '.join(bundle.themes)}"
                )


def _case(case: GoldenCase, given: Mapping[str, Any], where: str) -> TrackCase:
    return TrackCase(
        case.file,
        case.label,
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
