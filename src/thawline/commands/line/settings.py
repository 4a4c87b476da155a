"""The whole config of each verb, typed: an unknown key or a wrong type is refused when the config is composed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from hydra.core.config_store import ConfigNode, ConfigStore
from omegaconf import MISSING, DictConfig

from thawline.commands.line.verbs import VERBS
from thawline.commands.sweeps.launchers.settings import LocalSettings, PackedSettings, RaySettings, SlurmSettings
from thawline.commands.sweeps.search.settings import SweepSettings
from thawline.commands.versions.settings import VersionsVerbsSettings
from thawline.data.datasets.settings import DatasetSettings
from thawline.data.photos.augmentation import AugmentationSettings
from thawline.data.settings import DataSettings
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.detection.settings import PeopleFilterSettings
from thawline.features.settings import ClusterSettings, StoreSettings
from thawline.fitting.known import METHODS, added_methods, method_schema
from thawline.fitting.settings import (
    DebugSettings,
    TrainerSettings,
)
from thawline.runs.moved import places_of
from thawline.runs.settings import LoggerSettings, PathsSettings
from thawline.samples.settings import SampleSettings
from thawline.serving.settings import ServeSettings
from thawline.tasks.bundle.predicting import PredictSettings
from thawline.tasks.settings import CheckSettings, PromptSettings, RunSettings
from thawline.tasks.task import capability, imported, task_names
from thawline.versions.settings import VersionsSettings


@dataclass
class TrainSettings(RunSettings):
    """`thawline train`: one run, or with `-m` a sweep of such.

    Attributes:
        sweep: What `-m` does with settings that have several values.
    """

    sweep: SweepSettings = field(default_factory=SweepSettings)


@dataclass
class MovedData:
    """Where the data of a run are now, if they were moved; each setting is that of `data` when it was trained.

    Attributes:
        path: The folder or table; null: where it was.
        image_base: The folder that relative image paths start from; null: where it was.
        train_csv: The pairs to train on; null: where they were.
        val_csv: The pairs to choose by; null: where they were.
        test_csv: The pairs to judge on; null: where they were.
        split: The file of the split; null: where it was.
        splits: The split files of GTZAN; null: where they were.
        corrections: The table of corrected labels; null: where it was.
    """

    path: str | None = None
    image_base: str | None = None
    train_csv: str | None = None
    val_csv: str | None = None
    test_csv: str | None = None
    split: str | None = None
    splits: list[str] | None = None
    corrections: str | None = None

    @property
    def places(self) -> dict[str, Any]:
        """What is given, absolute, by its dotted key."""
        return places_of(asdict(self))


@dataclass
class EvaluateData(MovedData):
    """What to judge on.

    Attributes:
        path: A folder or a table of the same classes, or where the run's own are now; null: what the run held out. A
            bundle needs it.
        reader: What reads `path`: `datasets` where it is a data set of that library; null: what the run was read by.
        dataset: What is read of a data set.
    """

    reader: str | None = None
    dataset: DatasetSettings = field(default_factory=DatasetSettings)


@dataclass
class EvaluateSettings:
    """`thawline evaluate`.

    Attributes:
        run: The directory of a finished run or sweep, or a bundle.
        golden: A file of cases whose answer is known, by which a bundle is judged: see conf/evaluate.yaml; null: none.
        data: What to judge on.
        logger: What mirrors the run.
        store: The feature store.
        paths: Where the run is written.
        accelerator: What to compute on: `auto` (a GPU when there is one), `cpu`, `gpu` or `mps`.
        name: What the run is called: its directory's name begins with it; null: that is the time alone.
        gates: A file of gates that the figures are held against, see conf/evaluate.yaml; null: none.
    """

    run: str = MISSING
    golden: str | None = None
    gates: str | None = None
    data: EvaluateData = field(default_factory=EvaluateData)
    logger: LoggerSettings = MISSING
    store: StoreSettings = MISSING
    paths: PathsSettings = MISSING
    accelerator: str = "auto"
    name: str | None = None


@dataclass
class CompareSettings:
    """`thawline compare`.

    Attributes:
        runs: Runs, sweeps, and folders of such.
        others: CSV files of other systems' predictions.
        out: Where the page goes.
        thumbnails: Whether the page holds small pictures of the worst mistakes; photos of people are private.
    """

    runs: list[str] = MISSING
    others: list[str] = field(default_factory=list)
    out: str = MISSING
    thumbnails: bool = False


@dataclass
class EnsembleSettings:
    """`thawline ensemble`.

    Attributes:
        runs: The runs that are joined.
        weights: `fitted`, percent such as `60/20/20`, or a list of shares.
        paths: Where the run is written.
        name: What the run is called: its directory's name begins with it; null: that is the time alone.
    """

    runs: list[str] = MISSING
    weights: Any = "fitted"
    paths: PathsSettings = MISSING
    name: str | None = None


@dataclass
class RetrainSettings:
    """`thawline retrain`.

    Attributes:
        run: The directory of a finished run or sweep, whose settings are trained by again.
        out: The bundle in use, which is replaced where the new model is good enough; it need not exist yet.
        gates: A file of gates, see conf/evaluate.yaml, one of which missed keeps the bundle; null: none.
        data: Where the data are; what is not given is where it was.
        name: What the new run is called: its directory's name begins with it.
        paths: Where the new run is written.
    """

    run: str = MISSING
    out: str = MISSING
    gates: str | None = None
    data: MovedData = field(default_factory=MovedData)
    name: str | None = None
    paths: PathsSettings = MISSING


@dataclass
class ExportSettings:
    """`thawline export`.

    Attributes:
        run: The directory of a finished run, sweep or ensemble.
        out: The directory to write; null: RUN/bundle. An older bundle there is replaced; anything else is left alone.
        format: `safetensors`, or `onnx`: graphs beside the same files, checked against them; needs thawline[onnx].
        data: Where the run's data are now, if they were moved.
        gates: A file of gates, see conf/evaluate.yaml, one of which missed is refused; null: none.
        max_error: Which share of the model's answers may be wrong: where more would be, it says `unknown`; null: it
            always answers.
        out_of_place: Which share of photos that are of a class may be called out of place: a photo that lies farther
            from the classes than so few do is `unknown`; null: none is.
        ignore_gates: Whether a model that misses a gate is exported nevertheless, with a note of it.
        push: A repository of the Hugging Face Hub, OWNER/NAME, that the bundle is sent to; null: nothing goes there.
        private: Whether only its owner may see that repository.
    """

    run: str = MISSING
    out: str | None = None
    push: str | None = None
    private: bool = True
    format: str = "safetensors"
    gates: str | None = None
    ignore_gates: bool = False
    max_error: float | None = None
    out_of_place: float | None = None
    data: MovedData = field(default_factory=MovedData)

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, share in self.unknown.items():
            if not 0 < share < 0.5:
                raise UserError(f"{name}={share:g} must be above 0 and below 0.5")

    @property
    def unknown(self) -> dict[str, float]:
        """The settings by which a model says `unknown`, as far as they are given."""
        given = {"max_error": self.max_error, "out_of_place": self.out_of_place}
        return {name: share for name, share in given.items() if share is not None}


@dataclass
class DataLabelsSettings:
    """`thawline data labels`.

    Attributes:
        run: The directory of a finished run or sweep.
        out: The folder to write to; null: RUN/labels.
        share: Which share of what was judged the sheet and the screen show, the likeliest first; the table has all.
        thumbnails: Whether the sheet holds small pictures; photos of people are private.
        proposals: A CSV file to write with the likely class, or labels, of each photo that likely has others, as a
            table of corrections for a person to go through; null: none.
        data: Where the run's photos are now, if they were moved.
    """

    run: str = MISSING
    out: str | None = None
    share: float = 0.1
    thumbnails: bool = True
    proposals: str | None = None
    data: MovedData = field(default_factory=MovedData)

    def __post_init__(self) -> None:
        """Check the range."""
        if not 0 < self.share <= 1:
            raise UserError(f"share={self.share:g} must be above 0 and at most 1")


@dataclass
class CurveSettings:
    """`thawline curve`.

    Attributes:
        run: The directory of a finished run or sweep.
        out: The folder to write to; null: RUN/curve.
        gates: A file of gates, see conf/evaluate.yaml, which are forecast; null: none.
        draws: How often each part of the training samples is drawn anew.
        data: Where the run's data are now, if they were moved.
        store: The feature store.
    """

    run: str = MISSING
    out: str | None = None
    gates: str | None = None
    draws: int = 5
    data: MovedData = field(default_factory=MovedData)
    store: StoreSettings = MISSING

    def __post_init__(self) -> None:
        """Check the range."""
        if not 2 <= self.draws <= 100:
            raise UserError(f"draws={self.draws} must be 2 to 100")


@dataclass
class StoreVerbsSettings:
    """`thawline store list|verify|prune`.

    Attributes:
        store: The feature store.
        older_than_days: `prune` deletes shelves that were not used for this many days.
        all: Whether `prune` deletes every shelf.
    """

    store: StoreSettings = MISSING
    older_than_days: float = 30
    all: bool = False
    repair: bool = False


@dataclass
class WeightsSettings:
    """`thawline weights list|fetch`.

    Attributes:
        name: The encoder to fetch, by its name in conf/encoder, or a Hub id.
    """

    name: str | None = None


# By the names of the verbs' own configs (where a group has that name, with `_verbs` behind it); tasks add theirs.
_VERBS: dict[str, type] = {
    "train": TrainSettings,
    "evaluate": EvaluateSettings,
    "predict": PredictSettings,
    "serve": ServeSettings,
    "compare": CompareSettings,
    "ensemble": EnsembleSettings,
    "export": ExportSettings,
    "retrain": RetrainSettings,
    "curve": CurveSettings,
    "data_check": CheckSettings,
    "data_labels": DataLabelsSettings,
    "store_verbs": StoreVerbsSettings,
    "versions_verbs": VersionsVerbsSettings,
    "weights": WeightsSettings,
    "sample": SampleSettings,
}


def register_settings(verb: str | None = None) -> None:
    """Make the schemas known to Hydra under the names that the files of `conf/` begin with.

    Those of a task's own are named after their classes: `tracks_schema` is that of `TracksSettings`. Where
    a copy of a task has a class of the same name, `to_settings` gives it that.

    Args:
        verb: The config of the one verb that is composed; None: any may be. Each takes its time.
    """
    places = {one.config: one.settings for one in VERBS.values() if one.settings}
    own = verb if verb is None or verb in _VERBS or verb in places else f"{verb}_verbs"
    for name in {**_VERBS, **places} if own is None else [own]:
        _register_verb(name, places.get(name))
    _register_groups(tuple(task_names()))
    _register_added_methods(tuple(added_methods()))


@cache
def _register_verb(name: str, place: str | None) -> None:
    schema = _VERBS[name] if place is None else imported(place)
    ConfigStore.instance().store(name=f"{name}_schema", node=schema)


@cache
def _register_groups(tasks: Sequence[str]) -> None:
    store = ConfigStore.instance()
    # Hydra copies it with all schemas whenever it composes, and copies each schema that it takes besides.
    vars(store)["__deepcopy__"] = lambda _: store
    data: dict[str, type] = {}
    for schema in (DataSettings, *(capability(task, "settings") for task in tasks)):
        data.setdefault(schema.__name__.removesuffix("Settings").lower(), schema)
    groups: list[tuple[str, str, type]] = [
        *(("data", name, schema) for name, schema in data.items()),
        *(("method", name, schema) for name, schema in METHODS.items()),
        ("prompts", "prompts", PromptSettings),
        ("people", "people", PeopleFilterSettings),
        ("encoder", "encoder", EncoderSettings),
        ("augmentation", "augmentation", AugmentationSettings),
        ("debug", "debug", DebugSettings),
        ("trainer", "trainer", TrainerSettings),
        ("logger", "logger", LoggerSettings),
        ("store", "store", StoreSettings),
        ("cluster", "cluster", ClusterSettings),
        ("versions", "versions", VersionsSettings),
        ("paths", "paths", PathsSettings),
        ("hydra/launcher", "submitit_local", LocalSettings),
        ("hydra/launcher", "submitit_slurm", SlurmSettings),
        ("hydra/launcher", "ray", RaySettings),
        ("hydra/launcher", "packed", PackedSettings),
    ]
    for group, name, schema in groups:
        store.store(group=group, name=f"{name}_schema", node=schema)


class _WhenTaken:
    """Stands for the schema of a package's method, which is imported when a config takes a copy of it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __deepcopy__(self, memo: object) -> DictConfig:
        return method_schema(self._name)


@cache
def _register_added_methods(names: Sequence[str]) -> None:
    known: dict[str, Any] = ConfigStore.instance().repo["method"]
    for name in names:
        schema: Any = _WhenTaken(name)
        known[f"{name}_schema.yaml"] = ConfigNode(f"{name}_schema.yaml", schema, "method", None, None)
