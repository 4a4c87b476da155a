"""What is known of a search before it begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from thawline.commands.line.composing import is_setting
from thawline.commands.sweeps.search.settings import SweepSettings
from thawline.commands.sweeps.search.space import read_space
from thawline.runs.directory import SWEEP_FILE
from thawline.runs.sweep import read_sweep

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
    base = compose(fixed)
    loader = GlobalHydra.instance().config_loader() if GlobalHydra.instance().is_initialized() else None
    space = read_space(settings.space, words, base.hydra.runtime.choices, loader)
    first = space.first(lambda groups, key: is_setting(compose([*fixed, *groups]), key))
    if settings.storage is not None:
        from thawline.commands.sweeps.search.storage import open_storage  # late: Optuna takes a second to import

        open_storage(directory, settings.storage)
    # A database may have the study of another sweep in a folder of the same name, or of one that was deleted.
    study = JOURNAL_STUDY if settings.storage is None else f"{directory.name}-{uuid4().hex[:8]}"
    if (directory / SWEEP_FILE).exists():
        study = read_sweep(directory).get("study", study)
    return Search(study, tuple(one.plain for one in space.dimensions), (*fixed, *first))
