"""What a sweep is to do, read from its command line before anything runs."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from thawline.commands.line.composing import of_run
from thawline.commands.line.quoting import quote
from thawline.commands.sweeps.choosing import Candidates, chooses, find_candidates
from thawline.commands.sweeps.launchers.settings import check_launcher, side_by_side
from thawline.commands.sweeps.plugins import register_plugin
from thawline.commands.sweeps.search.planning import Search, plan_search
from thawline.commands.sweeps.search.settings import GRID, WILCOXON, SweepSettings
from thawline.errors import UserError

Compose = Callable[[Sequence[str]], DictConfig]
_WORTH_PACKING = 4  # trials
_OF_THE_SWEEP = re.compile(r"[+~]*(hydra|sweep)\b|\+*name$")  # keys


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep is to do.

    Attributes:
        directory: The sweep's.
        words: The command line's settings, the directory among them.
        base: The config without what is swept.
        trials: What the command line gives each trial; of a search none is known beforehand.
        search: What is searched; None: all trials are known.
        sweep: What `-m` does, and what it comes to.
        apart: Whether they run in processes of their own.
        least: So many that differ only above the thaw line are fitted together; 0: none ever.
        alone: Whether one process alone can run it: the launcher keeps its jobs in the sweep's directory.
        candidates: What the choice of a method is among; None: the method is given.
        workers: How many trials run side by side.
        far: Whether they may run on other machines.
    """

    directory: Path
    words: tuple[str, ...]
    base: DictConfig
    trials: tuple[tuple[str, ...], ...]
    search: Search | None
    sweep: SweepSettings
    apart: bool
    least: int
    alone: bool
    candidates: Candidates | None
    workers: int
    far: bool

    @property
    def refits(self) -> bool:
        """Whether the winner is fitted on all data: a method that was chosen is, as if it had been given."""
        as_a_run = self.candidates is not None and self.base.refit is None and self.base.cv is not None
        return self.base.refit is True or as_a_run


def plan_sweep(words: Sequence[str], compose: Compose) -> SweepPlan:
    """Read a sweep's command line.

    Raises:
        UserError: The sweep can't be run as it is asked for.
    """
    overrides = OverridesParser.create().parse_overrides(list(words))
    fixed = [str(override.input_line) for override in overrides if not override.is_sweep_override()]
    base = compose(fixed)
    settings: SweepSettings = OmegaConf.to_object(base.sweep)  # type: ignore[assignment]  # by its schema
    directory = Path(base.hydra.sweep.dir).absolute()
    named = any(word.startswith("hydra.sweep.dir=") for word in words)
    place = () if named else (f"hydra.sweep.dir={quote(str(directory))}",)
    params = dict(base.hydra.sweeper.get("params") or {})
    keys = [*params, *(override.key_or_group for override in overrides if override.is_sweep_override())]
    keys += settings.space
    if own := [key for key in keys if _OF_THE_SWEEP.match(key)]:
        raise UserError(f"'{own[0]}' is the whole sweep's and can't be swept; give it one value")
    if settings.searches != str(base.hydra.sweeper._target_).endswith(".SearchSweeper"):
        raise UserError(f"hydra/sweeper is what sweep={settings.name} chooses; leave it out")
    swept = [f"{key}={value}" for key, value in params.items()]
    search: Search | None = None
    candidates: Candidates | None = None
    trials: tuple[tuple[str, ...], ...] = ()
    if settings.searches:
        if varying := sorted({key.lstrip("+") for key in keys} & {*_SPLIT, "seed"}):
            raise UserError(_other_split(varying[0]))
        if settings.prune == WILCOXON and base.cv is None:
            raise UserError("sweep.prune=wilcoxon compares trials by their folds; give cv=5, say, or use median")
        search = plan_search(settings, words, fixed, directory, compose)
    else:
        _refuse_intervals(overrides)
        trials = _expand([*swept, *words])
        _refuse_other_splits(trials)
        candidates = find_candidates(trials, compose) if _may_choose(base, trials) else None
        trials = trials if candidates is None else candidates.trials
    base = compose([*fixed, f"paths.run={quote(str(directory))}"])
    apart, least = is_apart(base.hydra.launcher), _least(base.hydra.launcher, words)
    register_plugin(base.hydra.launcher._target_)
    check_launcher(base.hydra.launcher, words)
    if search is not None or candidates is not None:
        least = 0
    if candidates is not None and apart:
        raise UserError("method=auto tries one method after another in one process; leave out hydra/launcher")
    alone = str(base.hydra.launcher._target_).endswith((".LocalLauncher", ".SlurmLauncher"))
    far = str(base.hydra.launcher._target_).endswith((".SlurmLauncher", ".RayLauncher"))
    workers = side_by_side(base.hydra.launcher) if apart else 1
    given = (*words, *place)
    return SweepPlan(
        directory, given, of_run(base), trials, search, settings, apart, least, alone, candidates, workers, far
    )


