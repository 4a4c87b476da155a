"""Settings of the verbs on the database."""

from dataclasses import dataclass, field, fields
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig, OmegaConf

from thawline.data.photos.preprocessing import MAX_MEGAPIXELS
from thawline.data.settings import check_megapixels
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.fitting.settings import MethodSettings
from thawline.runs.settings import PathsSettings
from thawline.tasks.preference.answers import ENOUGH
from thawline.tasks.settings import RunSettings
from thawline.versions.settings import VersionsSettings

ACTIVATE = ("auto", "never", "force")
_LONGEST = 3600  # seconds


@dataclass
class AnswersSettings:
    """`thawline preference import|export|add|answer|remove`.

    Attributes:
        file: `import`: the table of answers.
        folder: `add`: the folder of photos.
        item: `answer`, `remove`: the path, number or digest of an item.
        answer: `answer`: like, dislike, super_like, or none, which deletes what was answered.
        out: `export`: the CSV to write.
        all: `export`: whether answers that were corrected or deleted are written too.
        by_folder: `add`: whether the photos in one folder below are of one group, a person or a shoot.
        max_megapixels: `add`: a larger photo is left out.
        versions: The registry and its database.
        store: The feature store, where facts of files are kept.
        paths: Where the registry lies.
    """

    file: str | None = None
    folder: str | None = None
    item: str | None = None
    answer: str | None = None
    out: str = "feedback.csv"
    all: bool = False
    by_folder: bool = False
    max_megapixels: float = MAX_MEGAPIXELS
    versions: VersionsSettings = MISSING
    store: StoreSettings = MISSING
    paths: PathsSettings = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_megapixels(self.max_megapixels)


@dataclass
class ChoosingSettings:
    """What is tried where no method is named.

    Attributes:
        logistic: How logistic regression is fitted.
        gda: How Gaussian discriminant analysis is.
        blocks: How the encoder's last blocks and a head are.
        thaw: How many blocks.
        least: Blocks are tried from so many answers of each class on.
        seconds: Blocks are tried where their trial is expected to take no longer, on this device.
    """

    logistic: MethodSettings = MISSING
    gda: MethodSettings = MISSING
    blocks: MethodSettings = MISSING
    thaw: int = 2
    least: int = ENOUGH
    seconds: float = 60.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.thaw < 1 or self.least < 1:
            raise UserError(f"choosing.thaw={self.thaw} and choosing.least={self.least} must be at least 1")
        if not self.seconds >= 0:
            raise UserError(f"choosing.seconds={self.seconds:g} must not be below 0; 0 tries no blocks")


@dataclass
class PreferenceTrainSettings(RunSettings):
    """`thawline preference train`: those of a run, whose data are the answers in the database.

    Attributes:
        versions: The registry and its database.
        choosing: What is tried where no method is named.
        activate: `auto`: the new version becomes active if the gate lets it; `never`; or `force`, without asking.
        job: The number of a training that was asked for before, which this process is to do; null: a new one.
    """

    versions: VersionsSettings = MISSING
    choosing: ChoosingSettings = field(default_factory=ChoosingSettings)
    activate: str = "auto"
    job: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges, and those of a run."""
        super().__post_init__()
        if self.activate not in ACTIVATE:
            raise UserError(f"activate={self.activate} is not known; use {', '.join(ACTIVATE[:-1])} or {ACTIVATE[-1]}")


@dataclass
class WatchSettings(PreferenceTrainSettings):
    """`thawline preference watch`: those of its trainings, and when there is one.

    Attributes:
        every: How many answers, new, corrected or deleted, make a training.
        poll: Seconds between two looks at the database.
    """

    every: int = 50
    poll: float = 5.0

    def __post_init__(self) -> None:
        """Check the ranges, and those of a training."""
        super().__post_init__()
        if self.every < 1:
            raise UserError(f"every={self.every} must be at least 1, the answers after which it trains")
        if not 0 < self.poll <= _LONGEST:
            raise UserError(f"poll={self.poll:g} must be above 0 and at most {_LONGEST}, seconds between two looks")


def as_run(config: DictConfig) -> DictConfig:
    """`config` as that of a run, without what is of the loop alone."""
    resolved: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
    of_runs = {each.name for each in fields(RunSettings)}
    return OmegaConf.create({name: value for name, value in resolved.items() if name in of_runs})


def is_asked_for(*keys: str) -> bool:
    """Whether the command line names one of the settings `keys`, or one within them."""
    words = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    named = (word.lstrip("+~").partition("=")[0].partition("@")[0] for word in words)
    return any(name == key or name.startswith(f"{key}.") for name in named for key in keys)


def chooses() -> bool:
    """Whether a training finds its method by trying several: none was asked for."""
    return not is_asked_for("method", "thaw")
