"""Trials that differ only above the thaw line, fitted together. Each leaves behind what it would leave alone."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from thawline.commands.line.quoting import quote
from thawline.commands.sweeps.trial import run_trial
from thawline.errors import UserError
from thawline.runs.directory import RunDirectory
from thawline.runs.mirrors.mirror import Mirror
from thawline.runs.sweep import read_trial
from thawline.screen import say

if TYPE_CHECKING:
    from thawline.fitting.packed.fit import Job

Compose = Callable[[Sequence[str]], DictConfig]
# What trials of one pack may differ in: what decides neither the data, nor the tail's shape, nor the batches' size.
MAY_DIFFER = frozenset(
    {
        "seed",
        *(f"method.{key}" for key in ("lr", "body_lr", "layer_decay", "warmup", "schedule", "weight_decay", "penalty")),
        *(f"method.{key}" for key in ("label_smoothing", "class_weights", "dropout", "epochs", "patience")),
    }
)
_MOST = 64  # trials of a pack: a kill loses no more
_ROOM = 2**27  # parameters of all folds of a pack: its states take four times as many bytes


def pack_trials(sweep: Path, trials: Mapping[int, Sequence[str]], compose: Compose, *, least: int) -> None:
    """Fit and score the trials that can be fitted together. Others are left to be run alone, which says why they fail.

    Args:
        sweep: The sweep's directory.
        trials: What the command line gives each trial, by its number.
        compose: Settings to a config, with or without Hydra's own part.
        least: So many that differ in nothing else make a pack.
    """
    new = {number: words for number, words in trials.items() if _is_new(sweep, number)}
    alike: dict[tuple[str, ...], list[int]] = {}
    for number, words in new.items():
        alike.setdefault(signature(words), []).append(number)
    for numbers in alike.values():
        if len(numbers) >= least:
            _pack(sweep, {number: new[number] for number in numbers}, compose)


def _is_new(sweep: Path, number: int) -> bool:
    """Whether nothing was fitted of a trial; one that was broken off goes on alone."""
    trial = read_trial(sweep, number)
    return not trial.ended and not (trial.path / "folds").exists()


def signature(words: Sequence[str], free: frozenset[str] = MAY_DIFFER) -> tuple[str, ...]:
    """What trials of one pack have in common: all but the values of what they may differ in, `free`."""
    parts = (word.partition("=") for word in words)
    return tuple(key if key in free else f"{key}{equals}{value}" for key, equals, value in parts)


@dataclass(frozen=True)
class Together:
    """A trial to be packed.

    Attributes:
        words: What the command line gives it, Hydra's own settings apart.
        config: Its resolved config.
        problem: Its data, with its settings.
        plan: Who is trained on and who is judged.
    """

    words: tuple[str, ...]
    config: dict[str, Any]
    problem: Any
    plan: Sequence[Any]


def _pack(sweep: Path, trials: Mapping[int, Sequence[str]], compose: Compose) -> None:
    """Fit trials that differ in `MAY_DIFFER` alone, a pack at a time."""
    packed = read_together(sweep, trials, compose)
    if not packed:
        return
    say(Console(), f"{len(packed)} trials that share their features are fitted together; hydra/launcher=basic: alone")
    for pack in packs_of(packed):
        _fit(pack)


def read_together(sweep: Path, trials: Mapping[int, Sequence[str]], compose: Compose) -> list[Together]:
    """Those of `trials`, which differ in `MAY_DIFFER` alone, that can be fitted together; none: each is fitted alone.

    Args:
        sweep: The sweep's directory.
        trials: What the command line gives each trial, by its number.
        compose: Settings to a config, with or without Hydra's own part.
    """
    from thawline.fitting.packed.fit import is_small  # late: what is refused needs none of it

    try:
        packed = list(_read(sweep, trials, compose))
        return packed if packed and is_small(packed[0].problem) else []
    except UserError:  # each says so itself
        return []


def packs_of(packed: Sequence[Together]) -> Iterator[list[Together]]:
    """What `read_together` gave, in computations that the memory is large enough for."""
    from thawline.fitting.packed.fit import size_of

    parameters = max(1, size_of(packed[0].problem) * len(packed[0].plan))
    many = iter(packed)
    while pack := list(islice(many, max(1, min(_MOST, _ROOM // parameters)))):
        yield pack


def _read(sweep: Path, trials: Mapping[int, Sequence[str]], compose: Compose) -> Iterator[Together]:
    """The trials whose settings can be used, on data that are read once."""
    from thawline.encoders.device import find_device
    from thawline.tasks.capabilities import task_reader
    from thawline.tasks.planning import plan_run

    read: Any = None
    plans: dict[int, Any] = {}
    for number, config, settings in _settings(sweep, trials, compose):
        if read is None:
            device = find_device(settings.trainer.accelerator)
            if not packs(settings) or device.type != "cpu":
                return
            problem = read = task_reader(settings.task)(settings, device)
            if not is_dataclass(read):
                return
        else:
            problem = replace(read, settings=settings, computed=0, read=read.read + read.computed)
        if settings.seed not in plans:
            plans[settings.seed] = plan_run(problem, settings)
        own = tuple(word for word in trials[number] if not word.lstrip("+~").startswith("hydra"))
        yield Together(own, config, problem, plans[settings.seed])


def _settings(
    sweep: Path, trials: Mapping[int, Sequence[str]], compose: Compose
) -> Iterator[tuple[int, dict[str, Any], Any]]:
    """Number, resolved config and typed settings of each trial that has such."""
    from thawline.tasks.settings import saved_settings

    base = compose([*next(iter(trials.values())), f"paths.run={quote(str(sweep))}"])
    base = OmegaConf.masked_copy(base, [str(key) for key in base if key not in ("hydra", "sweep")])
    first: Any = None
    for number, words in trials.items():
        place = str(sweep / str(number))
        try:
            values = _set(base, words)
            config: dict[str, Any] = OmegaConf.to_container(base, resolve=True)  # type: ignore[assignment]  # str keys
            rest = _without(config, values)
            config["paths"] = {**config["paths"], "run": place}
            if first is None:
                first, shared = saved_settings(OmegaConf.create(config), mirrored=True), rest
            if rest != shared:  # by an interpolation of what they may differ in
                continue
            # Typing a whole config takes longer than all else that is done for a trial.
            method = {key.removeprefix("method."): value for key, value in values.items() if key != "seed"}
            settings = replace(
                first,
                seed=values["seed"],
                method=replace(first.method, **method),
                paths=replace(first.paths, run=place),
            )
        except Exception:  # noqa: S112  # whatever its settings are: alone it says what is wrong with them
            continue
        yield number, config, settings


def _set(base: DictConfig, words: Sequence[str]) -> dict[str, Any]:
    """Give `base` the values of a trial in what it may differ in, and say what all such are once they are typed."""
    own = [word for word in words if word.partition("=")[0] in MAY_DIFFER]
    for override in OverridesParser.create().parse_overrides(own):
        OmegaConf.update(base, override.key_or_group, override.value())
    # Not its own words' alone: others may be interpolated from them.
    keys = ["seed", *(key for key in sorted(MAY_DIFFER - {"seed"}) if key.removeprefix("method.") in base.method)]
    return {key: OmegaConf.select(base, key) for key in keys}


def _without(config: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """`config` without the settings `keys`."""
    method = {key: value for key, value in config["method"].items() if f"method.{key}" not in keys}
    return {**{key: value for key, value in config.items() if key not in keys}, "method": method}


def packs(settings: Any) -> bool:
    """Whether runs with these settings and others of `MAY_DIFFER` can be fitted together.

    They are trained by gradient descent, at the top of the network, in single precision on one device, from what is
    stored, and nobody looks into the training.
    """
    from thawline.fitting.settings import DebugSettings, GradientSettings

    trainer = settings.trainer
    return (
        isinstance(settings.method, GradientSettings)
        and settings.cut in ("head", "projection")
        and not settings.augmentation.mixup
        and replace(settings.debug, name="") == DebugSettings(name="")
        and trainer.precision == "32-true"
        and not trainer.several
        and trainer.threads in (None, 1)
        and not trainer.save_models
    )


def _fit(pack: Sequence[Together]) -> None:
    """Fit all folds of the trials together, then let each trial keep and score its own."""
    from thawline.fitting.packed.fit import fit_together

    started = time.perf_counter()
    outcomes = iter(fit_together(jobs_of(pack)))
    share = (time.perf_counter() - started) / len(pack)
    for trial in pack:
        fitted = {fold.name: next(outcomes) for fold in trial.plan}
        if None not in fitted.values():
            run_trial(trial.config, trial.words, scores=_Finish(trial, fitted, share))


def jobs_of(pack: Sequence[Together]) -> "list[Job]":
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

    trial: Together
    fitted: Mapping[str, Any]
    seconds: float

    def __call__(self, config: DictConfig, run: RunDirectory, mirror: Mirror | None, started: float) -> None:
        from thawline.commands.sweeps.scoring import score_read
        from thawline.fitting.packed.fit import keep_trained

        def keep(fold: Any, how: Any) -> None:
            outcome = self.fitted[fold.name]
            if isinstance(outcome, Exception):
                raise outcome
            keep_trained(outcome, fold, how, mirror)

        score_read(self.trial.problem, self.trial.plan, run, mirror, started - self.seconds, keep)
