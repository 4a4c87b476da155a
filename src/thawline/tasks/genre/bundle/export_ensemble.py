"""`thawline export` of an ensemble of runs of the genre task: its members' models, and how they are joined."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from thawline.bundles.trained import trained_on
from thawline.bundles.write import Extras
from thawline.data.tables.places import find_file
from thawline.decisions.ensemble import how_joined
from thawline.decisions.temperature import Temperature
from thawline.fitting.folds import HOLDOUT
from thawline.runs.directory import CONFIG_FILE
from thawline.runs.finished import finished_run
from thawline.runs.predictions import Predictions
from thawline.runs.split import read_split_rows
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.bundle.exporting import check_known, samples_root, say_difference
from thawline.tasks.genre.bundle.export import TRACKS, known_tracks, themes_of, tuned_tracks
from thawline.tasks.genre.bundle.write import KnownTrack
from thawline.tasks.genre.bundle.write_ensemble import TunedMember, write_ensemble_bundle
from thawline.tasks.run_model import RunModel, estimates_of, facts_of, find_run_model, notes_of, tolerance_of


def export_ensemble(source: Path, members: Sequence[Path], target: Path, places: Mapping[str, Any]) -> None:
    """Write the bundle and say where it is; see `tasks.capabilities.EnsembleExporter`."""
    judged, facts = finished_run(source)
    fits = [_fit(one["name"], path, places) for one, path in zip(facts["components"], members, strict=True)]
    parts = list(zip(facts["components"], fits, strict=True))
    known = _known(source, judged, fits)
    manifest = write_ensemble_bundle(
        target,
        [_tuned(one, fitted) for one, fitted in parts],
        known,
        how_joined(facts["weights"], [one["name"] for one in facts["left_out"]]),
        judged.classes,
        _facts(source, facts),
    )
    console = Console()

    for one, fitted in parts:
        whole = "the fit on all data" if fitted.name != HOLDOUT else "the fit without the held-out tracks"
        say(console, f"exported {whole} of {one['name']}, weight {one['weight']:.3f}")
    say_difference(console, manifest)
    say_whole(console, f"bundle {target}")
    say_next(console, [f"thawline predict {as_word(target)} PATHS"])


def _fit(name: str, path: Path, places: Mapping[str, Any]) -> RunModel:
    """The model of the member called `name`, whose run is in `path`; says which of its own tracks are not there."""
    fitted = find_run_model(path, places)
    if lost := check_known(fitted, known_tracks(fitted)):
        say(Console(), f"{name}: {lost}")
    return fitted


def _tuned(one: Mapping[str, Any], fitted: RunModel) -> TunedMember:
    said = one["temperature"]
    losses = said["log_loss"]
    temperature = Temperature(**{**said, "log_loss": None if losses is None else tuple(losses)})
    extras = Extras(
        known_tracks(fitted),
        tolerance_of(fitted),
        facts_of(fitted, Path(one["run"]).name),
        notes_of(fitted),
        # Temperatures and weights are fitted on what the members held out.
        trained=trained_on(fitted.rows),
    )
    return TunedMember(one["name"], one["weight"], tuned_tracks(fitted, temperature), extras)


def _known(source: Path, judged: Predictions, members: Sequence[RunModel]) -> list[KnownTrack]:
    """Some of the tracks that the very models of the members judged; none where the run joined other fits of them."""
    if not all(fitted.judged_itself for fitted in members):
        return []
    by_all = set.intersection(*(set(fitted.judged.paths) for fitted in members))
    places = [place for place, path in enumerate(judged.paths) if path in by_all]
    rows = {row.path: row for row in read_split_rows(source / "split.csv")}
    return [
        KnownTrack(
            find_file(judged.paths[i], samples_root(members[0])),
            rows[judged.paths[i]].digest,
            judged.probabilities[i],
            themes_of(rows[judged.paths[i]]),
        )
        for i in places[:: -(-len(places) // TRACKS) or 1]
    ]


def _facts(source: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of the ensemble's run."""
    judged = facts["judged"]
    return {
        "run": {
            "name": source.name,
            "method": facts["method"],
            "members": [one["name"] for one in facts["components"]],
        },
        "hashes": {
            name: hashlib.sha256((source / file).read_bytes()).hexdigest()
            for name, file in (("config", CONFIG_FILE), ("split", "split.csv"))
        },
        "metrics": {
            "samples": judged["samples"],
            "groups": judged["groups"],
            "of": "each held out of the models that judged it",
            "estimates": estimates_of(judged),
        },
    }
