"""Trials that have their data in common: composed once, typed once, read once; each is fitted by its own settings."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from thawline.commands.line.quoting import quote
from thawline.commands.sweeps.search.settings import NEVER

Compose = Callable[[Sequence[str]], DictConfig]
# What trials that are fitted together may differ in: neither the data, nor the tail's shape, nor the batches' size.
MAY_DIFFER = frozenset(
    {
        "seed",
        *(f"method.{key}" for key in ("lr", "body_lr", "layer_decay", "warmup", "schedule", "weight_decay", "penalty")),
        *(f"method.{key}" for key in ("label_smoothing", "class_weights", "dropout", "epochs", "patience")),
    }
)
# What those may differ in besides that are fitted one after another on the same data.
SHARE_DATA = MAY_DIFFER | {f"method.{key}" for key in ("batch_size", "c", "shrinkage", "optimiser")}
_OF_HYDRA = "${hydra:"  # what it makes of a trial that it launches is not known here
OF_SWEEP = "sweep"


@dataclass(frozen=True, eq=False)
class ReadTrial:
    """A trial whose data were read.

    Attributes:
        number: Its number.
        words: What the command line gives it, Hydra's own settings apart.
        config: Its resolved config, with a part `sweep` where its search may end it early.
        problem: Its data, with its settings.
        plan: Who is trained on and who is judged.
    """

    number: int
    words: tuple[str, ...]
    config: dict[str, Any]
    problem: Any
    plan: Sequence[Any]


def signature(words: Sequence[str], free: frozenset[str] = MAY_DIFFER) -> tuple[str, ...]:
    """What trials that are alike have in common: all but the values of what they may differ in, `free`."""
    parts = (word.partition("=") for word in words)
    return tuple(key if key in free else f"{key}{equals}{value}" for key, equals, value in parts)


class Alike:
    """Trials that differ in `SHARE_DATA` alone."""

    def __init__(self, sweep: Path, compose: Compose) -> None:
        """Nothing was composed or read yet.

        Args:
            sweep: The sweep's directory.
            compose: Settings to a config, with or without Hydra's own part.
        """
        self._sweep, self._compose = sweep, compose
        self._base: DictConfig | None = None
        self._watched: dict[str, Any] = {}
        self._first: Any = None
        self._rest: Mapping[str, Any] = {}
        self._read: Any = None
        self._plans: dict[int, Any] = {}

    def read(self, trials: Mapping[int, Sequence[str]]) -> Iterator[ReadTrial]:
        """The trials whose settings can be used; others say so themselves when they are run alone.

        Raises:
            UserError: The data can't be used.
        """
        from thawline.encoders.device import find_device
        from thawline.tasks.capabilities import task_reader
        from thawline.tasks.planning import plan_run

        problem: Any
        for number, config, settings in self.settings(trials):
            read = self._read
            if read is None:
                problem = self._read = task_reader(settings.task)(settings, find_device(settings.trainer.accelerator))
                if not is_dataclass(problem):  # of a task of somebody else's: with other settings it is read anew
                    return
            else:
                problem = replace(read, settings=settings, computed=0, read=read.read + read.computed)
            if settings.seed not in self._plans:
                self._plans[settings.seed] = plan_run(problem, settings)
            own = tuple(word for word in trials[number] if not word.lstrip("+~").startswith("hydra"))
            yield ReadTrial(number, own, {**config, **self._watched}, problem, self._plans[settings.seed])

    def settings(self, trials: Mapping[int, Sequence[str]]) -> Iterator[tuple[int, dict[str, Any], Any]]:
        """Number, resolved config and typed settings of each trial that has such."""
        from thawline.tasks.settings import saved_settings

        base = self._composed(next(iter(trials.values())))
        for number, words in trials.items():
            place = str(self._sweep / str(number))
            try:
                if base is None:
                    return
                values = _set(base, words)
                config: dict[str, Any] = OmegaConf.to_container(base, resolve=True)  # type: ignore[assignment]  # str keys
                rest = _without(config, values)
                config["paths"] = {**config["paths"], "run": place}
                if self._first is None:
                    self._first, self._rest = saved_settings(OmegaConf.create(config), mirrored=True), rest
                if rest != self._rest:  # by an interpolation of what they may differ in
                    continue
                # Typing a whole config takes longer than all else that is done for a trial.
                method = {key.removeprefix("method."): value for key, value in values.items() if key != "seed"}
                settings = replace(
                    self._first,
                    seed=values["seed"],
                    method=replace(self._first.method, **method),
                    paths=replace(self._first.paths, run=place),
                )
            except Exception:  # noqa: S112  # whatever its settings are: alone it says what is wrong with them
                continue
            yield number, config, settings

    def _composed(self, words: Sequence[str]) -> DictConfig | None:
        """The config of one of the trials, its directory apart; None where it depends on how Hydra launches it."""
        if self._base is None:
            whole = self._compose([*words, f"paths.run={quote(str(self._sweep))}"])
            if OF_SWEEP in whole and whole.sweep.prune != NEVER:
                self._watched = {OF_SWEEP: OmegaConf.to_container(whole.sweep, resolve=True)}
            self._base = OmegaConf.masked_copy(whole, [str(key) for key in whole if key not in ("hydra", OF_SWEEP)])
        return None if _OF_HYDRA in str(OmegaConf.to_container(self._base)) else self._base


def _set(base: DictConfig, words: Sequence[str]) -> dict[str, Any]:
    """Give `base` the values of a trial in what it may differ in, and say what all such are once they are typed."""
    own = [word for word in words if word.partition("=")[0] in SHARE_DATA]
    for override in OverridesParser.create().parse_overrides(own):
        OmegaConf.update(base, override.key_or_group, override.value())
    # Not its own words' alone: others may be interpolated from them.
    keys = ["seed", *(key for key in sorted(SHARE_DATA - {"seed"}) if key.removeprefix("method.") in base.method)]
    return {key: _plain(OmegaConf.select(base, key)) for key in keys}


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _without(config: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """`config` without the settings `keys`."""
    method = {key: value for key, value in config["method"].items() if f"method.{key}" not in keys}
    return {**{key: value for key, value in config.items() if key not in keys}, "method": method}
