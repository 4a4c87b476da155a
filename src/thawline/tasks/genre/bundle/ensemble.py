"""An ensemble of tuned models of tracks in use: loaded, and asked about sound."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from thawline.bundles.bounds import check_bounds
from thawline.bundles.ensemble_manifest import ENSEMBLE, MEMBERS
from thawline.bundles.manifest import DECISION
from thawline.bundles.sounds import AnyTrack, source_of
from thawline.data.tracks.track import read_track, read_windows
from thawline.data.tracks.windows import Windowing
from thawline.errors import UnusableError
from thawline.files import read_json
from thawline.tasks.genre.bundle.asking import AnyTracks, TrackResult
from thawline.tasks.genre.bundle.record import MemberSaid
from thawline.tasks.genre.bundle.tracks import DecodedTrack, TrackBundle, load_tracks


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


class EnsembleBundle(AnyTracks[dict[Windowing, DecodedTrack]]):
    """An ensemble of models of tracks that was loaded from its directory.

    Attributes:
        labels: Names of the classes: those of the first member, then what others add.
        members: Its models, in the order of the run.
    """

    def __init__(self, path: Path, manifest: dict[str, Any], method: str, members: Sequence[EnsembleMember]) -> None:
        """Take what was verified and loaded; `thawline.load` does both."""
        self.path, self.manifest, self.members = path, manifest, tuple(members)
        self.labels = tuple(dict.fromkeys(label for member in members for label in member.bundle.labels))
        self._method = method

    def __repr__(self) -> str:
        members = ", ".join(f"{member.weight:.0%} {member.name}" for member in self.members)
        return f"EnsembleBundle({str(self.path)!r}, {members}; {len(self.labels)} classes: {', '.join(self.labels)})"

    def judge(self, heard: dict[Windowing, DecodedTrack], themes: Sequence[str], *, calibrated: bool) -> TrackResult:
        """All that the members say, each at its temperature, of the track that was read."""
        if all(each.problem is not None for each in heard.values()):
            return TrackResult(problem=next(iter(heard.values())).problem)
        answers = [member.bundle.answer(heard[member.bundle.hearing.windowing], themes) for member in self.members]
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
        return TrackResult(
            said,
            next((one.instruments for _, one in by_stems if one.instruments is not None), None),
            next((one.acousticness for one in answers if one.acousticness is not None), None),
        )

    @property
    def themes(self) -> tuple[str, ...]:
        """The themes of lyrics that any member can be told."""
        return tuple(dict.fromkeys(theme for member in self.members for theme in member.bundle.themes))

    def known_themes(self, told: Sequence[str]) -> tuple[str, ...] | None:
        """The themes that the names `told` stand for; None where no member takes any."""
        known = [names for member in self.members if (names := member.bundle.known_themes(told)) is not None]
        return tuple(dict.fromkeys(theme for names in known for theme in names)) if known else None

    def hear(self, track: AnyTrack) -> dict[Windowing, DecodedTrack]:
        """The track as the members want it: checked once, and cut once for those that cut alike."""
        first, *others = dict.fromkeys(member.bundle.hearing.windowing for member in self.members)
        source = source_of(track)
        facts, windows = read_track(source, first)
        heard = {first: DecodedTrack(windows, facts.seconds, facts.problem, facts.digest)}
        for windowing in others:
            problem, windows = facts.problem, []
            if problem is None:
                try:
                    windows = read_windows(source, windowing, windowing.starts(facts.seconds))
                except UnusableError as error:
                    problem = str(error)
            heard[windowing] = DecodedTrack(windows, facts.seconds, problem, facts.digest)
        return heard

    def check(self) -> float:
        """By how much the members' logits of golden windows differ here from those of the export, at most."""
        return max(member.bundle.check() for member in self.members)


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
