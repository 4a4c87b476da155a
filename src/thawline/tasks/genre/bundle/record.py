"""What is said of one track: the record that `predict` writes and `track.schema.json` describes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.decisions.ensemble import Member, join, member_probabilities, renormalise
from thawline.tasks.genre.tables.instruments import DetectedInstruments

SCHEMA = "thawline.track/1"
_SCHEMA_FILE = "track.schema.json"


class Ranked(TypedDict):
    """One of the most probable genres. `raw_score` is its probability before calibration."""

    genre: str
    confidence: float
    raw_score: float


class Instrument(TypedDict):
    """An instrument whose score reached its threshold."""

    instrument: str
    confidence: float


class Span(TypedDict):
    """What was heard in one window; seconds from the start of the track."""

    start: float
    end: float
    genre: str
    confidence: float


class Component(TypedDict):
    """What one member said. `weight` is its share in this record; 0, with the problem, where it could not judge it."""

    weight: float
    temperature: float
    windows: int
    scores: dict[str, float] | None
    problem: str | None


class Track(TypedDict):
    """What is said of a track. Scores are 0 to 1, or with `unit` percent 0 to 100.

    `all_scores` sum to 1 and the confidences of `predictions` are among them: they are not renormalised over the top.
    Where a track can have several labels each score is told by itself, they don't sum to 1, and `tags` are those that
    reach their thresholds, the surest first; elsewhere there is no such key. Where the track can't be used `problem`
    says why, and there are no scores. What no member knows is null. `themes` are those of the lyrics that were told and
    taken into account; the key is there where the model takes themes.
    """

    schema: str
    path: str
    problem: str | None
    unit: str
    primary_genre: str | None
    confidence: float | None
    predictions: list[Ranked]
    all_scores: dict[str, float]
    tags: NotRequired[list[str]]
    instruments_detected: list[Instrument] | None
    primary: str | None
    has_acoustic: bool | None
    has_electronic: bool | None
    acousticness: float | None
    themes: NotRequired[list[str]]
    method: str
    components: dict[str, Component]
    timeline: list[Span]
    seconds: float


@dataclass(frozen=True, eq=False)
class MemberSaid:
    """What one member said of a track.

    Attributes:
        name: What it is called; no two members share a name.
        classes: Its classes, K names.
        logits: Of each window, [W, K]; None where it could not judge the track.
        spans: Start and end of each window, seconds, W pairs.
        temperature: What its logits are divided by.
        weight: Its share; all members' are renormalised.
        problem: Why it could not judge the track, one phrase; None where it did.
        thresholds: From which score on a track has each class, where it can have several: each is told by itself, at no
            temperature, and no other member joins this one. None: it has one.
    """

    name: str
    classes: tuple[str, ...]
    logits: NDArray[np.float32] | None
    spans: tuple[tuple[float, float], ...] = ()
    temperature: float = 1.0
    weight: float = 1.0
    problem: str | None = None
    thresholds: Mapping[str, float] | None = None


def track_json(
    path: str,
    members: Sequence[MemberSaid],
    *,
    method: str,
    seconds: float,
    instruments: DetectedInstruments | None = None,
    acousticness: float | None = None,
    themes: Sequence[str] | None = None,
    top: int = 3,
    percent: bool = False,
) -> Track:
    """The record of a track.

    Each member's score of the track is the softmax of the mean of its windows' logits, at its temperature; the record's
    is their mean by weight. Of a member that tells each class by itself it is the sigmoid. Members that could not judge
    the track are left out and named in `method`.

    Args:
        path: As it was given.
        members: What the members said; one, where it is no ensemble.
        method: How the answer was found, in words.
        seconds: That it took.
        instruments: None where no member knows instruments.
        acousticness: 0 to 1; None where no member knows it.
        themes: Of the lyrics, that were taken into account; None where no member takes any.
        top: How many genres `predictions` holds at most.
        percent: Whether scores are 0 to 100 in place of 0 to 1.
    """
    scale = 100.0 if percent else 1.0
    genres = _genres(members)
    there = [member for member in members if member.logits is not None]
    if not there:
        reasons = "; ".join(f"{member.name}: {member.problem or 'no windows'}" for member in members)
        return unusable_json(path, reasons, method=method, seconds=seconds, percent=percent)
    weights = _weights(there)
    raw = _joined(there, genres, weights, None, calibrated=False)
    sure = _joined(there, genres, weights, None, calibrated=True)
    order = np.argsort(-sure, kind="stable")
    missing = "".join(f", without {member.name}" for member in members if member.logits is None)
    return Track(
        schema=SCHEMA,
        path=path,
        problem=None,
        unit=_unit(percent),
        primary_genre=genres[order[0]],
        confidence=scale * float(sure[order[0]]),
        predictions=[
            Ranked(genre=genres[i], confidence=scale * float(sure[i]), raw_score=scale * float(raw[i]))
            for i in order[:top]
        ],
        all_scores=_scores(genres, sure, scale),
        **_tags(there[0], sure),
        **_instruments(instruments, scale),
        acousticness=None if acousticness is None else scale * acousticness,
        **_themes(themes),
        method=method + missing,
        components=_components(members, dict(zip([one.name for one in there], weights, strict=True)), scale),
        timeline=_timeline(there, genres, weights, scale),
        seconds=seconds,
    )


def unusable_json(path: str, problem: str, *, method: str, seconds: float, percent: bool = False) -> Track:
    """The record of a track that can't be used, since `problem`."""
    return Track(
        schema=SCHEMA,
        path=path,
        problem=problem,
        unit=_unit(percent),
        primary_genre=None,
        confidence=None,
        predictions=[],
        all_scores={},
        **_Tags(),
        **_instruments(None, 1.0),
        acousticness=None,
        **_themes(None),
        method=method,
        components={},
        timeline=[],
        seconds=seconds,
    )


