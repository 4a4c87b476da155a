"""Directories to a comparison: runs, sweeps with their settings, and folders that hold such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from thawline.data.pairs.table import Pair
from thawline.errors import UserError
from thawline.files import printable
from thawline.reports.advice import advise
from thawline.reports.common import group_entries, in_one_form
from thawline.reports.comparison import Board, Comparison, Entry, rank_entries, rank_settings
from thawline.reports.configs import flatten, settings_that_differ
from thawline.reports.importances import importances
from thawline.reports.labels import labels_of
from thawline.reports.others import read_other
from thawline.reports.swept import split_setting, swept_trial
from thawline.runs.directory import is_run_directory, read_config, read_status
from thawline.runs.finished import CORRECTIONS_FILE, SAMPLES, finished_run
from thawline.runs.predictions import Predictions, join_predictions
from thawline.runs.sweep import INNER_FILE, Trial, is_sweep_directory, read_sweep, read_trials
from thawline.runs.unpacked import report_of_dataset
from thawline.targets.leaderboard import rank, score
from thawline.tasks.task import capability, find_task

_DEPTH = 3
_JUDGES = ("train", "sweep", "evaluate", "ensemble")
_INNER = (
    "Scored on the inner samples that the sweep chose by, so the best of many looks better here than it is. "
    "The p-values are not adjusted for the number of settings."
)
_OUTER = "Judged on samples that were held out. The p-values are not adjusted for the number of runs."


@dataclass(frozen=True)
class _Found:
    """A run or a sweep, and whether it was named itself or lies in a folder that was."""

    path: Path
    named: bool


def gather(directories: Sequence[Path], others: Sequence[Path] = ()) -> Comparison:
    """Read what `directories` hold and compare it.

    Args:
        directories: Finished runs, sweeps, and folders of such. A sweep's settings enter with their inner predictions,
            in a board of their own, and what it chose enters as a run.
        others: CSV files of other systems' predictions for the samples that the runs judged.

    Raises:
        UserError: There is nothing to compare, a run that was named did not finish, or runs that were named have no
            samples in common.
    """
    found = list(_find(directories))
    names = _name([one.path for one in found])
    runs: list[tuple[_Found, Entry]] = []
    boards: list[Board] = []
    left_out: list[str] = []
    for one in found:
        try:
            entry, board = _read(one.path, names[one.path])
        except UserError as error:
            if one.named:
                raise
            left_out.append(printable(str(error)))
            continue
        runs.append((one, entry))
        boards += [board] if board else []
    if not runs:
        raise UserError(left_out[0])
    groups = group_entries(*([entry for one, entry in runs if one.named is named] for named in (True, False)))
    if others:
        _join_others(groups, others)
    judged = [_judged(group, _title(group, i, len(groups))) for i, group in enumerate(groups, start=1)]
    return Comparison((*judged, *boards), tuple(left_out))


def _find(directories: Sequence[Path]) -> Iterator[_Found]:
    seen: set[Path] = set()
    for directory in directories:
        if not directory.is_dir():
            raise UserError(f"there is no run directory {directory}")
        if (directory / INNER_FILE).exists():
            raise UserError(f"{directory} is a trial of a sweep; 'thawline compare {directory.parent}' shows it")
        named = is_run_directory(directory)
        inside = [directory] if named else list(_runs_in(directory, _DEPTH))
        if not inside:
            raise UserError(f"{directory} is not a run directory and holds none; runs lie in outputs/")
        for path in inside:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield _Found(path, named)


def _runs_in(folder: Path, depth: int) -> Iterator[Path]:
    """The runs below `folder` that judge something, in order; a run's own directory is not entered."""
    for path in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if not is_run_directory(path):
            yield from _runs_in(path, depth - 1) if depth > 1 else ()
        elif read_status(path)["verb"] in _JUDGES:
            yield path


def _name(paths: Sequence[Path]) -> dict[Path, str]:
    """The shortest end of each path that no other path shares."""

    def end(path: Path) -> str:
        for length in range(1, len(path.parts)):
            mine = path.parts[-length:]
            if all(other == path or other.parts[-length:] != mine for other in paths):
                return printable(str(Path(*mine)))
        return printable(str(path))

    return {path: end(path) for path in paths}


def _read(path: Path, name: str) -> tuple[Entry, Board | None]:
    """A run as an entry; of a sweep that is what it chose, and its settings are a board."""
    try:
        if is_sweep_directory(path):
            return _sweep(path, name)
        return _run(path, name, [path], read_config(path)), None
    except (KeyError, TypeError, ValueError, FileNotFoundError) as error:
        raise UserError(f"the run {path} is damaged ({type(error).__name__}: {error}); run it again") from error


def _run(path: Path, name: str, directories: Sequence[Path], config: DictConfig | None) -> Entry:
    predictions, facts = finished_run(path)
    return Entry(
        name=name,
        label=name,
        method=facts["method"],
        encoder=facts["encoder"],
        baseline=facts["baseline"],
        directories=tuple(directories),
        config=flatten(config) if config else {},
        predictions=in_one_form(predictions),
        kind=facts.get("kind", SAMPLES),
        photos=photos_of(path),
        pairs=pairs_of(directories[0]),
        examined=facts.get("examined") or {},
        corrected=(path / CORRECTIONS_FILE).is_file(),
        seconds=facts["seconds"],
        computed=facts["features"]["computed"],
        read=facts["features"]["read"],
    )


