"""Which methods there are, by the name that the schema of each has in `conf/method`."""

from thawline.fitting.auto import AUTO, AutoSettings
from thawline.fitting.boosting import TreesSettings
from thawline.fitting.few_shot import ClapSettings, LoraSettings, SSTextSettings, TipAdapterSettings, WiseFTSettings
from thawline.fitting.settings import (
    GaussianSettings,
    GradientSettings,
    LogisticSettings,
    MethodSettings,
    RidgeSettings,
    RulesSettings,
    ZeroShotSettings,
)

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
