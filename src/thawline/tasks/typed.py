"""The typed settings of a config that was composed: what every verb begins with."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from thawline.errors import UserError


def to_settings(config: DictConfig) -> Any:
    """The typed settings that `config` holds.

    Raises:
        UserError: A value is out of its range, or a required one is missing.
    """
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise UserError(f"the setting '{missing[0]}' has no value; give {missing[0]}=…")
    return OmegaConf.to_object(config)
