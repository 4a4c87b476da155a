"""Writing the bundle of an ensemble of models of tracks: complete or absent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from thawline.bundles.ensemble_manifest import ENSEMBLE, MEMBERS, member_folders, seal_ensemble, verify_ensemble
from thawline.bundles.manifest import CARD
from thawline.bundles.trained import Trained
from thawline.bundles.write import CPU, LIBRARIES, check_target
from thawline.errors import RunError
from thawline.files import write_folder, write_json, write_text
from thawline.tasks.genre.bundle.ensemble import EnsembleBundle, load_ensemble
from thawline.tasks.genre.bundle.ensemble_card import ensemble_card
from thawline.tasks.genre.bundle.write import KnownTrack, TunedTracks, write_track_bundle


@dataclass(frozen=True)
class TunedMember:
    """One model of an ensemble.

    Attributes:
        name: What it is called; no two members share a name.
        weight: Its share.
        tuned: What its run fitted, at the temperature that the ensemble has for it.
        known: Tracks to ask it about.
        tolerance: By how much its probabilities may differ from its run's there.
        facts: What its manifest says of its run.
        notes: Sentences for its card.
        trained: What it was trained on; None: it is not known.
    """

    name: str
    weight: float
    tuned: TunedTracks
    known: Sequence[KnownTrack]
    tolerance: float
    facts: Mapping[str, Any]
    notes: Sequence[str] = ()
    trained: Trained | None = None


def write_ensemble_bundle(
    target: Path,
    members: Sequence[TunedMember],
    known: Sequence[KnownTrack],
    method: str,
    labels: Sequence[str],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Write the members and how they are joined into the directory `target`, which an older bundle may hold.

    Args:
        target: The directory.
        members: In the order of the run.
        known: Tracks to ask the ensemble about; none where the run joined other fits than these.
        method: How they are joined, in words.
        labels: Names of the classes.
        facts: What the manifest says of the run.

    Returns:
        The manifest.

    Raises:
        UserError: `target` holds something else, or a member's encoder can't be exported.
        RunError: What was written does not compute what the run did.
    """
    check_target(target)

    def fill(folder: Path) -> None:
        said, manifests = _write_members(folder, members)
        task = members[0].tuned.task
        write_json(folder / ENSEMBLE, {"task": task, "method": method, "labels": list(labels), "members": said})
        bundle = load_ensemble(folder, {}, manifests, CPU)
        tolerance = max(member.tolerance for member in members)
        whole = {
            **facts,
            "versions": {name: version(name) for name in LIBRARIES},
            "largest_difference": {"probabilities_of_raw_tracks": _ask(bundle, known, tolerance)},
        }
        bases = [manifests[one["folder"]]["base"] for one in said]
        write_text(folder / CARD, ensemble_card(said, bases, labels, method, facts))
        seal_ensemble(folder, whole)

    write_folder(target, fill)
    return verify_ensemble(target)[0]


def _write_members(
    folder: Path, members: Sequence[TunedMember]
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Write each member's bundle: what `ensemble.json` says of them, and their manifests by their folders."""
    said, manifests = [], {}
    for member, name in zip(members, member_folders([each.name for each in members]), strict=True):
        manifests[name] = write_track_bundle(
            folder / MEMBERS / name,
            member.tuned,
            member.known,
            member.tolerance,
            member.facts,
            member.notes,
            member.trained,
        )
        said.append(
            {
                "name": member.name,
                "folder": name,
                "weight": member.weight,
                "temperature": member.tuned.temperature.to_json(),
            }
        )
    return said, manifests


def _ask(bundle: EnsembleBundle, known: Sequence[KnownTrack], tolerance: float) -> float | None:
    """Ask about the run's own tracks as they lie on the disk: the largest difference from what it said of them.

    Raises:
        RunError: A difference is more than `tolerance`.
    """
    largest = None
    for track in known:
        heard = next(iter(bundle.hear(track.path).values()))
        if heard.problem is not None or heard.digest != track.digest:
            continue  # it is gone, or was changed
        [record] = bundle.predict(track.path, themes={track.path: track.themes})
        said = np.array([record["all_scores"][label] for label in bundle.labels])
        difference = float(np.abs(said - track.said).max())
        if not difference <= tolerance:
            raise RunError(
                f"of {track.path} the ensemble's scores differ from the run's by {difference:.2g}; nothing was written "
                "(was one of its runs changed since?)"
            )
        largest = max(largest or 0.0, difference)
    return largest
