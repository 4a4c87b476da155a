"""What is known of a search before it begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from thawline.commands.line.composing import is_setting
from thawline.commands.sweeps.search.settings import SweepSettings
from thawline.commands.sweeps.search.space import Space, read_space
from thawline.runs.directory import SWEEP_FILE
from thawline.runs.sweep import read_sweep

_POINTS = 8  # that stand for a search
JOURNAL_STUDY = "sweep"  # what the one study of a journal is called


@dataclass(frozen=True)
class Search:
    """A search.

    Attributes:
        study: What its study is called in its storage.
        keys: What is searched: dotted keys, and groups.
        first: The settings of one point, with those that all share.
    """

    study: str
    keys: tuple[str, ...]
    first: tuple[str, ...]


def plan_search(
    settings: SweepSettings,
    words: Sequence[str],
    fixed: Sequence[str],
    directory: Path,
    compose: Callable[[Sequence[str]], DictConfig],
) -> Search:
    """Read what a search goes through.

    Args:
        settings: How.
        words: The command line.
        fixed: Those of its settings that have one value.
        directory: The sweep's.
        compose: Settings to the config.

    Raises:
        UserError: The space can't be searched, or the storage can't be used.
    """
    space = _space(settings, words, fixed, compose)
    first = space.first(lambda groups, key: is_setting(compose([*fixed, *groups]), key))
    if settings.storage is not None:
        from thawline.commands.sweeps.search.storage import open_storage  # late: Optuna takes a second to import

        open_storage(directory, settings.storage)
    # A database may have the study of another sweep in a folder of the same name, or of one that was deleted.
    study = JOURNAL_STUDY if settings.storage is None else f"{directory.name}-{uuid4().hex[:8]}"
    if (directory / SWEEP_FILE).exists():
        study = read_sweep(directory).get("study", study)
    return Search(study, tuple(one.plain for one in space.dimensions), (*fixed, *first))


def points(
    settings: SweepSettings, words: Sequence[str], fixed: Sequence[str], compose: Callable[[Sequence[str]], DictConfig]
) -> list[tuple[str, ...]]:
    """Some points of a search, in words: of each choice every value stands in one, as far as there are few.

    Args:
        settings: How it searches.
        words: The command line.
        fixed: Those of its settings that have one value.
        compose: Settings to the config.
    """
    space = _space(settings, words, fixed, compose)
    choices = [dimension.values for dimension in space.dimensions if dimension.low is None]
    found: dict[tuple[str, ...], None] = {}
    for number in range(min(_POINTS, max((len(values) for values in choices), default=1))):
        point = space.ask(
            lambda dimension: (
                dimension.values[number % len(dimension.values)] if dimension.low is None else dimension.first  # noqa: B023
            ),
            lambda groups, key: is_setting(compose([*fixed, *groups]), key),
        )
        found.setdefault((*fixed, *point))
    return list(found)


def _space(
    settings: SweepSettings, words: Sequence[str], fixed: Sequence[str], compose: Callable[[Sequence[str]], DictConfig]
) -> Space:
    loader = GlobalHydra.instance().config_loader() if GlobalHydra.instance().is_initialized() else None
    return read_space(settings.space, words, compose(fixed).hydra.runtime.choices, loader)
