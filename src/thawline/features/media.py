"""The kinds of files that a survey goes over: how each becomes facts, and what enters a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from thawline.data.photos.photo import PhotoFacts, read_photo, refused_photo
from thawline.data.photos.preprocessing import MAX_MEGAPIXELS, Preprocessing
from thawline.data.tracks.sound.ffmpeg import version
from thawline.data.tracks.track import TRACK_FACTS_VERSION, TrackFacts, Window, read_track, read_windows, refused_track
from thawline.data.tracks.windows import window_digest
from thawline.errors import UnusableError
from thawline.features import ahead
from thawline.features.files import Stamp
from thawline.features.kinds import PHOTOS, F, Facts, Kind
from thawline.features.passes.workers import BATCH
from thawline.files import JSON, digest_of

if TYPE_CHECKING:
    from thawline.encoders.encoder import Features
    from thawline.encoders.sound.hearing import Hearing

TRACKS = Kind("tracks.sqlite", TRACK_FACTS_VERSION, TrackFacts.from_json)
KINDS: tuple[Kind[Any], ...] = (PHOTOS, TRACKS)


F_co = TypeVar("F_co", bound=Facts, covariant=True)


class Early(Protocol[F_co]):
    """A file that was read before the survey began."""

    @property
    def stamp(self) -> Stamp | None:
        """The file's before that."""

    @property
    def facts(self) -> F_co:
        """The file's."""

    @property
    def entering(self) -> Mapping[str, Features]:
        """What enters the network for each row."""


class Medium(Protocol[F]):
    """How a file becomes facts and the rows of a shelf.

    Attributes:
        kind: Of its files.
        unit: What the files are called on screen, plural.
        batch: Rows in each forward pass, so that a row's features are the same bits whatever is computed with it.
    """

    kind: Kind[F]
    unit: str
    batch: int

    def rows(self, facts: F) -> Sequence[str]:
        """The digests of a usable file's rows, in order."""

    def take(self, path: Path) -> Early[F] | None:
        """What was read of a file before the survey began; None if it was not."""

    def refused(self, path: Path) -> F | None:
        """The facts of a file whose size or header rule it out, found without hashing it; None of any other."""

    def admits(self, facts: F) -> bool:
        """Whether a file of these facts is within limits that settings move."""

    def read(self, path: Path, known: F | None) -> tuple[F, Mapping[str, Features]]:
        """Read a file once: its facts, and what enters the network for each row. Safe to call from threads.

        Args:
            path: The file.
            known: Its facts, where its content is known to be that; None: to be found.
        """

    def key(self) -> dict[str, JSON]:
        """Everything that decides what enters the network besides the file's bytes."""


@dataclass(frozen=True)
class Photos:
    """Photos within the limit, one row each; without preprocessing only their facts are wanted."""

    preprocessing: Preprocessing | None = None
    max_megapixels: float = MAX_MEGAPIXELS
    kind = PHOTOS
    unit = "photos"
    batch = BATCH

    def rows(self, facts: PhotoFacts) -> Sequence[str]:
        """The photo itself."""
        return [facts.digest]

    def take(self, path: Path) -> ahead.Early | None:
        """What was read while the libraries were imported."""
        return ahead.take(path, self.preprocessing)

    def refused(self, path: Path) -> PhotoFacts | None:
        """What is beyond the limits."""
        return refused_photo(path, self.preprocessing, self.max_megapixels)

    def admits(self, facts: PhotoFacts) -> bool:
        """Whether it is no larger."""
        return facts.width * facts.height <= self.max_megapixels * 10**6

    def read(self, path: Path, known: PhotoFacts | None) -> tuple[PhotoFacts, Mapping[str, Features]]:
        """The facts, and {"pixels": uint8 [3, size, size]}."""
        facts, pixels = read_photo(path, self.preprocessing, self.max_megapixels)
        return facts, {} if pixels is None else {facts.digest: {"pixels": pixels}}

    def key(self) -> dict[str, JSON]:
        """What decides the pixels."""
        if self.preprocessing is None:
            raise ValueError("without preprocessing there are no pixels")
        return self.preprocessing.pixel_key()


# A window costs a transformer a second and more: batches must be small enough for every core to have some.
TRACK_BATCH = 4


@dataclass(frozen=True)
class Tracks:
    """Tracks, a row for each window; without hearing only their facts are wanted."""

    hearing: Hearing | None = None
    kind = TRACKS
    unit = "tracks"
    batch = TRACK_BATCH

    def rows(self, facts: TrackFacts) -> Sequence[str]:
        """The windows."""
        return [window_digest(facts.digest, start, facts.decoder) for start in self.starts(facts)]

    def starts(self, facts: TrackFacts) -> tuple[float, ...]:
        """Where the windows begin, s."""
        return () if self.hearing is None else self.hearing.windowing.starts(facts.seconds)

    def take(self, path: Path) -> None:
        """Nothing: tracks are read when it is their turn."""

    def refused(self, path: Path) -> TrackFacts | None:
        """What is beyond the limits, or no sound."""
        return refused_track(path)

    def admits(self, facts: TrackFacts) -> bool:
        """Always: no setting moves their limits."""
        return True

    def read(self, path: Path, known: TrackFacts | None) -> tuple[TrackFacts, Mapping[str, Features]]:
        """The facts, and what `Hearing.front` makes of each window; of a known track only the windows are decoded."""
        if self.hearing is None:
            return read_track(path, None)[0], {}
        facts, windows = self._again(path, known) or read_track(path, self.hearing.windowing)
        return facts, {
            window_digest(facts.digest, each.start, facts.decoder): self.hearing.front(each.samples) for each in windows
        }

    def _again(self, path: Path, known: TrackFacts | None) -> tuple[TrackFacts, list[Window]] | None:
        """The windows of a known track alone; None if its content is not known, or not that any more.

        So it is, too, where another ffmpeg would decode it than the one that its windows are named by.
        """
        if known is None or self.hearing is None or known.decoder not in ("", version()):
            return None
        with suppress(UnusableError, OSError):
            windows = read_windows(path, self.hearing.windowing, self.starts(known))
            if digest_of(path) == known.digest:  # it may have been replaced since
                return known, windows
        return None

    def key(self) -> dict[str, JSON]:
        """What decides the windows and what enters for them."""
        if self.hearing is None:
            raise ValueError("without hearing nothing enters a network")
        return self.hearing.key()