def joined_scores(members: Sequence[MemberSaid]) -> dict[str, float]:
    """`all_scores` of a track that at least one of `members` could judge, as fractions."""
    there = [member for member in members if member.logits is not None]
    genres = _genres(members)
    return _scores(genres, _joined(there, genres, _weights(there), None, calibrated=True), 1.0)


def answers_of(record: Track) -> tuple[str, ...]:
    """Its genre or, where a track can have several labels, those that reach their thresholds; none if unusable."""
    if "tags" in record:
        return tuple(record["tags"])
    return () if record["primary_genre"] is None else (record["primary_genre"],)


def read_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of the records."""
    schema: dict[str, Any] = json.loads(files(__package__).joinpath(_SCHEMA_FILE).read_text(encoding="utf-8"))
    return schema


def _genres(members: Sequence[MemberSaid]) -> tuple[str, ...]:
    """The classes of all members: those of the first, then what others add."""
    return tuple(dict.fromkeys(name for member in members for name in member.classes))


def _unit(percent: bool) -> str:
    return "percent" if percent else "fraction"


def _weights(there: Sequence[MemberSaid]) -> NDArray[np.float64]:
    """The shares of the members that judged the track; alike where these have none."""
    given = np.array([member.weight for member in there], dtype=np.float64)
    return renormalise(given if given.any() else np.ones(len(there)))


def _joined(
    there: Sequence[MemberSaid],
    genres: Sequence[str],
    weights: NDArray[np.float64],
    span: tuple[float, float] | None,
    *,
    calibrated: bool,
) -> NDArray[np.float64]:
    """The members' mean [C], of the windows that overlap `span`, or of the whole track."""
    if there[0].thresholds is not None:
        return one_by_one(_logits(there[0], span)).astype(np.float64)
    said = np.stack(
        [
            member_probabilities(_member(member, genres, span), member.temperature if calibrated else 1.0, len(genres))
            for member in there
        ]
    )
    mean: NDArray[np.float64] = np.minimum(join(said, weights)[0], 1.0)  # rounding may go a bit above
    return mean


