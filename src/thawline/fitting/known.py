"""Which methods there are, by the name that the schema of each has in `conf/method`."""

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass

from omegaconf import DictConfig, OmegaConf

from thawline.errors import UserError
from thawline.fitting.auto import AUTO, AutoSettings
from thawline.fitting.boosting import TreesSettings
from thawline.fitting.few_shot import ClapSettings, LoraSettings, SSTextSettings, TipAdapterSettings, WiseFTSettings
from thawline.fitting.ridge import RidgeSettings
from thawline.fitting.settings import (
    GaussianSettings,
    GradientSettings,
    LogisticSettings,
    MethodSettings,
    RulesSettings,
    ZeroShotSettings,
)
from thawline.plugins import Added, added_beside

METHODS: dict[str, type[MethodSettings]] = {
    AUTO: AutoSettings,
    "zero_shot": ZeroShotSettings,
    "clap": ClapSettings,
    "ss_text": SSTextSettings,
    "tip_adapter": TipAdapterSettings,
    "wise_ft": WiseFTSettings,
    "logistic": LogisticSettings,
    "gda": GaussianSettings,
    "ridge": RidgeSettings,
    "trees": TreesSettings,
    "rules": RulesSettings,
    "gradient": GradientSettings,
    "lora": LoraSettings,
}


@dataclass(frozen=True)
class NamedMethod:
    """A method that an installed package adds: what it fits from stored features.

    Attributes:
        settings: What it takes, with its checks; what `fit` says there is set to the entry point's name.
        fitted_by: `module:function`, imported by runs that fit by it. The function is given a fresh tail, the training
            samples, given inner samples or None, the settings and the seed, and gives a `fitting.methods.Fit`.
    """

    settings: type[MethodSettings]
    fitted_by: str


def added_methods() -> Mapping[str, Added]:
    """The methods that installed packages add, by name, not yet imported.

    Raises:
        UserError: A package adds one by a name that is taken.
    """
    return added_beside("methods", {*METHODS, *(schema.fit for schema in METHODS.values())})


def find_added_method(name: str) -> NamedMethod | None:
    """The method `name` of an installed package, imported; None: no package adds such a one.

    Raises:
        UserError: It can't be imported, or is no such method.
    """
    one = added_methods().get(name)
    if one is None:
        return None
    method = one.imported()
    if not isinstance(method, NamedMethod) or not is_dataclass(method.settings):
        raise UserError(f"{one.where} of the package {one.package} must be a NamedMethod, with a dataclass of settings")
    if not issubclass(method.settings, MethodSettings) or issubclass(method.settings, GradientSettings):
        raise UserError(
            f"the settings of {one.where} of the package {one.package} must come from MethodSettings, and not from "
            "GradientSettings, by which Thawline itself trains"
        )
    return method


def method_schema(fit: str) -> DictConfig:
    """The typed settings of the method whose `fit` that is.

    Raises:
        UserError: There is no such method.
    """
    own = next((schema for schema in METHODS.values() if schema.fit == fit), None)
    if own is None and (added := find_added_method(fit)) is not None:
        own = added.settings
    if own is None:
        raise UserError(
            f"method.fit={fit} is of no method of this version of thawline or of an installed package; install the "
            "package that adds it"
        )
    node: DictConfig = OmegaConf.structured(own)
    node.fit = fit
    return node
