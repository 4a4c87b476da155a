"""The study of a search: which trials were asked for, and what they came to. The truth is in their directories."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from thawline.commands.sweeps.search.claims import drop, lock_of, take, taken_by_others
from thawline.commands.sweeps.search.pruning import DIRECTORY, pruner_of
from thawline.commands.sweeps.search.samplers import sampler_of
from thawline.commands.sweeps.search.settings import BYTES, SCORE, SECONDS, SweepSettings
from thawline.commands.sweeps.search.space import Applies, Dimension, Space
from thawline.commands.sweeps.search.storage import open_storage
from thawline.judging.wording import goodness, is_share
from thawline.runs.directory import mark_failed
from thawline.runs.sweep import Trial, read_trial

# What the study keeps of a trial besides Optuna's own.
SAME_AS, REASON = "same_as", "reason"
_OPEN = ("interrupted", "finished")  # what a trial that failed is when it is run again, and when that was not told
_MOST_REPEATS = 200  # asked for in a row: the space has no other point


@dataclass(frozen=True)
class AskedTrial:
    """A trial to run.

    Attributes:
        number: Its directory's.
        words: What the study gives it.
        again: What the study has of it, where it failed before for want of disk or memory; else None.
        trial: What the study is told by; None with `again`.
    """

    number: int
    words: tuple[str, ...]
    again: FrozenTrial | None
    trial: optuna.Trial | None


class Study:
    """A study on disk, which several processes may go on with at once."""

    def __init__(
        self, sweep: Path, name: str, settings: SweepSettings, seed: int, space: Space, applies: Applies
    ) -> None:
        """Open the study, or begin it.

        Args:
            sweep: The sweep's directory.
            name: The study's name in its storage.
            settings: How trials are asked for, and when there are enough.
            seed: Fixes the points.
            space: What is searched.
            applies: Whether a config has a setting, see `Space.ask`.

        Raises:
            UserError: The storage can't be used.
        """
        self._sweep, self._settings, self._seed = sweep, settings, seed
        self._space, self._applies = space, applies
        self._study = optuna.create_study(
            storage=open_storage(sweep, settings.storage),
            study_name=name,
            pruner=pruner_of(settings.prune),
            load_if_exists=True,
            directions=["maximize" if one == SCORE else "minimize" for one in settings.objectives],
        )
        self._begun = time.monotonic() - self._study.user_attrs.get(SECONDS, 0.0)
        self._points: dict[int, tuple[str, ...]] = {}
        self._looked_back = self._is_exhausted = False

    def take(self, most: int) -> list[AskedTrial]:
        """Up to `most` trials to run now: those that nobody goes on with, then new ones; none: there are enough."""
        with lock_of(self._sweep, "asking"):
            asked = []
            for one in self._left():
                asked.append(one)
                if len(asked) == most:
                    return asked
            repeats = 0
            while len(asked) < most and not self._is_exhausted and self._wants_more():
                new = self._settle(self._study.ask())
                repeats = repeats + 1 if new is None else 0
                self._is_exhausted = repeats == _MOST_REPEATS
                asked += [new] if new else []
        return asked

    def tell(self, asked: AskedTrial) -> None:
        """Have the study know what became of a trial that was launched."""
        trial = read_trial(self._sweep, asked.number)
        if trial.status not in ("finished", "failed", "pruned"):
            reason = "it never began" if trial.status == "absent" else "the process that ran it was killed"
            mark_failed(trial.path, reason, again=True)
            trial = read_trial(self._sweep, asked.number)
        if asked.again is not None:
            self._tell_again(asked.again, trial)
        elif asked.trial is not None:
            self._tell(asked.trial, trial)
        self._study.set_user_attr(SECONDS, round(time.monotonic() - self._begun, 2))
        drop(self._sweep, asked.number)

    def is_waited_for(self) -> bool:
        """Whether another process runs a trial of the study."""
        running = [trial for trial in self._trials() if trial.state == TrialState.RUNNING]
        return any(
            DIRECTORY in trial.user_attrs and taken_by_others(self._sweep, trial.user_attrs[DIRECTORY])
            for trial in running
        )

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _left(self) -> Iterator[AskedTrial]:
        """Trials that were asked for, and that no process runs."""
        trials = self._trials()
        for known in trials:
            if known.state == TrialState.RUNNING:
                asked = self._take_up(known)
                if asked is not None:
                    yield asked
        if self._looked_back:
            return
        done = {trial.user_attrs.get(DIRECTORY) for trial in trials if trial.state == TrialState.COMPLETE}
        for known in trials:
            number = known.user_attrs.get(DIRECTORY)
            if known.state != TrialState.FAIL or number is None or number in done:
                continue
            if read_trial(self._sweep, number).status in _OPEN and (again := self._take_again(known, number)):
                yield again
        self._looked_back = True

    def _take_again(self, known: FrozenTrial, number: int) -> AskedTrial | None:
        """A trial that failed for want of disk or memory, if nobody runs it again, or has done so meanwhile."""
        if not take(self._sweep, number):
            return None
        # What is read from now on stays so: whoever else ran it has told what came of it before leaving it.
        status = read_trial(self._sweep, number).status
        told = any(
            trial.user_attrs.get(DIRECTORY) == number and trial.state == TrialState.COMPLETE for trial in self._trials()
        )
        if told or status not in _OPEN:
            drop(self._sweep, number)
            return None
        asked = AskedTrial(number, self._space.point(known.params), known, None)
        if status == "interrupted":
            return asked
        self.tell(asked)  # it ended, and the process was killed before it told
        return None

    def _take_up(self, known: FrozenTrial) -> AskedTrial | None:
        """A trial that is under way in the study, if no process runs it, and it has not ended."""
        number = known.user_attrs.get(DIRECTORY)
        if number is not None:
            if taken_by_others(self._sweep, number) or not take(self._sweep, number):
                return None
            if self._trials()[known.number].state != TrialState.RUNNING:  # it ended just now
                drop(self._sweep, number)
                return None
        asked = self._settle(optuna.Trial(self._study, known._trial_id), number)
        if asked is not None and read_trial(self._sweep, asked.number).status in ("finished", "failed", "pruned"):
            self.tell(asked)
            return None
        return asked

    def _settle(self, trial: optuna.Trial, number: int | None = None) -> AskedTrial | None:
        """Give a trial of the study its point and its directory; None: it is the point of an earlier one."""
        words = tuple(self._ask(trial))
        if number is None:
            trials = self._trials()
            earlier = self._earlier(trials[: trial.number], words)
            if earlier is not None:
                self._tell_same(trial, earlier)
                return None
            number = len({one.user_attrs[DIRECTORY] for one in trials if DIRECTORY in one.user_attrs})
            if not take(self._sweep, number):
                raise RuntimeError(f"trial {number} is asked for and run at once")
            trial.set_user_attr(DIRECTORY, number)
        return AskedTrial(number, words, None, trial)

    def _ask(self, trial: optuna.Trial) -> list[str]:
        """The trial's point. One that was asked for by half is completed to what it would have been."""
        settings = self._settings
        self._study.sampler = sampler_of(settings.name, self._seed, trial.number)
        trial.relative_params  # noqa: B018  # what is drawn together is drawn here
        numbers = {one.plain: number for number, one in enumerate(self._space.dimensions, start=1)}

        def suggest(dimension: Dimension) -> str:
            self._study.sampler = sampler_of(settings.name, self._seed, trial.number, numbers[dimension.plain])
            return dimension.suggest(trial)

        return self._space.ask(suggest, self._applies)

    def _earlier(self, trials: list[FrozenTrial], words: tuple[str, ...]) -> FrozenTrial | None:
        """The first of `trials` that has the same point."""
        for trial in trials:
            point = self._points.get(trial.number)
            if point is None:
                point = self._points[trial.number] = self._space.point(trial.params)
            if point == words and SAME_AS not in trial.user_attrs:
                return trial
        return None

    def _tell_same(self, trial: optuna.Trial, earlier: FrozenTrial) -> None:
        """What is the same trial came to the same: it is not run twice."""
        trial.set_user_attr(SAME_AS, earlier.user_attrs.get(DIRECTORY))
        values = earlier.values if earlier.state == TrialState.COMPLETE else None
        self._study.tell(trial, values, state=TrialState.FAIL if values is None else TrialState.COMPLETE)

    def _tell(self, asked: optuna.Trial, trial: Trial) -> None:
        values = self._values(trial) if trial.status == "finished" else None
        if values is not None:
            for key, value in _said_of(trial).items():
                asked.set_user_attr(key, value)
            self._study.tell(asked, values, state=TrialState.COMPLETE)
        else:
            asked.set_user_attr(REASON, trial.reason or "it does not say what was searched for")
            self._study.tell(asked, state=TrialState.PRUNED if trial.status == "pruned" else TrialState.FAIL)

    def _tell_again(self, known: FrozenTrial, trial: Trial) -> None:
        """A study takes no second end of a trial: one that was run again is one more, of the same directory."""
        values = self._values(trial) if trial.status == "finished" else None
        if values is not None:
            attributes = {DIRECTORY: trial.number, **_said_of(trial)}
            self._study.add_trial(
                create_trial(
                    params=known.params,
                    distributions=known.distributions,
                    values=values,
                    user_attrs=attributes,
                )
            )

    def _values(self, trial: Trial) -> list[float] | None:
        """What a finished trial came to, for each objective; None: one of an earlier version does not say it."""
        beside = {SECONDS: trial.facts["seconds"], BYTES: trial.facts.get("tail_bytes")}
        values = [merit_of(trial) if name == SCORE else beside[name] for name in self._settings.objectives]
        return None if None in values else values

    def _wants_more(self) -> bool:
        settings, trials = self._settings, [t for t in self._trials() if DIRECTORY in t.user_attrs]
        if settings.trials is not None and len({t.user_attrs[DIRECTORY] for t in trials}) >= settings.trials:
            return False
        if settings.minutes is not None and time.monotonic() - self._begun > 60 * settings.minutes:
            return False
        return settings.stop_when_flat is None or _since_best(trials) < settings.stop_when_flat


def merit_of(trial: Trial) -> float:
    """What a finished trial is worth: its inner score, of equal scores that with the smaller log-loss.

    The log-loss moves it by less than half of what one sample more that is right does. An error counts as negative.
    """
    inner = trial.facts["inner"]
    score, loss = float(inner[inner["headline"]]["value"]), inner.get("log_loss")
    if not is_share(inner["headline"]):
        return goodness(inner["headline"], score)
    share = 1.0 if loss is None else float(loss["value"] / (1 + loss["value"]))
    return score - share / (2 * int(inner["samples"]))


def _said_of(trial: Trial) -> dict[str, float]:
    inner = trial.facts["inner"]
    return {SCORE: inner[inner["headline"]]["value"], SECONDS: trial.facts["seconds"]}


def _since_best(trials: list[FrozenTrial]) -> int:
    """Trials that ended after the best."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete:
        return sum(trial.state.is_finished() for trial in trials)
    best = max(complete, key=lambda trial: (trial.values[0], -trial.number))
    return sum(trial.number > best.number and trial.state.is_finished() for trial in trials)
