"""The whole config of a run, typed: what `thawline train` composes and a run directory keeps."""

from dataclasses import dataclass, field

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.data.augmentation import AugmentationSettings
from thawline.data.settings import DataSettings
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.fitting.settings import (
    DebugSettings,
    GradientSettings,
    LogisticSettings,
    MethodSettings,
    TrainerSettings,
    ZeroShotSettings,
)
from thawline.runs.secrets import masked_keys
from thawline.runs.settings import LoggerSettings, PathsSettings
from thawline.tasks.events.settings import PromptSettings

# What each head needs at least to train, from the top of the network down.
_LEAST_THAW = {"prompts": "projection", "linear": "head", "mlp": "head"}


@dataclass
class RunSettings:
    """One run.

    Attributes:
        task: The task's name in the registry of tasks.
        prompts: What stands for the classes in text.
        data: The photos and their split.
        encoder: The pretrained network.
        augmentation: What varies the photos.
        method: How the tail is fitted.
        trainer: What it computes on.
        debug: How the training is looked into.
        logger: What mirrors the run.
        store: The feature store.
        paths: Where the run is written.
        thaw: `head`, `projection`, the number of blocks or stages that train, or `all`; null: what the method needs.
        cv: Folds of the cross-validation; null: one hold-out.
        seed: Fixes splits, starting weights and order.
        refit: Whether the method is fitted once more on all data, as the model to use; null: after a cross-validation,
            and in a sweep never.
    """

    task: str = MISSING
    prompts: PromptSettings = field(default_factory=PromptSettings)
    data: DataSettings = MISSING
    encoder: EncoderSettings = MISSING
    augmentation: AugmentationSettings = field(default_factory=lambda: AugmentationSettings(name="none"))
    method: MethodSettings = MISSING
    trainer: TrainerSettings = field(default_factory=lambda: TrainerSettings(accelerator="auto"))
    debug: DebugSettings = field(default_factory=DebugSettings)
    logger: LoggerSettings = MISSING
    store: StoreSettings = MISSING
    paths: PathsSettings = MISSING
    thaw: int | str | None = None
    cv: int | None = None
    seed: int = 0
    refit: bool | None = None

    def __post_init__(self) -> None:
        """Check what spans groups."""
        if self.cv is not None and self.cv < 2:
            raise UserError(f"cv={self.cv} must be at least 2; leave it out for one hold-out")
        if not 0 <= self.seed < 2**32:
            raise UserError(f"seed={self.seed} must be 0 to {2**32 - 1}")
        if isinstance(self.thaw, str) and self.thaw not in ("head", "projection", "all"):
            raise UserError(
                f"thaw={self.thaw} is not known; use head, projection, all, or the number of blocks that train"
            )
        if isinstance(self.thaw, int) and self.thaw < 1:
            raise UserError(f"thaw={self.thaw} must be at least 1; thaw=head trains nothing below the head")
        self._check_method()
        self._check_augmentation()
        self._check_trainer()

    @property
    def cut(self) -> int | str:
        """The thaw setting, derived from what the method trains where the user stated none."""
        if self.thaw is not None:
            return self.thaw
        return _LEAST_THAW[self.method.head] if isinstance(self.method, GradientSettings) else "head"

    def _check_augmentation(self) -> None:
        """Can the method use what varies the photos, and is it above or below the thaw line?"""
        wanted, method = self.augmentation, self.method
        if not isinstance(method, GradientSettings):
            if wanted.changes_pixels or wanted.mixup:
                what = f".views={wanted.views}" if wanted.views else f"={wanted.name}"
                what = f".mixup={wanted.mixup}" if wanted.mixup and not wanted.changes_pixels else what
                how = "is fitted in closed form" if isinstance(method, LogisticSettings) else "fits nothing"
                raise UserError(
                    f"method={method.name} {how} and can't use augmentation{what}; use augmentation=none, or a method "
                    "by gradient descent (linear, finetune)"
                )
            return
        if wanted.mixup and method.loss != "cross_entropy":
            raise UserError(f"augmentation.mixup mixes classes, which method.loss={method.loss} can't use; set it to 0")
        if wanted.changes_pixels and not wanted.views and self.cut != "all":
            raise UserError(
                f"augmentation={wanted.name} varies pixels, which lie below the thaw line; set augmentation.views to "
                "how many views of a photo are stored, or thaw=all"
            )

    def _check_trainer(self) -> None:
        """Do the trainer's processes have something to do?"""
        if self.trainer.workers and self.cut != "all":
            raise UserError(
                f"trainer.workers={self.trainer.workers}: features come from the store without loader processes; they "
                "are for thaw=all"
            )
        # The contrastive loss pairs the photos of a whole batch, which no process of several has.
        alone = not isinstance(self.method, GradientSettings) or self.method.loss == "contrastive"
        if self.trainer.devices > 1 and alone:
            raise UserError(
                f"trainer.devices={self.trainer.devices}: method={self.method.name} computes on one device; set it to 1"
            )

    def _check_method(self) -> None:
        """Does the method suit the encoder and the thaw line?"""
        method, encoder = self.method, self.encoder
        if method.head == "prompts" and encoder.family != "clip":
            raise UserError(
                f"method={method.name} compares photos with text, but encoder '{encoder.model or encoder.name}' has "
                "none; use encoder=clip, or method=linear or logistic"
            )
        if not isinstance(method, GradientSettings) and self.cut != "head":
            name = "closed form" if isinstance(method, LogisticSettings) else "nothing at all"
            raise UserError(
                f"method={method.name} fits {name} below the head, so thaw={self.thaw} can't be used; use thaw=head"
            )
        if isinstance(method, GradientSettings) and method.head == "prompts" and self.cut == "head":
            raise UserError(
                f"method={method.name} trains the projection, so thaw=head leaves nothing to train; use thaw=projection"
            )


def saved_settings(config: DictConfig) -> RunSettings:
    """The typed settings of a run from the config that its directory keeps.

    Raises:
        UserError: The config is of another version of the program, or was changed by hand.
    """
    if lost := masked_keys(config):
        raise UserError(
            f"the run's setting '{lost[0]}' is a secret, which was not saved; a run that is to be read again takes it "
            f"from the environment: {lost[0]}='${{oc.env:NAME}}'"
        )
    methods: tuple[type[MethodSettings], ...] = (ZeroShotSettings, LogisticSettings, GradientSettings)
    schemas = {schema.fit: schema for schema in methods}
    try:
        schema = OmegaConf.structured(RunSettings)
        schema.method = OmegaConf.structured(schemas[config.method.fit])
        settings = OmegaConf.to_object(OmegaConf.merge(schema, config))
    except (OmegaConfBaseException, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the run's config.yaml does not fit this version of thawline ({reason})") from error
    if not isinstance(settings, RunSettings):
        raise TypeError("the schema of a run is RunSettings")
    return settings
