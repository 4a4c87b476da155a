"""A command line, rehearsed: its trials one of a kind, on samples of which a few were really computed."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rich.console import Console

from thawline.commands.forecast.epochs import Epochs, expect_epochs
from thawline.commands.forecast.forecast import Forecast, Part
from thawline.commands.forecast.kinds import Kind, Rehearsed, unlike
from thawline.commands.forecast.packs import rehearse_pack
from thawline.commands.forecast.stage import EPOCHS, Stage
from thawline.commands.line.composing import begin, of_run
from thawline.commands.sweeps.filling import fill_features
from thawline.commands.sweeps.leaderboard import finish_sweep
from thawline.commands.sweeps.plan import SweepPlan, compose_distinct
from thawline.commands.sweeps.scoring import score
from thawline.commands.sweeps.search.settings import NEVER
from thawline.commands.sweeps.trial import run_trial
from thawline.commands.train import train
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.features.rehearsing.costs import Cost, forget_peak, peak_memory
from thawline.runs.directory import RunDirectory
from thawline.runs.sweep import read_trial, write_overrides, write_sweep
from thawline.tasks.capabilities import task_reader
from thawline.tasks.planning import plan_run
from thawline.tasks.settings import RunSettings

_MOST_JUDGED = 64  # trials with which the end of a sweep is rehearsed
_STAND_IN = 4  # trials of a kind at most by which it is judged when its fits stop


def foresee_run(words: Sequence[str], stage: Stage, before: Cost) -> Forecast:
    """What a single run takes.

    Args:
        words: Its settings.
        stage: Where it is rehearsed.
        before: What the process took until now.

    Raises:
        UserError: The settings or the samples can't be used.
    """
    forget_peak()
    config = of_run(begin(stage.compose(words)))
    config.paths.run = str(stage.folder / "run")
    with stage.playing() as played:
        train(config)
    settings, epochs, folds = _watched(Kind({0: words}, 1), stage)
    fits = folds + (folds > 1 if settings.refit is None else settings.refit)
    part = _part(settings, 1)
    _fitted(part, epochs, fits)
    part.rest = played.cost - epochs.each * (min(EPOCHS, epochs.most) * fits)
    part.memory = _memory(stage)
    seen = Rehearsed()
    _keep(seen, part, stage)
    return _forecast(seen, stage, before, Cost(), 1)


def foresee_sweep(plan: SweepPlan, kinds: Sequence[Kind], stage: Stage, before: Cost) -> Forecast:
    """What a sweep takes.

    Args:
        plan: What it is to do.
        kinds: Its trials.
        stage: Where it is rehearsed.
        before: What the process took until now.

    Raises:
        UserError: No setting, or no sample, can be used.
    """
    seen = Rehearsed()
    with RunDirectory(stage.sweep, "sweep", plan.base) as run:
        with stage.playing() as opening:
            features = fill_features(compose_distinct(plan, stage.compose), run, Console())
            write_sweep(run.path, {"words": [], "refit": False, "features": features})
        done = [kind for kind in kinds if _rehearsed(kind, plan, stage, seen)]
        if not done:
            raise UserError(seen.parts[0].reason or "no trial can be run")
        _clone(done, stage)
        with stage.playing() as ending:
            finish_sweep(run, plan.refits, Console(), plan.sweep, plan.candidates)
    forecast = _forecast(seen, stage, before + opening.cost + seen.first, ending.cost, plan.workers)
    forecast.far, forecast.searched = plan.far, plan.search is not None
    return forecast


def _rehearsed(kind: Kind, plan: SweepPlan, stage: Stage, seen: Rehearsed) -> bool:
    """Whether a kind of trials came to an end."""
    forget_peak()
    stage.rehearsal.asked.clear()
    part = rehearse_pack(kind, plan.least, stage, seen) or _alone(kind, stage, seen, plan)
    part.memory = _memory(stage)
    _keep(seen, part, stage)
    return part.reason is None


def _alone(kind: Kind, stage: Stage, seen: Rehearsed, plan: SweepPlan) -> Part:
    """A kind of trials that are fitted one by one, in inner folds where they are candidates for a choice of method."""
    words, many = kind.words[kind.first], kind.trials
    place = stage.sweep / str(kind.first)

    inner = None if plan.candidates is None else plan.candidates.folds

    def rehearse() -> Cost:
        with stage.playing() as played:
            run_trial(stage.plain(words, place), words, scores=partial(score, inner_folds=inner))
        return played.cost

    cost = rehearse()
    trial = read_trial(stage.sweep, kind.first)
    if trial.status != "finished":
        part = _part(stage.settings(words, "refused"), many)
        part.reason = trial.reason
        return part
    if not seen.parts:
        shutil.rmtree(place)
        again = rehearse()
        seen.first += cost - again
        cost = again
    settings, epochs, folds = _watched(kind, stage, inner or 1, pruned=plan.sweep.prune != NEVER)
    part = _part(settings, many)
    _fitted(part, epochs, folds * many)
    part.rest = (cost - epochs.each * (min(EPOCHS, epochs.most) * folds)) * many
    return part


def _watched(kind: Kind, stage: Stage, inner: int = 1, *, pruned: bool = False) -> tuple[RunSettings, Epochs, int]:
    """The settings of the first trial of a kind, the epochs of its fits on average, and the number of a trial's fits.

    Each fold is fitted on so many `inner` ones. Fits that may be `pruned` are run by a Trainer.
    """
    with stage.playing():
        place = f"watched-{len(list(stage.folder.iterdir()))}"
        trials = [stage.settings(words, place, epochs=None) for words in unlike(kind.words.values(), _STAND_IN)]
        problem = task_reader(trials[0].task)(trials[0], find_device(trials[0].trainer.accelerator))
        plan = plan_run(problem, trials[0])
        folds = len(plan) * inner
        epochs = expect_epochs(problem, plan, trials, folds * kind.trials, stage.rehearsal.imagined, pruned=pruned)
    return trials[0], replace(epochs, each=epochs.each * stage.rehearsal.share), folds


def _fitted(part: Part, epochs: Epochs, fits: float) -> None:
    """Have `part` say what its fits take."""
    part.fits, part.least, part.most = (
        epochs.each * (count * fits) for count in (epochs.count, epochs.least, epochs.most)
    )


def _part(settings: RunSettings, trials: float) -> Part:
    encoder = settings.encoder.model or settings.encoder.name
    return Part(encoder, str(settings.cut), settings.method.name, trials)


def _memory(stage: Stage) -> int:
    """The most memory of late, with the features that are read and were not there to be read."""
    passes = [stage.rehearsal.passes[name] for name in stage.rehearsal.asked if name in stage.rehearsal.passes]
    return peak_memory() + sum(one.unread for one in passes)


def _clone(done: Sequence[Kind], stage: Stage) -> None:
    """Have the sweep hold as many trials as it will, copies of those that were rehearsed."""
    left = _MOST_JUDGED - sum(1 for path in stage.sweep.iterdir() if path.name.isdigit())
    for kind in done:
        for number, own in kind.words.items():
            target = stage.sweep / str(number)
            if left <= 0 or target.exists():
                continue
            left -= 1
            shutil.copytree(stage.sweep / str(kind.first), target)
            write_overrides(target, own)


def _keep(seen: Rehearsed, part: Part, stage: Stage) -> None:
    seen.parts.append(part)
    seen.shelves.append(set(stage.rehearsal.asked))


def _forecast(seen: Rehearsed, stage: Stage, start: Cost, finish: Cost, workers: int) -> Forecast:
    """All of it, each shelf with the first of the kinds that ask for it."""
    taken: set[str] = set()
    rehearsal = stage.rehearsal
    for part, shelves in zip(seen.parts, seen.shelves, strict=True):
        own = [rehearsal.passes[name] for name in shelves - taken if name in rehearsal.passes]
        part.features = sum((one.cost for one in own), Cost())
        part.bytes = sum(one.bytes for one in own)
        part.stored = not any(rehearsal.passes[name].rows for name in shelves if name in rehearsal.passes)
        taken |= shelves
    others = stage.grown() + sum(one.bytes for name, one in rehearsal.passes.items() if name not in taken)
    return Forecast(
        seen.parts,
        start + rehearsal.once,
        finish,
        workers,
        others,
        rehearsal.files,
    )