def _member(member: MemberSaid, genres: Sequence[str], span: tuple[float, float] | None) -> Member:
    """A member's uncalibrated distribution over its classes, as one sample."""
    mean = _logits(member, span).astype(np.float64).mean(axis=0)
    chances = renormalise(np.exp(mean - mean.max()))
    columns = np.array([genres.index(name) for name in member.classes], dtype=np.int64)
    return Member(chances[None].astype(np.float32), columns)


def _logits(member: MemberSaid, span: tuple[float, float] | None) -> NDArray[np.float32]:
    """Of the windows that overlap `span`, if any do; otherwise of all."""
    assert member.logits is not None  # noqa: S101  # those without were left out
    if span is None:
        return member.logits
    inside = [start < span[1] and end > span[0] for start, end in member.spans]
    return member.logits[inside] if any(inside) else member.logits


def one_by_one(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The score of each class by itself, [C], by logits [windows, C]: the sigmoid of their mean."""
    # By the operations that training and judging use: thresholds are scores that some track had, to the last bit.
    scores: NDArray[np.float32] = torch.sigmoid(torch.from_numpy(logits).mean(dim=0)).numpy()
    return scores


def _timeline(
    there: Sequence[MemberSaid], genres: Sequence[str], weights: NDArray[np.float64], scale: float
) -> list[Span]:
    """A span for each window of the member that has most; the others add what they said of windows that overlap it."""
    finest = max(there, key=lambda member: len(member.spans))
    spans = []
    for start, end in finest.spans:
        said = _joined(there, genres, weights, (start, end), calibrated=True)
        best = int(said.argmax())
        spans.append(Span(start=start, end=end, genre=genres[best], confidence=scale * float(said[best])))
    return spans


def _components(members: Sequence[MemberSaid], weights: dict[str, float], scale: float) -> dict[str, Component]:
    return {
        member.name: Component(
            weight=float(weights.get(member.name, 0.0)),
            temperature=member.temperature,
            windows=0 if member.logits is None else len(member.logits),
            scores=None
            if member.logits is None
            else _scores(member.classes, _joined([member], member.classes, np.ones(1), None, calibrated=True), scale),
            problem=member.problem if member.logits is None else None,
        )
        for member in members
    }


def _scores(names: Sequence[str], said: NDArray[np.float64], scale: float) -> dict[str, float]:
    return {name: scale * value for name, value in zip(names, said.tolist(), strict=True)}


class _Tags(TypedDict):
    tags: NotRequired[list[str]]


def _tags(member: MemberSaid, sure: NDArray[np.float64]) -> _Tags:
    """The classes that reach their thresholds, the surest first; nothing where a track has one."""
    if member.thresholds is None:
        return _Tags()
    order = np.argsort(-sure, kind="stable")
    return _Tags(tags=[name for i in order if sure[i] >= member.thresholds[name := member.classes[i]]])


class _Themes(TypedDict):
    themes: NotRequired[list[str]]


def _themes(known: Sequence[str] | None) -> _Themes:
    """The themes that were taken into account; nothing where no member takes any."""
    return _Themes() if known is None else _Themes(themes=list(known))


class _Instruments(TypedDict):
    instruments_detected: list[Instrument] | None
    primary: str | None
    has_acoustic: bool | None
    has_electronic: bool | None


def _instruments(heard: DetectedInstruments | None, scale: float) -> _Instruments:
    """What was heard, the surest first as it comes; null where no member knows instruments."""
    if heard is None:
        return _Instruments(instruments_detected=None, primary=None, has_acoustic=None, has_electronic=None)
    detected = [Instrument(instrument=name, confidence=scale * score) for name, score in heard.instruments.items()]
    return _Instruments(
        instruments_detected=detected,
        primary=heard.primary,
        has_acoustic=heard.has_acoustic,
        has_electronic=heard.has_electronic,
    )
