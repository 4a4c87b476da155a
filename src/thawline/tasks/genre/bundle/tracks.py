"""A tuned model of tracks in use: loaded, and asked about sound. Needs neither Lightning nor Hydra."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.bundles.bounds import answering, numbers
from thawline.bundles.manifest import GOLDEN
from thawline.bundles.sounds import AnyTrack, source_of
from thawline.data.tracks.track import Window, read_track
from thawline.encoders.sound.hearing import Hearing
from thawline.files import read_json
from thawline.tasks.genre.bundle.asking import AnyTracks, TrackResult
from thawline.tasks.genre.bundle.record import MemberSaid, one_by_one
from thawline.tasks.genre.tables.instruments import DetectedInstruments as Instruments
from thawline.tasks.genre.tables.instruments import hear, instrument_of
from thawline.tasks.genre.tables.themes import Vocabulary

if TYPE_CHECKING:
    from thawline.bundles.networks.audio import Said, WindowClassifier

COUNT = 2  # golden windows
_BLOCK = 64  # samples
RECIPE = (
    f"float32 [{COUNT}, samples] at the network's rate: window i is made of blocks of {_BLOCK} samples whose values "
    "are (b - 128) / 256 for the bytes b of SHAKE-128 of 'thawline golden sound i'"
)


@dataclass(frozen=True)
class DecodedTrack:
    """A track that was read.

    Attributes:
        windows: What the network is given; none where the track can't be used.
        duration: Of the track, s.
        problem: Why the file can't be used, one phrase; None if it can.
        digest: sha256 of the file's bytes, hex; "" of samples in memory.
    """

    windows: list[Window]
    duration: float
    problem: str | None
    digest: str


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says of a track.

    Attributes:
        logits: Of each window, float32 [windows, classes]; None where the track can't be used.
        spans: Start and end of each window, s.
        instruments: Where the model knows them beside its classes; None otherwise.
        acousticness: 0 to 1; None where the model does not know it.
        problem: Why the track can't be used; None if it can.
    """

    logits: NDArray[np.float32] | None
    spans: tuple[tuple[float, float], ...] = ()
    instruments: Instruments | None = None
    acousticness: float | None = None
    problem: str | None = None


