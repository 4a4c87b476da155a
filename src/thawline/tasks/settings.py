"""The whole config of a run, typed: what `thawline train` composes and a run directory keeps."""

from dataclasses import dataclass, field

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.data.photos.augmentation import AugmentationSettings
from thawline.data.settings import DataSettings, PairsSettings, TracksSettings
from thawline.decisions.threshold import DecisionSettings
from thawline.encoders.settings import AUDIO, EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.fitting.settings import (
    DebugSettings,
    GradientSettings,
    LogisticSettings,
    MethodSettings,
    RulesSettings,
    TrainerSettings,
    TreesSettings,
    ZeroShotSettings,
)
from thawline.runs.secrets import masked_keys, unset_variables
from thawline.runs.settings import LoggerSettings, PathsSettings
from thawline.tasks.events.settings import PromptSettings

# Losses that pair the samples of a whole batch.
_OVER_BATCH = ("contrastive", "siglip", "infonce", "triplet")

# What each head needs at least to train, from the top of the network down; `head` where nothing is said.
_LEAST_THAW = {"prompts": "projection"}

# The heads that each task has.
_HEADS = {
    "events": ("prompts", "linear", "mlp"),
    "match": ("pairs", "prompts"),
    "genre": ("linear", "mlp", "own", "layers", "trees", "rules", "hints"),
}