def pairs_of(run: Path) -> dict[str, Pair]:
    """The image and the text of each sample by its name, where `run` judged such and they are still there."""
    source = _source(run)
    pairs: dict[str, Pair] = {}
    with suppress(UserError):  # the page does without
        # A run that judged a bundle says itself of which task that is.
        task = read_config(source).get("task") if is_run_directory(source) else finished_run(run)[1].get("task")
        pairs = capability(task, "texts")(run, source) if task and find_task(task).texts else {}
    return pairs


def _source(run: Path) -> Path:
    """The run whose samples `run` judged: itself, or, judged again or joined, the one that it names."""
    config = read_config(run)
    named = config.get("run") or next(iter(config.get("runs") or []), None)
    return run if named is None else Path(named)


def photos_of(path: Path) -> Path | None:
    """The folder that a run judged: that of its config, or, judged again or joined, that of the run it names."""
    folder, source = OmegaConf.select(read_config(path), "data.path"), _source(path)
    if (report := report_of_dataset(path, source)) is not None:
        return Path(report["root"])
    if folder is None and is_run_directory(source):
        folder = OmegaConf.select(read_config(source), "data.path")
    return None if folder is None else Path(folder)


def _sweep(path: Path, name: str) -> tuple[Entry, Board]:
    """What a sweep chose, and the board of its settings in the order of its own leaderboard."""
    finished_run(path)  # an unfinished sweep has no names for its settings yet
    known = read_sweep(path, "trials", "chosen")
    setting: dict[int, str] = {one["number"]: one["setting"] for one in known["trials"]}
    trials = {trial.number: trial for trial in read_trials(path)}
    chosen = [trials[number] for number in sorted(set(known["chosen"].values()))]
    config = read_config(chosen[0].path) if len(chosen) == 1 else None
    entry = _run(path, name, [trial.path for trial in chosen], config)

    rows = rank([score(trial, setting[number]) for number, trial in trials.items() if trial.status == "finished"])
    of = {row.setting: [trials[number] for number in row.trials] for row in rows}
    entries = {words: _setting(words, mine, name, entry) for words, mine in of.items()}
    failed = [
        f"trial {number} ({setting[number]}) {trial.status}: {trial.reason or 'no reason is known'}"
        for number, trial in trials.items()
        if trial.status != "finished"
    ]
    told = [swept_trial(trial, setting[number]) for number, trial in trials.items()]
    important = importances(told)
    board = rank_settings(rows, entries, f"Settings of the sweep {name}", _INNER, failed)
    taken = next((row for row in rows if known.get("winner") in row.trials), None)
    advice = tuple(advise(rows, told, important, taken))
    return entry, replace(board, trials=tuple(told), importances=tuple(important), advice=advice)


def _setting(setting: str, trials: Sequence[Trial], sweep: str, chosen: Entry) -> Entry:
    """One setting of a sweep: the inner predictions of its seeds as one."""
    facts = [trial.facts for trial in trials]
    return Entry(
        name=f"{sweep}: {setting}",
        label=setting,
        method=facts[0]["method"],
        encoder=facts[0]["encoder"],
        baseline=facts[0]["baseline"],
        directories=tuple(trial.path for trial in trials),
        config=flatten(read_config(trials[0].path)),
        predictions=in_one_form(join_predictions([_of_cells(trial) for trial in trials])),
        kind=facts[0].get("kind", SAMPLES),
        photos=chosen.photos,
        pairs=chosen.pairs,
        swept=split_setting(setting),
        seconds=sum(one["seconds"] for one in facts),
        computed=sum(one["features"]["computed"] for one in facts),
        read=sum(one["features"]["read"] for one in facts),
    )


def _of_cells(trial: Trial) -> Predictions:
    """What a trial said of its inner samples; the cell stands where the fold did."""
    inner = trial.inner()
    return replace(inner, folds=tuple(f"seed{trial.facts['seed']}/{fold}" for fold in inner.folds))


def _join_others(groups: list[list[Entry]], others: Sequence[Path]) -> None:
    """Let other systems into the one group there is."""
    if len(groups) > 1:
        raise UserError(
            f"the runs judged {len(groups)} different sets of {groups[0][0].kind}, and {others[0]} can join one alone; "
            "give the runs that it is to be compared with"
        )
    (group,) = groups
    for path in others:
        entry = read_other(path, group[0])
        if entry.name in {one.name for one in group}:
            raise UserError(f"two of what is compared are called '{entry.name}'; rename {path}")
        group.append(entry)


def _title(group: Sequence[Entry], number: int, count: int) -> str:
    """What the board of a group is called; groups of equal samples and of common ones alike are numbered."""
    return f"Judged {group[0].kind}" + (f", set {number} of {count}" if count > 1 else "")


def _judged(group: Sequence[Entry], title: str) -> Board:
    configs: dict[str, dict[str, Any]] = {entry.name: entry.config for entry in group if entry.config}
    differing, labels = settings_that_differ(configs), labels_of(group)
    called = [replace(one, label=labels[one.name], swept=differing.get(one.name, {})) for one in group]
    return rank_entries(called, title, _OUTER)
