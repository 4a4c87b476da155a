"""The whole config of a run, typed: what `thawline train` composes and a run directory keeps."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.data.photos.augmentation import AugmentationSettings
from thawline.data.settings import DataSettings
from thawline.decisions.threshold import DecisionSettings
from thawline.encoders.settings import EncoderSettings, Gift
from thawline.errors import UserError
from thawline.features.detection.settings import PeopleFilterSettings
from thawline.features.settings import ClusterSettings, StoreSettings
from thawline.fitting.few_shot import LoraSettings
from thawline.fitting.known import method_schema
from thawline.fitting.named.callbacks import EARLY_STOPPING, SWA, check_callbacks
from thawline.fitting.settings import (
    CLASSES,
    PAIRS,
    SCORES,
    TAGS,
    DebugSettings,
    GradientSettings,
    MethodSettings,
    RulesSettings,
    TrainerSettings,
    ZeroShotSettings,
)
from thawline.runs.secrets import masked_keys, unset_variables
from thawline.runs.settings import LoggerSettings, PathsSettings
from thawline.tasks.needs import Chosen, check_needs, tasks_with
from thawline.tasks.task import capability, find_task, task_names

# Losses that pair the samples of a whole batch.
_OVER_BATCH = ("contrastive", "siglip", "infonce", "triplet")


@dataclass
class PromptSettings:
    """What stands for a class in text.

    Attributes:
        templates: Prompts for a class without its own, `{label}` standing for its name.
        classes: Prompts of a class, by its name (case, `_` and `-` don't matter); they join the templates'.
        candidates: A YAML file of further prompts in the same form, or classes' names with lists of prompts: which of
            all stand for a class is chosen in each fold by the samples that are trained on; null: all given ones do.
    """

    templates: list[str] = field(default_factory=list)
    classes: dict[str, list[str]] = field(default_factory=dict)
    candidates: str | None = None


@dataclass
class RunSettings:
    """One run.

    Attributes:
        task: The kind of problem: `events` (photos by class), `match` (does a text describe an image), `genre`
            (tracks by class, or by several labels), or one of your own.
        prompts: What stands for the classes in text.
        data: The samples and their split.
        people: Which photos show people, and whether those without are left out.
        encoder: The pretrained network.
        text: The text encoder of pairs; null: that of `encoder`.
        augmentation: How samples are varied for training.
        method: How the tail is fitted.
        callbacks: What gradient descent does besides, each by its name, with its settings.
        decision: What a threshold is fitted for, where scores need one.
        trainer: What it computes on.
        debug: How the training is looked into.
        logger: What mirrors the run.
        store: The feature store.
        cluster: What computes the features that it lacks.
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
    people: PeopleFilterSettings = field(default_factory=PeopleFilterSettings)
    encoder: EncoderSettings = MISSING
    text: EncoderSettings | None = None
    augmentation: AugmentationSettings = field(default_factory=lambda: AugmentationSettings(name="none"))
    method: MethodSettings = MISSING
    callbacks: dict[str, Any] = field(default_factory=dict)
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    trainer: TrainerSettings = field(default_factory=lambda: TrainerSettings(accelerator="auto"))
    debug: DebugSettings = field(default_factory=DebugSettings)
    logger: LoggerSettings = MISSING
    store: StoreSettings = MISSING
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
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
        _check_people(self.people, self.task)
        if self.text == self.encoder:
            self.text = None  # both towers of one network
        check_needs(self._chosen)
        if find_task(self.task).settings_check is not None:
            capability(self.task, "settings_check")(self)
        self._check_candidates()
        self._check_augmentation()
        self._check_callbacks()
        self._check_trainer()

    @property
    def cut(self) -> int | str:
        """The thaw setting, derived from what the method trains where the user stated none."""
        if self.thaw is not None:
            return self.thaw
        if not isinstance(self.method, GradientSettings):
            return "head"
        if Gift.SOUND in self.encoder.gifts and Gift.WEIGHTS not in self.encoder.gifts:
            return "all"
        if PAIRS in self.method.targets:
            # Towers that were trained together have projections into their common space.
            return "projection" if Gift.TEXT in self.encoder.gifts and self.text is None else "head"
        if isinstance(self.method, LoraSettings):
            return "all"
        return "projection" if Gift.TEXT in self.method.needs else "head"

    @property
    def text_cut(self) -> int | str:
        """Where the text encoder of a CLIP is cut, that the prompts of classes go through, as `cut` says it."""
        if not isinstance(self.method, GradientSettings) or not self.method.train_text:
            return "head"
        return self.cut if isinstance(self.method, LoraSettings) else "projection"

    @property
    def target(self) -> str:
        """What is told of a sample: `classes`, `tags`, `scores` or `pairs`."""
        if self.data.scored:
            return SCORES
        return TAGS if self.data.several_labels else find_task(self.task).target

    @property
    def _chosen(self) -> Chosen:
        return Chosen(self.task, self.target, self.encoder, self.text, self.method, self.thaw, self.cut)

    def _check_candidates(self) -> None:
        """Has the run classes whose prompts can be chosen, and a method that begins there?"""
        if self.prompts.candidates is None:
            return
        if self.target != CLASSES or find_task(self.task).zero_shot is None:
            raise UserError("prompts.candidates is for classes of photos that prompts tell apart; leave it out")
        if Gift.TEXT not in self.method.needs:
            raise UserError(
                f"method={self.method.name} begins at no prompts, so prompts.candidates can't serve it; leave it out, "
                "or use zero_shot, clap, ss_text, projection"
            )

    def _check_augmentation(self) -> None:
        """Can the method use what varies the photos, and is it above or below the thaw line?"""
        wanted, method = self.augmentation, self.method
        if wanted.mixup and self.target in (TAGS, SCORES):
            has = "can have several" if self.target == TAGS else "has a score"
            raise UserError(f"augmentation.mixup mixes single classes, and a sample {has}; set it to 0")
        if wanted.masks is not None and (Gift.SPECTROGRAMS not in self.encoder.gifts or self.cut != "all"):
            raise UserError(
                f"augmentation={wanted.name} masks the spectrograms of encoder=mel_cnn with thaw=all; use "
                "augmentation=none"
            )
        if not isinstance(method, GradientSettings):
            if wanted.changes_pixels or wanted.mixup:
                what = f".views={wanted.views}" if wanted.views else f"={wanted.name}"
                what = f".mixup={wanted.mixup}" if wanted.mixup and not wanted.changes_pixels else what
                nothing = isinstance(method, ZeroShotSettings | RulesSettings)
                how = "fits nothing" if nothing else "is fitted in closed form"
                raise UserError(
                    f"method={method.name} {how} and can't use augmentation{what}; use augmentation=none, or a method "
                    "by gradient descent (linear, finetune)"
                )
            return
        if wanted.mixup and method.loss not in (None, "cross_entropy"):
            raise UserError(f"augmentation.mixup mixes classes, which method.loss={method.loss} can't use; set it to 0")
        if wanted.changes_pixels and not wanted.views and self.cut != "all":
            raise UserError(
                f"augmentation={wanted.name} varies pixels, which lie below the thaw line; set augmentation.views to "
                "how many views of a photo are stored, or thaw=all"
            )

    def _check_callbacks(self) -> None:
        """Are there such callbacks, and a training that they could be called in?"""
        chosen = check_callbacks(self.callbacks)
        if not chosen:
            return
        if not isinstance(self.method, GradientSettings):
            raise UserError(
                f"callbacks {', '.join(chosen)}: method={self.method.name} is not fitted by gradient descent; leave "
                "them out, or use a method that is (linear, finetune)"
            )
        if EARLY_STOPPING in chosen and not self.method.holds_out:
            raise UserError(
                "callbacks early_stopping: method.patience=null holds out no samples to go by; give a number of epochs"
            )
        if SWA in chosen and self.method.batch_norm == "train":
            raise UserError(
                "callbacks swa: the statistics of method.batch_norm=train are those of each step's weights, not of "
                "their mean; use batch_norm=frozen, or callbacks=[ema]"
            )
        if "gradient_norm" in chosen and self.trainer.precision == "16-mixed":
            raise UserError("callbacks gradient_norm: trainer.precision=16-mixed scales gradients; use bf16-mixed")

    def _check_trainer(self) -> None:
        """Do the trainer's processes have something to do?"""
        if self.trainer.workers and self.cut != "all":
            raise UserError(
                f"trainer.workers={self.trainer.workers}: features come from the store without loader processes; they "
                "are for thaw=all"
            )
        fits_nothing = not isinstance(self.method, GradientSettings)
        one_clip = self.target == PAIRS and self.text is None and not fits_nothing
        if self.trainer.save_models and (not one_clip or self.trainer.several):
            raise UserError(
                f"trainer.save_models=true writes a CLIP while it is trained, with {tasks_with(PAIRS)}, without "
                "encoder@text, on one device; 'thawline export' writes a finished run's model"
            )
        # A whole batch is what no process of several has.
        alone = not isinstance(self.method, GradientSettings) or self.method.loss in _OVER_BATCH
        if self.trainer.several and alone:
            what = f"method={self.method.name}"
            if isinstance(self.method, GradientSettings) and PAIRS in self.method.targets:
                what = f"method.loss={self.method.loss}"
            if self.trainer.launched:
                raise UserError(f"trainer=ddp: {what} computes on one device; start one process, without trainer=ddp")
            raise UserError(f"trainer.devices={self.trainer.devices}: {what} computes on one device; set it to 1")


@dataclass
class CheckSettings:
    """A look at a task's data before anything is trained.

    Attributes:
        task: The kind of problem: `events` (photos by class), `match` (does a text describe an image), `genre`
            (tracks by class, or by several labels), or one of your own.
        prompts: What a task's file brings along; not used.
        data: The photos or pairs.
        people: Which photos show people, and whether those without are left out.
        encoder: Whose limits are checked; null: none's.
        method: What a task's file brings along; not used.
        store: Where the facts of photos are kept.
        paths: Where the report is written.
    """

    task: str = MISSING
    prompts: PromptSettings = field(default_factory=PromptSettings)
    data: DataSettings = MISSING
    people: PeopleFilterSettings = field(default_factory=PeopleFilterSettings)
    encoder: EncoderSettings | None = None
    method: MethodSettings | None = None
    store: StoreSettings = MISSING
    paths: PathsSettings = MISSING

    def __post_init__(self) -> None:
        """Check what spans groups."""
        _check_people(self.people, self.task)


def _check_people(people: PeopleFilterSettings, task: str) -> None:
    """Raises UserError where the task has no photos among which people could be looked for."""
    if people.mode is not None and not find_task(task).people:
        others = " or ".join(name for name in task_names() if find_task(name).people)
        raise UserError(f"people={people.mode} is for photos in classes, task={others}; with task={task} leave it out")


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
    """`read_settings` with the files of a data set, where the data are one."""
    settings = read_settings(config, mirrored=mirrored)
    settings.data = settings.data.opened(settings.store.root)
    return settings


def read_settings(config: DictConfig, *, mirrored: bool = False) -> RunSettings:
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
    try:
        schema = OmegaConf.structured(RunSettings)
        schema.method = method_schema(config.method.fit)
        schema.data = OmegaConf.structured(capability(config.task, "settings"))
        settings = OmegaConf.to_object(OmegaConf.merge(schema, config))
    except (OmegaConfBaseException, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the run's config.yaml does not fit this version of thawline ({reason})") from error
    if not isinstance(settings, RunSettings):
        raise TypeError("the schema of a run is RunSettings")
    if not mirrored:
        settings.cluster = ClusterSettings()  # what is read again is stored, and the cluster may be gone
    return settings
