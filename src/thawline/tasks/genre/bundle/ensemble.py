"""An ensemble of tuned models of tracks in use: loaded, and asked about sound."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from thawline.bundles.bounds import check_bounds
from thawline.bundles.ensemble_manifest import ENSEMBLE, MEMBERS
from thawline.bundles.manifest import DECISION
from thawline.bundles.sounds import AnyTrack, read_ahead, source_of
from thawline.data.tracks.track import read_track, read_windows
from thawline.data.tracks.windows import Windowing
from thawline.errors import UnusableError
from thawline.files import read_json
from thawline.tasks.genre.bundle.record import MemberSaid, Track, track_json, unusable_json
from thawline.tasks.genre.bundle.tracks import (
    Heard,
    Told,
    TrackBundle,
    instruments_among,
    load_tracks,
    themes_told,
)


@dataclass(frozen=True)
class EnsembleMember:
    """One model of an ensemble.

    Attributes:
        name: What it is called; no two members share a name.
        bundle: The model.
        weight: Its share; all members' sum to 1.
        temperature: What its logits are divided by.
    """

    name: str
    bundle: TrackBundle
    weight: float
    temperature: float


class EnsembleBundle:
    """An ensemble of models of tracks that was loaded from its directory.

    Attributes:
        task: The task that it was trained for.
        path: Its directory.
        labels: Names of the classes: those of the first member, then what others add.
        members: Its models, in the order of the run.
        manifest: What `manifest.json` says.
    """

    task: str

    def __init__(self, path: Path, manifest: dict[str, Any], method: str, members: Sequence[EnsembleMember]) -> None:
        """Take what was verified and loaded; `thawline.load` does both."""
        self.path, self.manifest, self.members = path, manifest, tuple(members)
        self.labels = tuple(dict.fromkeys(label for member in members for label in member.bundle.labels))
        self._method = method

    def __repr__(self) -> str:
        members = ", ".join(f"{member.weight:.0%} {member.name}" for member in self.members)
        return f"EnsembleBundle({str(self.path)!r}, {members}; {len(self.labels)} classes: {', '.join(self.labels)})"

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
            tracks: Files or samples in memory, `(array, rate)`, or a single one, as for a single model.
            themes: Of the lyrics of some of the tracks, as for a single model; members that take none leave them out.
            calibrated: As for a single model. Here it changes nothing: an ensemble joins its members at their
                temperatures, and its scores are the run's own.
            top: How many genres `predictions` holds at most.
            percent: Whether scores are 0 to 100 in place of 0 to 1.

        Yields:
            A record as `track.schema.json` describes it. Of a track that can't be used it says why.

        Raises:
            UserError: As for a single model.
        """
        for number, (path, heard) in enumerate(read_ahead(tracks, self.hear)):
            started = time.perf_counter()
            if all(each.problem is not None for each in heard.values()):
                problem = next(iter(heard.values())).problem or ""
                yield unusable_json(path, problem, method=self._method, seconds=0.0, percent=percent)
                continue
            names = themes_told(themes, path, number)
            answers = [member.bundle.answer(heard[member.bundle.hearing.windowing], names) for member in self.members]
            said = [
                MemberSaid(
                    member.name,
                    member.bundle.labels,
                    answer.logits,
                    answer.spans,
                    temperature=member.temperature,
                    weight=member.weight,
                    problem=answer.problem,
                )
                for member, answer in zip(self.members, answers, strict=True)
            ]
            # A member that hears stems hears instruments best.
            by_stems = sorted(zip(self.members, answers, strict=True), key=lambda pair: pair[0].bundle.stems is None)
            instruments = next((one.instruments for _, one in by_stems if one.instruments is not None), None)
            yield track_json(
                path,
                said,
                method=self._method,
                seconds=time.perf_counter() - started,
                instruments=instruments or instruments_among(said),
                acousticness=next((one.acousticness for one in answers if one.acousticness is not None), None),
                themes=self.known_themes(names),
                top=top,
                percent=percent,
            )

    @property
    def themes(self) -> tuple[str, ...]:
        """The themes of lyrics that any member can be told."""
        return tuple(dict.fromkeys(theme for member in self.members for theme in member.bundle.themes))

    def known_themes(self, told: Sequence[str]) -> tuple[str, ...] | None:
        """The themes that the names `told` stand for; None where no member takes any."""
        known = [names for member in self.members if (names := member.bundle.known_themes(told)) is not None]
        return tuple(dict.fromkeys(theme for names in known for theme in names)) if known else None

    def hear(self, track: AnyTrack) -> dict[Windowing, Heard]:
        """The track as the members want it: checked once, and cut once for those that cut alike."""
        first, *others = dict.fromkeys(member.bundle.hearing.windowing for member in self.members)
        source = source_of(track)
        facts, windows = read_track(source, first)
        heard = {first: Heard(windows, facts.seconds, facts.problem, facts.digest)}
        for windowing in others:
            problem, windows = facts.problem, []
            if problem is None:
                try:
                    windows = read_windows(source, windowing, windowing.starts(facts.seconds))
                except UnusableError as error:
                    problem = str(error)
            heard[windowing] = Heard(windows, facts.seconds, problem, facts.digest)
        return heard

    def check(self) -> float:
        """By how much the members' logits of golden windows differ here from those of the export, at most."""
        return max(member.bundle.check() for member in self.members)


AnyTracks = TrackBundle | EnsembleBundle


def load_ensemble(
    folder: Path, manifest: dict[str, Any], manifests: Mapping[str, dict[str, Any]], device: torch.device
) -> EnsembleBundle:
    """The ensemble in `folder`, whose files were verified.

    Args:
        folder: Its directory.
        manifest: What its manifest says.
        manifests: What the members' manifests say, by their folders.
        device: What to compute on.

    Raises:
        ValueError, KeyError: The files are of another form.
    """
    said = read_json(folder / ENSEMBLE)
    if sorted(one["folder"] for one in said["members"]) != sorted(manifests):
        raise ValueError(f"the members of {ENSEMBLE} are not those in {MEMBERS}")
    members = [
        EnsembleMember(
            str(one["name"]),
            _load_member(said["task"], folder / MEMBERS / one["folder"], manifests[one["folder"]], device),
            float(one["weight"]),
            float(one["temperature"]["value"]),
        )
        for one in said["members"]
    ]
    if len({member.name for member in members}) < len(members):
        raise ValueError("two members share a name")
    if not (min(member.weight for member in members) >= 0 and 0.999 < sum(each.weight for each in members) < 1.001):
        raise ValueError("the members' weights are no shares of 1")
    if not all(0 < member.temperature < math.inf for member in members):
        raise ValueError("a member's temperature is not above 0")
    bundle = EnsembleBundle(folder, manifest, str(said["method"]), members)
    if list(bundle.labels) != said["labels"]:
        raise ValueError("the labels are not those of the members")
    return bundle


def _load_member(task: str, folder: Path, manifest: dict[str, Any], device: torch.device) -> TrackBundle:
    check_bounds(folder, manifest["files"])
    decision = read_json(folder / DECISION)
    if decision["task"] != task:
        raise ValueError(f"{folder.name} is no model of tracks")
    return load_tracks(folder, manifest, decision, device)