class TrackBundle(AnyTracks[DecodedTrack]):
    """A tuned model of tracks that was loaded from its directory.

    Attributes:
        hearing: How a track becomes what enters the network.
        temperature: What makes the probabilities as sure as they are right; see `decision.json` for what it was fitted
            on.
        renamed: The new name of each class that its run renamed; folders and tables may call it by either.
        classifier: The network with its head.
    """

    def __init__(
        self, path: Path, manifest: dict[str, Any], decision: dict[str, Any], classifier: "WindowClassifier"
    ) -> None:
        """Take what was verified and loaded; `thawline.load` does both."""
        self.path = path
        self.manifest = manifest
        self.labels = tuple(str(label) for label in decision["labels"])
        self.temperature = float(decision["temperature"]["value"])
        if not self.temperature > 0:
            raise ValueError("its temperature is not above 0")
        self._method = str(decision["method"])
        self._vocabulary = Vocabulary.from_json(decision["themes"]) if "themes" in decision else None
        thresholds = decision["thresholds"]
        self.thresholds = None if thresholds is None else {str(name): float(thresholds[name]) for name in thresholds}
        self.renamed = dict(decision.get("renamed") or {})  # bundles of before have nothing of it
        self.classifier = classifier

    def __repr__(self) -> str:
        return f"TrackBundle({str(self.path)!r}, {len(self.labels)} classes: {', '.join(self.labels)})"

    @property
    def hearing(self) -> Hearing:
        """How a track becomes what enters the network."""
        return self.classifier.hearing

    @property
    def themes(self) -> tuple[str, ...]:
        """The themes of lyrics that it can be told; none where it hears the sound alone."""
        return () if self._vocabulary is None else self._vocabulary.names

    @property
    def stems(self) -> int | None:
        """Into how many stems a window is separated before the network hears it; None: it is heard as it is."""
        return self.classifier.stems

    def hear(self, track: AnyTrack) -> DecodedTrack:
        """The windows of `track`, and why it can't be used if it can't."""
        facts, windows = read_track(source_of(track), self.hearing.windowing)
        return DecodedTrack(windows, facts.seconds, facts.problem, facts.digest)

    def known_themes(self, told: Sequence[str]) -> tuple[str, ...] | None:
        """The themes that the names `told` stand for; None where the model takes none."""
        return None if self._vocabulary is None else self._vocabulary.among(told)

    def judge(self, heard: DecodedTrack, themes: Sequence[str], *, calibrated: bool) -> TrackResult:
        """All that is said of the track that was read, and of which `themes` are told."""
        answer = self.answer(heard, themes)
        temperature = self.temperature if calibrated else 1.0
        said = MemberSaid(
            self._method,
            self.labels,
            answer.logits,
            answer.spans,
            temperature=temperature,
            thresholds=self.thresholds,
        )
        return TrackResult([said], answer.instruments, answer.acousticness, answer.problem)

    def answer(self, heard: DecodedTrack, themes: Sequence[str] = ()) -> Answer:
        """What the network says of the track that was read, and of which `themes` are told."""
        if heard.problem is not None:
            return Answer(None, problem=heard.problem)
        with answering(self.path):
            said = self.classifier.ask(_stacked(heard.windows), self._columns(themes))
            self._check(said.logits)
        length = self.hearing.windowing.seconds
        return Answer(
            said.logits,
            tuple((each.start, min(each.start + length, heard.duration)) for each in heard.windows),
            self._instruments(said),
            None if said.acousticness is None else float(said.acousticness.mean()),
        )

    def logits(self, waveforms: torch.Tensor, themes: Sequence[str] = ()) -> NDArray[np.float32]:
        """Logits [n, classes] of windows' waveforms, float32 [n, samples], of a track of which `themes` are told."""
        with answering(self.path):
            logits = self.classifier.logits(waveforms, self._columns(themes))
            self._check(logits)
        return logits

    def probabilities(self, windows: list[Window], themes: Sequence[str] = ()) -> NDArray[np.float32]:
        """What is said of the track that has these windows, [classes]: the mean of their logits, then softmax.

        With thresholds, a track can have several labels and each is told by itself: sigmoid in place of softmax.
        """
        logits = self.logits(_stacked(windows), themes)
        if self.thresholds is not None:
            return one_by_one(logits)
        said: NDArray[np.float32] = torch.softmax(torch.from_numpy(logits).mean(dim=0), dim=-1).numpy()
        return said

    def check(self) -> float:
        """By how much the logits of the golden windows differ on this machine from those of the export, at most."""
        wanted = np.array(read_json(self.path / GOLDEN)["made"]["logits"], dtype=np.float32)
        return float(np.abs(self.golden_logits() - wanted).max())

    def golden_logits(self) -> NDArray[np.float32]:
        """Logits of the golden windows, [2, classes]; where themes are taken, of the second with all of them."""
        made = golden_windows(self.hearing)
        if self._vocabulary is None:
            return self.logits(made)
        return np.concatenate([self.logits(made[:1]), self.logits(made[1:], self.themes)])

    def _check(self, logits: NDArray[np.float32]) -> None:
        if numbers(logits).shape[1] != len(self.labels):
            raise ValueError(f"its network tells {logits.shape[1]} classes apart, and it names {len(self.labels)}")

    def _columns(self, themes: Sequence[str]) -> torch.Tensor | None:
        return None if self._vocabulary is None else torch.from_numpy(self._vocabulary.columns(themes))

    def _instruments(self, said: "Said") -> Instruments | None:
        """The instruments among the network's own labels, or among labels that were trained to be told one by one."""
        if said.tags is not None and self.classifier.tags is not None:
            return hear(_by_name(self.classifier.tags, said.tags), self.thresholds)
        if self.thresholds is not None and any(map(instrument_of, self.labels)):
            return hear(_by_name(self.labels, said.logits), self.thresholds)
        return None


def _by_name(labels: Sequence[str], logits: NDArray[np.float32]) -> dict[str, float]:
    """The score of each label by itself, by logits [windows, labels]."""
    return dict(zip(labels, one_by_one(logits).tolist(), strict=True))


def _stacked(windows: list[Window]) -> torch.Tensor:
    return torch.stack([each.samples for each in windows])


def golden_windows(hearing: Hearing) -> torch.Tensor:
    """The inputs that anyone can make again, float32 [2, samples]; see `RECIPE`."""
    samples = hearing.windowing.samples
    windows = []
    for number in range(COUNT):
        stream = hashlib.shake_128(f"thawline golden sound {number}".encode()).digest(-(-samples // _BLOCK))
        blocks = np.frombuffer(stream, dtype=np.uint8).astype(np.float32)
        windows.append(((blocks - 128) / 256).repeat(_BLOCK)[:samples])
    return torch.from_numpy(np.stack(windows))


def load_tracks(folder: Path, manifest: dict[str, Any], decision: dict[str, Any], device: torch.device) -> TrackBundle:
    """The model of tracks in `folder`, whose files were verified.

    Raises:
        ValueError, KeyError: The files are of another form.
    """
    from thawline.bundles.networks.audio import (  # late: transformers takes seconds to import
        WindowClassifier,
        load_audio,
    )
    from thawline.tasks.genre.heads.rebuild import HEADS

    encoder, head = load_audio(folder, decision["family"], decision["labels"], decision["head"], HEADS)
    return TrackBundle(folder, manifest, decision, WindowClassifier(encoder, head, device))