@dataclass
class RunSettings:
    """One run.

    Attributes:
        task: The kind of problem: `events` (photos by class), `match` (does a text describe an image) or `genre`
            (tracks by class, or by several labels).
        prompts: What stands for the classes in text.
        data: The samples and their split.
        encoder: The pretrained network.
        text: The text encoder of pairs; null: that of `encoder`.
        augmentation: How samples are varied for training.
        method: How the tail is fitted.
        decision: What a threshold is fitted for, where scores need one.
        trainer: What it computes on.
        debug: How the training is looked into.
        logger: What mirrors the run.
        store: The feature store.
        paths: Where the run is written.
        thaw: `head`, `projection`, the number of blocks or stages that train, or `all`; null: what the method needs.
        cv: Folds of the cross-validation; null: one hold-out.
        seed: Fixes splits, starting weights and order.
        name: What the run or sweep is called: its directory's name begins with it; null: that is the time alone.
        refit: Whether the method is fitted once more on all data, as the model to use; null: after a cross-validation,
            and in a sweep never.
    """

    task: str = MISSING
    prompts: PromptSettings = field(default_factory=PromptSettings)
    data: DataSettings = MISSING
    encoder: EncoderSettings = MISSING
    text: EncoderSettings | None = None
    augmentation: AugmentationSettings = field(default_factory=lambda: AugmentationSettings(name="none"))
    method: MethodSettings = MISSING
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    trainer: TrainerSettings = field(default_factory=lambda: TrainerSettings(accelerator="auto"))
    debug: DebugSettings = field(default_factory=DebugSettings)
    logger: LoggerSettings = MISSING
    store: StoreSettings = MISSING
    paths: PathsSettings = MISSING
    thaw: int | str | None = None
    cv: int | None = None
    seed: int = 0
    name: str | None = None
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
        if self.text == self.encoder:
            self.text = None  # both towers of one network
        self._check_method()
        self._check_augmentation()
        self._check_trainer()

    @property
    def cut(self) -> int | str:
        """The thaw setting, derived from what the method trains where the user stated none."""
        if self.thaw is not None:
            return self.thaw
        if not isinstance(self.method, GradientSettings):
            return "head"
        if self.encoder.family == "mel_cnn":
            return "all"  # it has no pretrained weights
        if self.method.head == "pairs":
            # Towers that were trained together have projections into their common space.
            return "projection" if self._one_space else "head"
        return _LEAST_THAW.get(self.method.head, "head")

    @property
    def takes_themes(self) -> bool:
        """Whether themes of lyrics can be inputs beside what the encoder gives."""
        return (self.encoder.family, self.encoder.name) == ("descriptors", "descriptors")

    def _check_augmentation(self) -> None:
        """Can the method use what varies the photos, and is it above or below the thaw line?"""
        wanted, method = self.augmentation, self.method
        if not isinstance(method, GradientSettings):
            if wanted.changes_pixels or wanted.mixup:
                what = f".views={wanted.views}" if wanted.views else f"={wanted.name}"
                what = f".mixup={wanted.mixup}" if wanted.mixup and not wanted.changes_pixels else what
                closed_form = isinstance(method, LogisticSettings | TreesSettings)
                how = "is fitted in closed form" if closed_form else "fits nothing"
                raise UserError(
                    f"method={method.name} {how} and can't use augmentation{what}; use augmentation=none, or a method "
                    "by gradient descent (linear, finetune)"
                )
            return
        if wanted.mixup and method.loss != "cross_entropy" and self.task != "match":
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
        fits_nothing = not isinstance(self.method, GradientSettings)
        one_clip = self.task == "match" and self.text is None and not fits_nothing
        if self.trainer.save_models and (not one_clip or self.trainer.devices > 1):
            raise UserError(
                "trainer.save_models=true writes a CLIP while it is trained, with task=match, without encoder@text, on "
                "one device; 'thawline export' writes a finished run's model"
            )
        # A whole batch is what no process of several has.
        alone = not isinstance(self.method, GradientSettings) or self.method.loss in _OVER_BATCH
        if self.trainer.devices > 1 and alone:
            what = f"method={self.method.name}"
            if isinstance(self.method, GradientSettings) and self.method.head == "pairs":
                what = f"method.loss={self.method.loss}"
            raise UserError(f"trainer.devices={self.trainer.devices}: {what} computes on one device; set it to 1")

    def _check_task(self) -> None:
        """Are the encoder and the method of the task's kind?"""
        name, hears = self.encoder.model or self.encoder.name, self.encoder.family in AUDIO
        if hears and self.task != "genre":
            raise UserError(f"encoder '{name}' hears sound; add task=genre, or use an encoder of photos")
        if not hears and self.task == "genre":
            raise UserError(
                f"encoder '{name}' hears nothing; use mel_cnn, ast, wav2vec2_base, hubert_base or descriptors"
            )
        if self.encoder.family == "mel_cnn" and self.cut != "all":
            what = f"thaw={self.thaw}" if self.thaw is not None else f"method={self.method.name}"
            raise UserError(
                f"encoder={name} has no pretrained weights, and {what} leaves some of it untrained; use method=mel_cnn "
                "without thaw, or encoder=descriptors"
            )
        pairs = self.method.head == "pairs" or isinstance(self.method, ZeroShotSettings)
        if self.task == "match" and not pairs:
            raise UserError(
                f"method={self.method.name} tells classes of photos apart; task=match takes method=pairs, pairs_towers "
                "or zero_shot"
            )
        if self.task != "match" and (self.method.head == "pairs" or self.text is not None):
            what = "encoder@text" if self.text is not None else f"method={self.method.name}"
            raise UserError(f"{what} is for pairs of images and texts; add task=match")
        if self.task in _HEADS and self.method.head not in _HEADS[self.task]:
            fitting = [task for task, heads in _HEADS.items() if self.method.head in heads]
            mend = f"use one of its heads ({', '.join(_HEADS[self.task])})" if hears else f"add task={fitting[0]}"
            raise UserError(f"method={self.method.name} is not for task={self.task}; {mend}")
        if self.augmentation.masks is not None and (self.encoder.family != "mel_cnn" or self.cut != "all"):
            raise UserError(
                f"augmentation={self.augmentation.name} masks the spectrograms of encoder=mel_cnn with thaw=all; use "
                "augmentation=none"
            )
        if self.task == "match":
            self._check_pairs()
        if self.task == "genre":
            self._check_tracks()

    def _check_tracks(self) -> None:
        """Is there nothing that only photos have?"""
        wanted = self.augmentation
        if wanted.changes_pixels:
            raise UserError(f"augmentation={wanted.name} varies photos; tracks take specaugment, mixup or none")
        if self.logger.thumbnails:
            raise UserError(f"logger.thumbnails={self.logger.thumbnails} shows photos, not tracks; set it to 0")
        if self.encoder.stems is not None:
            self._check_stems()
        if not isinstance(self.data, TracksSettings):
            return
        if self.data.themes and not self.takes_themes:
            raise UserError(
                f"data.themes={','.join(self.data.themes)} has themes, which are inputs of encoder=descriptors alone; "
                "leave it out"
            )
        if self.data.labels == "several":
            self._check_tags()

    def _check_stems(self) -> None:
        """Is nothing asked of stems but features for a head?"""
        if self.method.head in ("own", "layers"):
            raise UserError(
                f"method={self.method.name} has no place for several stems; with encoder.stems use linear, mlp, "
                "logistic or hints"
            )
        if self.cut != "head":
            raise UserError(f"thaw={self.thaw} can't be used with encoder.stems: only a head is fitted; use thaw=head")

    def _check_tags(self) -> None:
        """Does the method tell several labels of a track?"""
        method = self.method
        if not isinstance(method, GradientSettings):
            raise UserError(
                f"method={method.name} tells one class of each track; data.labels=several takes linear, mlp, layers, "
                "own or mel_cnn"
            )
        if self.augmentation.mixup:
            raise UserError("augmentation.mixup mixes single classes; set it to 0 with data.labels=several")

    def _check_pairs(self) -> None:
        """Is there nothing that only classes of photos have, and a common space where none is made?"""
        if self.augmentation.mixup:
            raise UserError("augmentation.mixup mixes classes, which pairs don't have; set it to 0")
        if self.logger.thumbnails:
            raise UserError(f"logger.thumbnails={self.logger.thumbnails} shows photos, not pairs; set it to 0")
        if isinstance(self.method, GradientSettings) and isinstance(self.method.penalty, str):
            raise UserError(f"method.penalty={self.method.penalty} counts photos of a class; use a number or null")
        if isinstance(self.method, ZeroShotSettings) and not self._one_space:
            raise UserError(
                f"method={self.method.name} compares images and texts of one CLIP; use encoder=clip without "
                "encoder@text, or method=pairs, which brings two encoders together"
            )

    @property
    def _one_space(self) -> bool:
        """Whether the two encoders of pairs were trained together."""
        return self.encoder.family == "clip" and self.text is None

    def _check_method(self) -> None:
        """Does the method suit the encoder and the thaw line?"""
        method, encoder = self.method, self.encoder
        self._check_task()
        if self.task == "match":
            return
        if method.head == "prompts" and encoder.family != "clip":
            raise UserError(
                f"method={method.name} compares photos with text, but encoder '{encoder.model or encoder.name}' has "
                "none; use encoder=clip, or method=linear or logistic"
            )
        if method.head == "rules" and not self.takes_themes:
            raise UserError(f"method={method.name} is a table over descriptors; use encoder=descriptors")
        if not isinstance(method, GradientSettings) and self.cut != "head":
            raise UserError(
                f"method={method.name} trains nothing below the head, so thaw={self.thaw} can't be used; use thaw=head"
            )
        if isinstance(method, GradientSettings) and method.head == "prompts" and self.cut == "head":
            raise UserError(
                f"method={method.name} trains the projection, so thaw=head leaves nothing to train; use thaw=projection"
            )