def _may_choose(base: DictConfig, trials: Sequence[Sequence[str]]) -> bool:
    """Whether the method of a trial may be left open."""
    return chooses(base) or any("method=auto" in trial for trial in trials)


def _refuse_intervals(overrides: Sequence[Override]) -> None:
    for override in overrides:
        if override.is_interval_sweep():
            raise UserError(
                f"'{override.input_line}' holds any number of values, of which sweep={GRID} can't try all; add "
                "sweep=tpe, random, qmc, gp or cmaes, or list values"
            )


def _least(launcher: DictConfig, words: Sequence[str]) -> int:
    """How many trials that differ only above the thaw line are fitted together; 0: none, whatever they are.

    That is done unasked where no launcher was chosen, and not for so few that it saves nothing.
    """
    if str(launcher._target_).endswith(".PackedLauncher"):
        return 2
    chosen = is_apart(launcher) or any(word.startswith("hydra/launcher=") for word in words)
    return 0 if chosen else _WORTH_PACKING


def is_apart(launcher: DictConfig) -> bool:
    """Whether a launcher runs trials in processes of their own."""
    return not str(launcher._target_).endswith((".BasicLauncher", ".PackedLauncher"))


# What decides who is trained on and who is judged, besides the seed.
_DECIDES = {
    "data": (
        *("path", "reader", "classes", "layout", "join_alike", "rename", "labels", "min_groups", "max_megapixels"),
        *("corrections", "split", "holdout", "inner"),
    ),
    "data.dataset": ("config", "revision", "splits", "columns"),
    "people": ("mode", "detector", "min_confidence"),
}
_SPLIT = frozenset({"cv", "people", *(f"{group}.{key}" for group, keys in _DECIDES.items() for key in keys)})


def _refuse_other_splits(trials: Sequence[Sequence[str]]) -> None:
    """Trials are compared on the same samples, so what splits these can't be swept; seeds repeat the whole sweep."""
    varying = {word for trial in trials for word in trial if any(word not in other for other in trials)}
    if keys := sorted({word.lstrip("+").partition("=")[0] for word in varying} & _SPLIT):
        raise UserError(_other_split(keys[0]))


def _other_split(key: str) -> str:
    return f"'{key}' can't be swept: a sweep compares its trials on the same samples; run one sweep for each value"


def _expand(words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The settings of each trial, as Hydra's basic sweeper makes them."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # the one place that knows how

    loader = GlobalHydra.instance().config_loader() if GlobalHydra.instance().is_initialized() else None
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(words))
    [batch] = BasicSweeper.split_arguments(overrides, None)
    return tuple(tuple(trial) for trial in batch)


# Settings that move no feature of a photo: of the trials that differ in these alone one is composed in place of all.
# Choices of a file are not among them: each file is composed, and checked, before a trial begins.
_ABOVE_THE_LINE = ("method.", "seed=", "cv=", "debug.", "logger.", "refit=", "prompts.", "augmentation.mixup=")


def compose_distinct(plan: SweepPlan, compose: Compose) -> list[DictConfig]:
    """The configs of the trials, one for those that need the same features and set the same keys.

    Of a search none, unless all its trials need the same features: otherwise each asks the store for its own.
    """
    place = f"paths.run={quote(str(plan.directory))}"
    if plan.search is not None:
        config = compose([*plan.search.first, place])
        return [config] if all(key.startswith(_ABOVE_THE_LINE) for key in plan.search.keys) else []
    distinct: dict[tuple[str, ...], tuple[str, ...]] = {}
    for trial in plan.trials:
        signature = (word.partition("=")[0] if word.startswith(_ABOVE_THE_LINE) else word for word in trial)
        distinct.setdefault(tuple(signature), trial)
    return [compose([*trial, place]) for trial in distinct.values()]
