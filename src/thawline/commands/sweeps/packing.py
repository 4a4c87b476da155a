"""Trials that this process runs: data that several have in common are read once, and what can be is fitted together.

Each leaves behind what it would leave alone.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.sweeps.alike import OF_SWEEP, SHARE_DATA, Alike, Compose, ReadTrial, signature
from thawline.commands.sweeps.trial import Scores, run_trial, watch_of
from thawline.errors import UserError
from thawline.fitting.packed.folds import needs_trainer, takes_plain_steps
from thawline.runs.directory import RunDirectory, mark_failed
from thawline.runs.ends import lacked_resources, reason_of
from thawline.runs.mirrors.mirror import Mirror
from thawline.runs.sweep import read_trial
from thawline.screen import say

if TYPE_CHECKING:
    from thawline.fitting.packed.fit import Job

_MOST = 64  # trials of a pack: a kill loses no more
_KEPT = 4  # of how many kinds of trials a search keeps the data


class Here:
    """Runs trials in this process."""

    def __init__(self, sweep: Path, compose: Compose, *, least: int) -> None:
        """Nothing was read yet.

        Args:
            sweep: The sweep's directory.
            compose: Settings to a config, with or without Hydra's own part.
            least: So many that differ only above the thaw line are fitted together; 0: none ever.
        """
        self._sweep, self._compose, self._least = sweep, compose, least
        self._alike: dict[tuple[str, ...], Alike] = {}

    def run(self, trials: Mapping[int, Sequence[str]]) -> set[int]:
        """Fit and score the trials that can be read. Others are left to be launched, which says why they fail.

        Args:
            trials: What the command line gives each trial, by its number.

        Returns:
            The numbers of those that were run, whatever they came to.
        """
        ran: set[int] = set()
        alike: dict[tuple[str, ...], dict[int, Sequence[str]]] = {}
        for number, words in trials.items():
            if _is_new(self._sweep, number):
                alike.setdefault(signature(words, SHARE_DATA), {})[number] = words
        for name, those in alike.items():
            known = self._alike.pop(name, None) or Alike(self._sweep, self._compose)
            self._alike[name] = known
            for old in list(self._alike)[:-_KEPT]:
                del self._alike[old]
            ran.update(self._run(known, those))
        return ran

    def _run(self, alike: Alike, trials: Mapping[int, Sequence[str]]) -> list[int]:
        try:
            read = list(alike.read(trials))
        except Exception:  # each says so itself
            return []
        packs: dict[tuple[str, ...], list[ReadTrial]] = {}
        for trial in read:
            packs.setdefault(signature(trial.words), []).append(trial)
        together = []
        for pack in packs.values():
            if not self._least or len(pack) < self._least:
                continue
            if can_pack(pack):
                together += _pack(pack)
            elif why := alone_for(pack[0].problem.settings):
                say(Console(), f"{len(pack)} trials are fitted one after another: {why} can't be fitted together")
        for trial in read:
            if trial not in together:
                _run(trial, _Alone(trial))
        return [trial.number for trial in read]


def _is_new(sweep: Path, number: int) -> bool:
    """Whether nothing was fitted of a trial; one that was broken off goes on alone."""
    trial = read_trial(sweep, number)
    return not trial.ended and not (trial.path / "folds").exists()


def _run(trial: ReadTrial, scores: Scores) -> None:
    """Run a trial; what keeps it from beginning, a full disk say, is its own failure too."""
    try:
        run_trial(trial.config, trial.words, scores=scores)
    except Exception as error:
        mark_failed(Path(trial.config["paths"]["run"]), reason_of(error), again=lacked_resources(error))


def read_together(sweep: Path, trials: Mapping[int, Sequence[str]], compose: Compose) -> list[ReadTrial]:
    """Those of `trials`, which differ in `MAY_DIFFER` alone, that can be fitted together; none: each is fitted alone.

    Args:
        sweep: The sweep's directory.
        trials: What the command line gives each trial, by its number.
        compose: Settings to a config, with or without Hydra's own part.
    """
    try:
        read = list(Alike(sweep, compose).read(trials))
    except UserError:  # each says so itself
        return []
    return read if can_pack(read) else []


def can_pack(read: Sequence[ReadTrial]) -> bool:
    """Whether trials that differ in `MAY_DIFFER` alone can be fitted together."""
    from thawline.encoders.device import find_device
    from thawline.fitting.packed.fit import is_small  # late: what is refused needs none of it

    if not read:
        return False
    settings = read[0].problem.settings
    on_cpu = packs(settings) and find_device(settings.trainer.accelerator).type == "cpu"
    return on_cpu and is_small(read[0].problem)


def _pack(trials: Sequence[ReadTrial]) -> list[ReadTrial]:
    """Fit trials together, a pack at a time; gives those that were."""
    say(Console(), f"{len(trials)} trials that share their features are fitted together; hydra/launcher=basic: alone")
    return [trial for pack in packs_of(trials) for trial in _fit(pack)]


def packs_of(packed: Sequence[ReadTrial]) -> Iterator[list[ReadTrial]]:
    """Trials that can be fitted together, in computations that the memory is large enough for."""
    from thawline.fitting.packed.fit import ROOM, size_of

    parameters = max(1, size_of(packed[0].problem) * len(packed[0].plan))
    many = iter(packed)
    while pack := list(islice(many, max(1, min(_MOST, ROOM // parameters)))):
        yield pack


def packs(settings: Any) -> bool:
    """Whether runs with these settings and others of `alike.MAY_DIFFER` can be fitted together.

    They are trained by plain steps of AdamW, at the top of the network, in single precision on one device, from what is
    stored, and nobody looks into the training.
    """
    return (
        takes_plain_steps(settings.method, settings.trainer, settings.debug)
        and settings.cut in ("head", "projection")
        and alone_for(settings) is None
        and not settings.augmentation.mixup
    )


def alone_for(settings: Any) -> str | None:
    """The first setting that only a Trainer heeds, as `key=value`; None: the run has none."""
    return needs_trainer(settings.method, getattr(settings, "callbacks", {}))


def _fit(pack: Sequence[ReadTrial]) -> list[ReadTrial]:
    """Fit all folds of the trials together, then let each trial keep and score its own; gives those that could be."""
    from thawline.fitting.packed.fit import fit_together

    started = time.perf_counter()
    outcomes = iter(fit_together(jobs_of(pack)))
    share = (time.perf_counter() - started) / len(pack)
    done = []
    for trial in pack:
        fitted = {fold.name: next(outcomes) for fold in trial.plan}
        if None not in fitted.values():
            _run(trial, _Finish(trial, fitted, share))
            done.append(trial)
    return done


def jobs_of(pack: Sequence[ReadTrial]) -> "list[Job]":
    """The fits of the trials of a pack, trial by trial."""
    from thawline.encoders.device import find_device
    from thawline.fitting.packed.fit import Job
    from thawline.tasks.planning import how_to_fit

    jobs = []
    for trial in pack:
        settings = trial.problem.settings
        how = how_to_fit(settings, Path(settings.paths.run), find_device(settings.trainer.accelerator), None)
        jobs += [Job(trial.problem, fold, how) for fold in trial.plan]
    return jobs


@dataclass(frozen=True)
class _Finish:
    """Has a trial keep what was fitted, and be scored."""

    trial: ReadTrial
    fitted: Mapping[str, Any]
    seconds: float

    def __call__(self, config: DictConfig, run: RunDirectory, mirror: Mirror | None, started: float) -> None:
        from thawline.commands.sweeps.scoring import score_read
        from thawline.fitting.packed.fit import keep_course, keep_trained
        from thawline.fitting.packed.members import DivergedError

        def keep(fold: Any, how: Any) -> None:
            outcome = self.fitted[fold.name]
            if isinstance(outcome, DivergedError):
                keep_course(outcome.history, fold, how, mirror)
            if isinstance(outcome, Exception):
                raise outcome
            keep_trained(outcome, fold, how, mirror)

        score_read(self.trial.problem, self.trial.plan, run, mirror, started - self.seconds, keep)


@dataclass(frozen=True)
class _Alone:
    """Has a trial be fitted and scored on the data that were read."""

    trial: ReadTrial

    def __call__(self, config: DictConfig, run: RunDirectory, mirror: Mirror | None, started: float) -> None:
        from thawline.commands.sweeps.scoring import score_read

        watch = watch_of(self.trial.config.get(OF_SWEEP), self.trial.config, run.path)
        score_read(self.trial.problem, self.trial.plan, run, mirror, started, watch=watch)
