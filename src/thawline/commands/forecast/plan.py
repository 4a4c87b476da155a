"""`thawline plan DATA [-m] …`: what a training or a sweep will take, before anything runs."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from rich.console import Console

from thawline.commands.forecast.forecast import Forecast
from thawline.commands.forecast.kinds import Kind, kinds_of, kinds_of_search
from thawline.commands.forecast.rehearse import foresee_run, foresee_sweep
from thawline.commands.forecast.shown import show
from thawline.commands.forecast.stage import Compose, Stage
from thawline.commands.sweeps.plan import SweepPlan, plan_sweep
from thawline.commands.sweeps.search.planning import points
from thawline.features.rehearsing.costs import Cost
from thawline.features.settings import StoreSettings
from thawline.output import report


def plan(words: Sequence[str], compose: Compose, *, many: bool) -> None:
    """Show what the command line will take.

    Args:
        words: Its settings, without `-m`.
        compose: Settings to the config with Hydra's own part.
        many: Whether it is a sweep.

    Raises:
        UserError: It can't be run as it is asked for.
    """
    store = _root(compose(_fixed(words)).store.dir)
    forecast = foresee(words, compose, many=many, before=of_process())
    report(**_facts(forecast), store=store)
    show(forecast, store, Console())


def _facts(forecast: Forecast) -> dict[str, Any]:
    """A forecast as plain JSON: seconds and bytes."""
    found, rehearsed = forecast.samples
    return {
        "parts": forecast.parts,
        "total": forecast.total,
        "least": forecast.least,
        "most": forecast.most,
        "start": forecast.start,
        "finish": forecast.finish,
        "memory": forecast.memory,
        "bytes": forecast.bytes,
        "workers": forecast.workers,
        "samples": found,
        "rehearsed": rehearsed,
        "searched": forecast.searched,
    }


def of_process() -> Cost:
    """What this process took until now; by the clock, too, what its processor took."""
    return Cost(time.process_time(), time.process_time())


def foresee(words: Sequence[str], compose: Compose, *, many: bool, before: Cost) -> Forecast:
    """What the command line will take, with what its start took before; see `plan`."""
    with tempfile.TemporaryDirectory(prefix="thawline-plan-") as folder:
        if not many:
            stage = Stage(Path(folder), _root(compose(words).store.dir), compose)
            return foresee_run(words, stage, before)
        sweep = plan_sweep(words, compose)
        stage = Stage(Path(folder), _root(sweep.base.store.dir), compose)
        return foresee_sweep(sweep, _kinds(sweep, words, compose), stage, before)


def _kinds(sweep: SweepPlan, words: Sequence[str], compose: Compose) -> list[Kind]:
    if sweep.search is None:
        return kinds_of(sweep.trials, sweep.least)
    trials = sweep.sweep.trials or sweep.sweep.stop_when_flat or 1
    return kinds_of_search(points(sweep.sweep, words, _fixed(words), compose), trials)


def _fixed(words: Sequence[str]) -> list[str]:
    """The settings that have one value."""
    overrides = OverridesParser.create().parse_overrides(list(words))
    return [str(override.input_line) for override in overrides if not override.is_sweep_override()]


def _root(folder: str | None) -> Path:
    return StoreSettings(dir=folder).root
