"""`thawline ensemble RUN RUN …`: join finished runs that share a split, and judge that against the best of them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.ensembles.members import Aligned, MemberRun, Missing, align, check_split, deciding, read_members
from thawline.commands.line.settings import EnsembleSettings
from thawline.commands.results import save_results
from thawline.decisions.ensemble import Ensembled, cross_judge, how_joined, renormalise
from thawline.errors import UserError
from thawline.judging.metrics import Judgement, judge
from thawline.reports.tables import print_members
from thawline.runs.directory import RunDirectory
from thawline.runs.finished import SAMPLES
from thawline.runs.predictions import Predictions
from thawline.runs.split import write_split
from thawline.screen import as_word, say_next, say_whole
from thawline.tasks.task import find_task
from thawline.tasks.typed import to_settings

FITTED = "fitted"


def ensemble(config: DictConfig) -> Path:
    """Join the runs and write a run directory.

    Returns:
        That directory.

    Raises:
        UserError: The runs can't be joined, or the weights don't fit them.
    """
    started = time.perf_counter()
    settings: EnsembleSettings = to_settings(config)
    named = read_members([Path(path) for path in settings.runs])
    given = parse_weights(settings.weights, len(named))
    members = [one for one in named if isinstance(one, MemberRun)]
    missing = [one for one in named if isinstance(one, Missing)]
    if len(members) < 2:
        why = f", and {missing[0].path} did not finish ({missing[0].reason})" if missing else ""
        raise UserError(f"an ensemble needs at least two finished runs{why}; name more of them")
    weights = None if given is None else _of_present(given, named)
    check_split(members)
    aligned = align(members)
    task = members[0].task  # they share a split
    folds = [row.fold for row in aligned.rows]
    joined = cross_judge(aligned.labels, folds, aligned.members, weights, deciding(members))
    judged = [_judge_member(aligned, *of) for of in zip(joined.members, aligned.said, strict=True)]
    best = _rank(judged)
    console = Console()
    with RunDirectory(Path(settings.paths.run), "ensemble", config) as run:
        # The groups and folds that the members share, as every run has them.
        write_split(run.file("split.csv"), aligned.rows)
        facts = {
            "verb": "ensemble",
            "kind": members[0].facts.get("kind", SAMPLES),
            "method": _method(settings.weights, members, missing, aligned),
            "encoder": " + ".join(dict.fromkeys(str(member.facts["encoder"]) for member in members)),
            "baseline": members[best[0]].name,
            "weights": settings.weights,
            "weights_by_fold": {fold: shares.tolist() for fold, shares in joined.weights_by_fold.items()},
            **_decisions(joined),
            "components": _components(members, joined, judged),
            "left_out": [{"name": one.name, "run": str(one.path), "reason": one.reason} for one in missing],
            "features": {"computed": 0, "read": 0},
            "seconds": round(time.perf_counter() - started, 2),
        }
        save_results(run, _predictions(aligned, joined, best), facts, console, task)
        rows = [(one["name"], one["weight"], one["temperature"]["value"]) for one in facts["components"]]
        print_members([(*row, judgement) for row, judgement in zip(rows, judged, strict=True)], console)
    for one in missing:
        say_whole(console, f"left out: {one.path} ({one.reason})")
    say_whole(console, f"run    {run.path}")
    steps = [f"thawline compare {as_word(run.path)}"]
    if find_task(task).export_ensemble:
        steps.insert(0, f"thawline export {as_word(run.path)}")
    say_next(console, steps)
    return run.path


def parse_weights(value: Any, count: int) -> NDArray[np.float64] | None:
    """The shares that `weights` gives to `count` runs, [count]; None where they are to be fitted.

    Raises:
        UserError: They are no shares, or of another number.
    """
    if value == FITTED:
        return None
    parts = value.split("/") if isinstance(value, str) else value if isinstance(value, list) else [value]
    whole = 100 if isinstance(value, str) else 1
    try:
        shares = np.array([float(part) for part in parts])
    except (TypeError, ValueError) as error:
        raise UserError(f"weights={value} is not known; use fitted, 60/20/20 (percent) or [0.5,0.3,0.2]") from error
    if len(shares) != count:
        raise UserError(f"weights={value} gives {len(shares)} shares to {count} runs; give one to each")
    if not (np.isfinite(shares).all() and (shares >= 0).all() and abs(shares.sum() - whole) <= 1e-6 * whole):
        raise UserError(f"weights={value} must be shares of 0 or more that sum to {whole}")
    return shares / whole


def _of_present(given: NDArray[np.float64], named: Sequence[MemberRun | Missing]) -> NDArray[np.float64]:
    """The shares of the runs that finished, renormalised."""
    shares = given[[isinstance(one, MemberRun) for one in named]]
    if not shares.sum():
        raise UserError("the runs that finished have no weight; give weights to them")
    return renormalise(shares)


def _judge_member(aligned: Aligned, probabilities: NDArray[np.float64], said: NDArray[np.int64]) -> Judgement:
    """How good a member's own answers are, and its probabilities at its temperatures, on what it judged."""
    there = np.isfinite(probabilities).all(axis=1)
    groups = np.array([row.group for row in aligned.rows])
    return judge(aligned.labels[there], probabilities[there], groups[there], aligned.classes, said[there])


def _rank(judged: Sequence[Judgement]) -> list[int]:
    """The members by their scores, which the paired test is about, the best first; equal ones by log-loss."""
    return sorted(range(len(judged)), key=lambda number: judged[number].merit, reverse=True)


def _predictions(aligned: Aligned, joined: Ensembled, best: Sequence[int]) -> Predictions:
    """What the ensemble said; its baseline is the best member, and the next best where that judged nothing."""
    baseline = np.full(len(aligned.labels), -1, dtype=np.int64)
    for number in best:
        baseline = np.where(baseline < 0, aligned.said[number], baseline)
    return Predictions(
        paths=tuple(row.path for row in aligned.rows),
        groups=np.array([row.group for row in aligned.rows], dtype=np.int64),
        labels=aligned.labels,
        folds=tuple(row.fold for row in aligned.rows),
        probabilities=joined.probabilities.astype(np.float32),
        baseline=baseline,
        classes=aligned.classes,
        decided=joined.decided([row.fold for row in aligned.rows]),
    )


def _decisions(joined: Ensembled) -> dict[str, Any]:
    """The threshold for use, and those that judged each fold, as plain JSON; nothing where none decides."""
    found = {fold: threshold.to_json() for fold, threshold in joined.thresholds.items()}
    return {"threshold": found.pop(None), "examined": {"thresholds": found}} if found else {}


def _components(members: Sequence[MemberRun], joined: Ensembled, judged: Sequence[Judgement]) -> list[dict[str, Any]]:
    """The members as plain JSON, in the order of the command line."""
    return [
        {
            "name": member.name,
            "run": str(member.path.absolute()),
            "method": member.facts["method"],
            "encoder": member.facts["encoder"],
            "weight": float(weight),
            "temperature": temperature.to_json(),
            "judged": judgement.to_json(),
        }
        for member, weight, temperature, judgement in zip(
            members, joined.weights, joined.temperatures, judged, strict=True
        )
    ]


def _method(weights: Any, members: Sequence[MemberRun], missing: Sequence[Missing], aligned: Aligned) -> str:
    """How it was joined, in words, with the members that are missing or could not judge every sample."""
    partly = [
        f"{member.name} for {absent} of {len(own.present)} samples"
        for member, own in zip(members, aligned.members, strict=True)
        if (absent := int((~own.present).sum()))
    ]
    return how_joined(weights, [*(one.name for one in missing), *partly])
