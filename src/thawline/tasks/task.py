"""What a task is, to all that is not particular to it: a record in a folder of this package.

A new task is a folder `tasks/NAME/` with `task.py`, in which `TASK` is its record, and its conf files; or a package of
its own with the same, which an entry point names (`thawline.plugins`). A record is data, so that help can read it:
nothing heavy is imported for it. `tasks.capabilities` says what its functions are.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import FileFinder
from pathlib import Path
from typing import Any

from thawline import tasks
from thawline.errors import UserError
from thawline.plugins import added, added_beside
from thawline.process import importing
from thawline.tasks.verb import Verb


@dataclass(frozen=True)
class Collection:
    """A collection that `thawline sample` makes.

    Attributes:
        name: What is typed for it.
        what: What it holds, a word.
        make: A `SampleMaker`.
    """

    name: str
    what: str
    make: str


@dataclass(frozen=True)
class Rate:
    """A share of the answers to what a version showed.

    Attributes:
        name: What it is called.
        wanted: The answers that count for it.
        among: Those that count at all.
    """

    name: str
    wanted: tuple[str, ...]
    among: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """A task. What it can do is named as `module:function`, a leading dot for its own folder, and imported when used.

    Attributes:
        summary: What it answers, a phrase.
        samples: What its samples are called: photos, pairs, tracks.
        asked: What `thawline predict` is given with one of its bundles, as the help writes it.
        target: What is told of a sample: `classes`, `tags` or `pairs`.
        sound: Whether its samples are heard; others are seen, and their bundles can be given ONNX graphs.
        settings: The class of its data's settings.
        settings_check: What checks that the settings of a run suit it, besides the needs of its method.
        read: A `TaskReader`.
        fill: A `TaskFiller`.
        data: Its LightningDataModule, called like `tasks.data.TaskDataModule`; None: gradient descent can't fit it.
        module: What makes its LightningModule of a problem and the samples to train on; None: as for `data`.
        examine: A function like `capabilities.examine`; None: it says no more of predictions than its target does.
        people: Whether its samples are photos in classes, of which those without people can be told and left out.
        brief: What shows a report of its data in a few lines; None: that of classes of samples does.
        show: What shows the figures of `examine`, besides those of its target; None: there are none.
        texts: What reads the pairs of image and text that a run judged, to show them; None: its samples are files.
        check: A `TaskChecker`; None: `data check` can't say anything of its data.
        label: A `Labeller` (`tasks.bundle.labelled`); None: its bundles can't be judged by new data.
        export: A `TaskExporter`; None: its runs can't be exported.
        abstains: Whether its exported models can be told to answer `unknown` where too many answers would be wrong.
        export_ensemble: An `EnsembleExporter`; None: ensembles of its runs can't be exported.
        load: A `BundleLoader`; None: it has no bundles.
        load_ensemble: What loads the bundle of an ensemble of its runs; None: there are none.
        learnt: A file that tells a directory that its own verbs write, which `thawline.load` opens as it does bundles.
        open: What opens such a directory, given its path; None: there are none.
        predict: A `TaskPredictor`; None: its bundles are for services alone.
        serve: An `Answerer` (`tasks.bundle.serving`); None: a service can't answer by its bundles.
        routes: A `RouteAdder` (`tasks.bundle.serving`): what it adds to a service over all bundles; None: nothing.
        retrain: The words of the verb that trains a version by the answers in the registry's database, and takes its
            settings (`versions`) and `job`, the number of a training that was asked for; None: there is none.
        ask: The words of the verb that asks about items, and takes `between`, two versions whose picks it mixes; None:
            there is none.
        walk: The files that `predict` would judge among paths, to count them; None: it judges no files.
        golden: A `GoldenJudge`; None: there are no golden cases of its samples.
        columns: What tells a table of its samples; none: they are in folders alone.
        places: The settings of `data` that name files, besides `path` and `split`.
        words: The settings of `data` that are free text, which may hold commas.
        answers: What can be answered to one of its samples, where it learns from answers; none: it does not.
        yes: Those of the answers that say yes: the last of its bundles' labels.
        rates: Shares of the answers that tell how a version did.
        zero_shot: What asks a pretrained encoder about samples, for `thawline predict base`; None: that is not for it.
        ahead: What begins to read the samples of a run before its libraries are imported; None: nothing does.
        sample: The collection that `thawline sample` makes for it; None: it makes none.
        verbs: Verbs of its own, with their targets and settings in its folder.
        examples: Lines that it adds to the help of other verbs, by their names.
        order: Its place among the tasks in help; by name where it is the same.
    """

    summary: str
    samples: str
    asked: str
    settings: str
    read: str
    fill: str
    data: str | None = None
    module: str | None = None
    examine: str | None = None
    people: bool = False
    brief: str | None = None
    show: str | None = None
    texts: str | None = None
    target: str = "classes"
    sound: bool = False
    settings_check: str | None = None
    check: str | None = None
    label: str | None = None
    export: str | None = None
    abstains: bool = False
    export_ensemble: str | None = None
    load: str | None = None
    load_ensemble: str | None = None
    learnt: str | None = None
    open: str | None = None
    predict: str | None = None
    serve: str | None = None
    routes: str | None = None
    retrain: str | None = None
    ask: str | None = None
    walk: str | None = None
    golden: str | None = None
    columns: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    yes: tuple[str, ...] = ()
    rates: tuple[Rate, ...] = ()
    zero_shot: str | None = None
    ahead: str | None = None
    sample: Collection | None = None
    verbs: tuple[Verb, ...] = ()
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    order: int = 100


def task_names() -> list[str]:
    """The tasks that there are: the folders with a record in this package, by name, and those that packages add.

    Raises:
        UserError: A package adds a task that there is already.
    """
    own = _names(tuple(tasks.__path__))
    return [*own, *added_beside("tasks", own)]


@cache
def _names(folders: Sequence[str]) -> Sequence[str]:
    return [
        module.name
        for module in pkgutil.iter_modules(folders)
        if module.ispkg
        and isinstance(module.module_finder, FileFinder)
        and (Path(module.module_finder.path) / module.name / "task.py").is_file()
    ]


def find_task(name: str) -> Task:
    """The record of task `name`.

    Raises:
        UserError: There is no such task.
    """
    if name not in task_names():
        there = ", ".join(task_names())
        raise UserError(f"there is no task '{name}'; install the package that adds it, or take one of {there}")
    try:
        record: Task = importlib.import_module(f"{_package(name)}.task").TASK
    except (ImportError, AttributeError) as error:
        if (one := added("tasks").get(name)) is None:
            raise
        raise UserError(
            f"the task '{name}' of the package {one.package} can't be imported: {error}; uninstall it"
        ) from error
    return record


def usable_tasks() -> dict[str, Task]:
    """The records of all tasks, by name, without those of packages whose record can't be imported."""
    found = {}
    for name in task_names():
        with suppress(UserError):
            found[name] = find_task(name)
    return found


