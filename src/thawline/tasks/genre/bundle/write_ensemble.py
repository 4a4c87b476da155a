"""Writing the bundle of an ensemble of models of tracks: complete or absent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.bundles.ensemble_manifest import ENSEMBLE, MEMBERS, member_folders, seal_ensemble, verify_ensemble
from thawline.bundles.manifest import CARD
from thawline.bundles.write import CPU, Extras, check_target, furthest, is_unchanged, versions, write_bundle
from thawline.files import write_folder, write_json, write_text
from thawline.tasks.genre.bundle.ensemble import EnsembleBundle, load_ensemble
from thawline.tasks.genre.bundle.ensemble_card import ensemble_card
from thawline.tasks.genre.bundle.write import KnownTrack, TunedTracks


@dataclass(frozen=True)
class TunedMember:
    """One model of an ensemble.

    Attributes:
        name: What it is called; no two members share a name.
        weight: Its share.
        tuned: What its run fitted, at the temperature that the ensemble has for it.
        extras: What its bundle is given besides.
    """

    name: str
    weight: float
    tuned: TunedTracks
    extras: Extras


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
        answers = ((each, _said(bundle, each)) for each in filter(is_unchanged, known))
        there = [(each, answer) for each, answer in answers if answer is not None]
        largest = furthest(there, bundle.labels, max(member.extras.tolerance for member in members))
        difference = {"probabilities_of_raw_tracks": largest}
        whole = {**facts, "versions": versions(), "largest_difference": difference}
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
        manifests[name] = write_bundle(folder / MEMBERS / name, member.tuned, member.extras)
        temperature = member.tuned.temperature.to_json()
        said.append({"name": member.name, "folder": name, "weight": member.weight, "temperature": temperature})
    return said, manifests


def _said(bundle: EnsembleBundle, track: KnownTrack) -> NDArray[np.float32] | None:
    """What the ensemble says of a track as it lies on the disk, [labels]; None where it can't be used."""
    [record] = bundle.predict(track.path, themes={track.path: track.themes})
    if record["problem"] is not None:
        return None
    return np.array([record["all_scores"][label] for label in bundle.labels])
