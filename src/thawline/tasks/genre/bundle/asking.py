"""What a model of tracks and an ensemble of such are asked alike: for the record of each track."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from thawline.bundles.sounds import AnyTrack, read_ahead
from thawline.tasks.genre.bundle.record import MemberSaid, Track, joined_scores, track_json, unusable_json
from thawline.tasks.genre.tables.instruments import DetectedInstruments as Instruments
from thawline.tasks.genre.tables.instruments import hear, instrument_of

# Themes of lyrics that are told of tracks, by the file's path, as text or not, or by the track's number.
Told = Mapping[Any, Sequence[str]]
H = TypeVar("H")


@dataclass(frozen=True, eq=False)
class TrackResult:
    """What is said of a track.

    Attributes:
        members: By each model.
        instruments: Where a model knows them beside its classes; None otherwise.
        acousticness: 0 to 1; None where no model knows it.
        problem: Why the track can't be used; None if it can.
    """

    members: Sequence[MemberSaid] = ()
    instruments: Instruments | None = None
    acousticness: float | None = None
    problem: str | None = None


class AnyTracks(ABC, Generic[H]):
    """A model of tracks, or an ensemble of such, that was loaded from its directory.

    Attributes:
        task: The task that it was trained for.
        path: Its directory.
        labels: Names of the classes.
        manifest: What `manifest.json` says: versions, hashes, metrics, licence.
        thresholds: From which score on a track has a label, where it can have several; None: it has one.
    """

    task: str
    path: Path
    labels: tuple[str, ...]
    manifest: dict[str, Any]
    thresholds: dict[str, float] | None = None
    _method: str

    def predict(
        self,
        tracks: AnyTrack | Iterable[AnyTrack],
        *,
        themes: Told | None = None,
        calibrated: bool = True,
        top: int = 3,
        percent: bool = False,
    ) -> Iterator[Track]:
        """Say what each track is, in the order of `tracks`, while they are drawn; only files in flight are in memory.

        Args:
            tracks: Files or samples in memory, or a single one; a generator is drawn as it is needed. Samples are
                `(array, rate)`: floats, of which full scale is 1, or int16, as [samples] or [samples, channels], and
                how many there are a second. They get a WAV file's answer, and must stay as they are until then.
            themes: Of the lyrics of some of the tracks, by the path as it stands in `tracks`, or for samples by their
                number in it, from 0; a generator may add to it what it is about to give. Names that are no theme are
                left out, and so are all where the model takes none.
            calibrated: Whether scores are at the bundle's temperature; `raw_score` is the run's own in any case. An
                ensemble joins its members at their temperatures whatever this says.
            top: How many genres `predictions` holds at most.
            percent: Whether scores are 0 to 100 in place of 0 to 1.

        Yields:
            A record as `track.schema.json` describes it. Of a track that can't be used it says why.

        Raises:
            UserError: One is no track: an array without a rate, or one of a type or shape that is no sound.
        """
        for number, (path, heard) in enumerate(read_ahead(tracks, self.hear)):
            started = time.perf_counter()
            names = themes_told(themes, path, number)
            said = self.judge(heard, names, calibrated=calibrated)
            if said.problem is not None:
                yield unusable_json(path, said.problem, method=self._method, seconds=0.0, percent=percent)
                continue
            yield track_json(
                path,
                said.members,
                method=self._method,
                seconds=time.perf_counter() - started,
                instruments=said.instruments or _instruments_among(said.members),
                acousticness=said.acousticness,
                themes=self.known_themes(names),
                top=top,
                percent=percent,
            )

    @abstractmethod
    def hear(self, track: AnyTrack) -> H:
        """What the models are given of `track`, and why it can't be used if it can't."""

    @abstractmethod
    def judge(self, heard: H, themes: Sequence[str], *, calibrated: bool) -> TrackResult:
        """All that is said of the track that was read, and of which `themes` are told."""

    @property
    @abstractmethod
    def themes(self) -> tuple[str, ...]:
        """The themes of lyrics that it can be told; none where it hears the sound alone."""

    @abstractmethod
    def known_themes(self, told: Sequence[str]) -> tuple[str, ...] | None:
        """The themes that the names `told` stand for; None where it takes none."""

    @abstractmethod
    def check(self) -> float:
        """By how much the logits of golden windows differ on this machine from those of the export, at most."""


def themes_told(themes: Told | None, path: str, number: int) -> Sequence[str]:
    """What `themes` has of the track at `path`, named as text, as a path or by its number; a text is one theme."""
    told = () if themes is None else themes.get(path, themes.get(Path(path), themes.get(number, ())))
    return (told,) if isinstance(told, str) else told


def _instruments_among(members: Sequence[MemberSaid]) -> Instruments | None:
    """The instruments among the classes of `members`, by the scores that they give together; None where none is."""
    if not any(instrument_of(name) for member in members for name in member.classes):
        return None
    return hear(joined_scores(members))