def _package(name: str) -> str:
    """The package of task `name`."""
    one = added("tasks").get(name)
    return f"{tasks.__name__}.{name}" if one is None else one.where


def capability(name: str, what: str) -> Any:
    """What task `name` gives as `what`, an attribute of its record.

    Raises:
        UserError: There is no such task, or it can't do that.
    """
    where: str | None = getattr(find_task(name), what)
    if where is None:
        raise UserError(f"task={name} has no {what.replace('_', ' ')}, which this needs; see tasks/{name}/task.py")
    return imported(in_folder(name, where))


def in_folder(name: str, where: str) -> str:
    """`where`, in which a leading dot stands for the folder of task `name`."""
    return f"{_package(name)}{where}" if where.startswith(".") else where


def imported(where: str) -> Any:
    """What is at `module:name`."""
    module, _, name = where.partition(":")
    with importing():
        return getattr(importlib.import_module(module), name)


def task_of_directory(folder: Path) -> str | None:
    """The task whose own verbs wrote the directory `folder`; None: none did."""
    for name in task_names():
        learnt = find_task(name).learnt
        if learnt is not None and (folder / learnt).is_file():
            return name
    return None


def refuse_table(path: Path, task: str) -> None:
    """Is `path` a table, and of which task?

    Raises:
        UserError: It is a table of another's samples than those of `task`.
    """
    if (name := task_of_table(path)) not in (None, task):
        columns = ",".join(find_task(name).columns)
        raise UserError(f"{path} is a table with the columns {columns}, which task={name} reads; add that")


def task_of_table(path: Path) -> str | None:
    """The task whose samples the table `path` holds; None where it is none, or one of something else."""
    from thawline.data.tables.reading import Columns, read_table  # late: a folder needs no pyarrow

    for name in task_names():
        columns = find_task(name).columns
        if not (columns and path.is_file()):
            continue
        with suppress(UserError):  # it has other columns, or is no table at all
            read_table(path, Columns(columns, row="sample"))
            return name
    return None
