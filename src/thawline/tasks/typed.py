"""The typed settings of a config that was composed: what every verb begins with."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from thawline.data.settings import DataSettings
from thawline.errors import UserError
from thawline.tasks.task import capability


def to_settings(config: DictConfig) -> Any:
    """The typed settings that `config` holds.

    Raises:
        UserError: A value is out of its range, a required one is missing, or a data set can't be used.
    """
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise UserError(f"the setting '{missing[0]}' has no value; give {missing[0]}=…")
    settings: Any = OmegaConf.to_object(_with_own_data(config) if "task" in config and "data" in config else config)
    if isinstance(data := getattr(settings, "data", None), DataSettings):
        settings.data = data.opened(settings.store.root)  # who reads data has a store
    return settings


def _with_own_data(config: DictConfig) -> DictConfig:
    """`config` with data of the task's own class, where its file in `conf/data` has another's of that name."""
    own, given = capability(config.task, "settings"), OmegaConf.get_type(config, "data")
    if given is None or given is own or given.__name__ != own.__name__:
        return config
    typed = config.copy()
    typed.data = OmegaConf.merge(OmegaConf.structured(own), OmegaConf.to_container(config.data))
    return typed