# What the data of tasks are besides photos.
_DATA: dict[str, type[DataSettings]] = {"match": PairsSettings, "genre": TracksSettings}


@dataclass
class CheckSettings:
    """A look at a task's data before anything is trained.

    Attributes:
        task: The kind of problem: `events` (photos by class), `match` (does a text describe an image) or `genre`
            (tracks by class, or by several labels).
        prompts: What a task's file brings along; not used.
        data: The photos or pairs.
        encoder: Whose limits are checked; null: none's.
        method: What a task's file brings along; not used.
        store: Where the facts of photos are kept.
        paths: Where the report is written.
    """

    task: str = MISSING
    prompts: PromptSettings = field(default_factory=PromptSettings)
    data: DataSettings = MISSING
    encoder: EncoderSettings | None = None
    method: MethodSettings | None = None
    store: StoreSettings = MISSING
    paths: PathsSettings = MISSING


def _without_lacking(config: DictConfig) -> DictConfig:
    """`config` without what mirrors the run, and the name that it has there, as far as these are lacking secrets."""
    lacking = {*masked_keys(config), *(key for key, _ in unset_variables(config))}
    left = config.copy()
    for part, name in {tuple(key.split(".")[:2]) for key in lacking if key.startswith("logger.")}:
        del left[part][name]
    if "name" in lacking:
        del left["name"]
    return left


def saved_settings(config: DictConfig, *, mirrored: bool = False) -> RunSettings:
    """The typed settings of a run from the config that its directory keeps.

    Args:
        config: The config.
        mirrored: Whether the run goes on, with its mirror. Otherwise secrets that the mirror alone takes are left out,
            if they are lacking.

    Raises:
        UserError: The config is of another version of the program, or was changed by hand, or a secret is lacking.
    """
    if not mirrored:
        config = _without_lacking(config)
    for key, name in unset_variables(config):
        raise UserError(f"the run's setting '{key}' takes {name} from the environment, which is not set; set it again")
    if lost := masked_keys(config):
        raise UserError(
            f"the run's setting '{lost[0]}' is a secret, which was not saved; a run that is to be read again takes it "
            f"from the environment: {lost[0]}='${{oc.env:NAME}}'"
        )
    methods: tuple[type[MethodSettings], ...] = (
        ZeroShotSettings,
        LogisticSettings,
        TreesSettings,
        RulesSettings,
        GradientSettings,
    )
    schemas = {schema.fit: schema for schema in methods}
    try:
        schema = OmegaConf.structured(RunSettings)
        schema.method = OmegaConf.structured(schemas[config.method.fit])
        schema.data = OmegaConf.structured(_DATA.get(config.task, DataSettings))
        settings = OmegaConf.to_object(OmegaConf.merge(schema, config))
    except (OmegaConfBaseException, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the run's config.yaml does not fit this version of thawline ({reason})") from error
    if not isinstance(settings, RunSettings):
        raise TypeError("the schema of a run is RunSettings")
    return settings
