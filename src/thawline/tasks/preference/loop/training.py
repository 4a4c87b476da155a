"""One training: from the answers that count to a version, by the same code as `thawline train` and `export`."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from thawline.data.listing import LeftOut, as_text
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.fitting.settings import GradientSettings, MethodSettings, ZeroShotSettings
from thawline.runs.predictions import Predictions
from thawline.tasks.bundle.exporting import write_run
from thawline.tasks.preference.answers import LIKE
from thawline.tasks.preference.loop.answered import FILE, check_both, usable, write_answers
from thawline.tasks.preference.loop.base import make_base
from thawline.tasks.preference.loop.choosing import Choice, config_of, run_choice, run_trial
from thawline.tasks.preference.loop.first import write_prior
from thawline.tasks.preference.loop.settings import PreferenceTrainSettings, as_run, chooses
from thawline.tasks.preference.problem import PreferenceProblem
from thawline.tasks.preference.read import read_preference
from thawline.tasks.preference.settings import feedback_of
from thawline.tasks.run_model import find_run_model
from thawline.versions.contents import metrics_in
from thawline.versions.feedback import ItemAnswer, answered
from thawline.versions.jobs import note_job, scratch, update_job
from thawline.versions.registry import Registry
from thawline.versions.schema import ModelVersion

PRIOR, BLOCKS = "prior", "blocks"
_LEAST_FOLDS, _MOST_FOLDS = 2, 5


@dataclass(frozen=True)
class NewVersion:
    """A version that was made.

    Attributes:
        version: It.
        left_out: Answers that were not used, and why.
        why: Why it is of this type; "" where nothing was chosen.
    """

    version: ModelVersion
    left_out: tuple[LeftOut, ...]
    why: str = ""


def make_version(registry: Registry, settings: PreferenceTrainSettings, config: DictConfig, job: int) -> NewVersion:
    """Train on the answers that count, or go by words where there is none, and keep the result as the next version.

    Args:
        registry: Where it goes.
        settings: The settings.
        config: The same, as a run's directory keeps them.
        job: The number of the training, which is told how far it is.

    Raises:
        UserError: There is nothing to learn from.
        RunError: The training can't go on.
    """
    base = make_base(registry, settings)
    with registry.database.reading() as session:
        answers = answered(session)
    if not answers and feedback_of(settings.data).has_words:
        return NewVersion(
            _prior(registry, settings, base), (), "nothing is answered yet, so words alone stand for a taste"
        )
    return _learn(registry, settings, config, job, base, answers)


def _prior(registry: Registry, settings: PreferenceTrainSettings, base: ModelVersion) -> ModelVersion:
    """A version by words alone."""
    with scratch(registry.root) as folder:
        write_prior(settings, folder / "bundle")
        return registry.add(folder / "bundle", type=PRIOR, parent=base)


def _learn(
    registry: Registry,
    settings: PreferenceTrainSettings,
    config: DictConfig,
    job: int,
    base: ModelVersion,
    answers: Sequence[ItemAnswer],
) -> NewVersion:
    """A version that is trained on `answers`, in a run directory as `thawline train` makes it."""
    given, directory, told = usable(answers), Path(settings.paths.run), _Told(registry, job)
    device = find_device(settings.trainer.accelerator)
    settings = replace(settings, data=replace(settings.data, path=str(directory / FILE)))
    read = _read(settings, given.answers, device)
    left_out = (*given.left_out, *read.left_out)
    if min(_groups(read.problem)) < _LEAST_FOLDS and feedback_of(settings.data).has_words:
        shutil.rmtree(directory)
        why = "each kind of answer needs two groups of photos before anything can be learnt, so words alone stand"
        return NewVersion(_prior(registry, settings, base), left_out, why)
    settings = replace(settings, cv=_folds(read.problem, settings.cv))
    choice = _choose(read.problem, settings, as_run(config), device, told)
    trial, noted = choice.trial, {"choice": {"why": choice.why, "tried": choice.figures}} if choice.why else {}
    with registry.database.session() as session:
        note_job(session, job, {"method": trial.settings.method.name, "thaw": trial.settings.thaw, **noted})
    told.done(choice.figures[choice.name])
    with scratch(registry.root) as folder:
        bundle, run = folder / "bundle", Path(trial.settings.paths.run)
        write_run(find_run_model(run, {}), bundle, directory.name)
        version = registry.add(
            bundle,
            type=_type_of(trial.settings.method),
            metrics={**metrics_in(bundle), **noted},
            samples=len(read.used),
            parent=base,
            feedback_ids=[one.feedback_id for one in read.used.values()],
            out_of_fold=_out_of_fold(trial.predictions, read.used),
        )
    return NewVersion(version, left_out, choice.why)


def _choose(
    problem: PreferenceProblem,
    settings: PreferenceTrainSettings,
    config: DictConfig,
    device: torch.device,
    told: "_Told",
) -> Choice:
    """What is taken: the method that was asked for, or the one of those tried that does best."""
    if not chooses():
        trial = run_trial(problem, settings, config_of(config, settings), device, told)
        name = trial.settings.method.name
        return Choice(name, "", trial, {name: trial.figures})
    return run_choice(
        problem,
        settings,
        settings.choosing,
        device,
        read=lambda own: read_preference(own, device),
        config=lambda own: config_of(config, own),
        mirror=told,
    )


@dataclass(frozen=True)
class _Read:
    """The answered photos at the thaw line.

    Attributes:
        problem: The photos that can be used, with what was answered.
        used: The answer to each, by the photo's name.
        left_out: Answers to files that can't be used, or are not what was judged.
    """

    problem: PreferenceProblem
    used: Mapping[str, ItemAnswer]
    left_out: tuple[LeftOut, ...]


def _read(settings: PreferenceTrainSettings, answers: Sequence[ItemAnswer], device: torch.device) -> _Read:
    """Read the photos of `answers`; what was judged is known by its content, whatever its file holds now.

    Raises:
        UserError: They can't be used, or those that can are all of one kind.
    """
    table = Path(settings.data.path)
    table.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_answers(answers, table)
        problem = read_preference(settings, device)
    except UserError:
        shutil.rmtree(table.parent)
        raise
    by_digest = {one.item.digest: one for one in answers}
    photos = list(zip(problem.collection.photos, problem.collection.facts, strict=True))
    others = {str(photo.path) for photo, facts in photos if facts.digest not in by_digest}
    if others:
        kept = [one for one in answers if one.item.path not in others]
        check_both(kept)
        changed = tuple(LeftOut(as_text(path), "its content is not what was judged") for path in sorted(others))
        again = _read(settings, kept, device)
        return replace(again, left_out=(*changed, *again.left_out))
    used = {photo.name: by_digest[facts.digest] for photo, facts in photos}
    return _Read(problem, used, problem.collection.left_out)


def _groups(problem: PreferenceProblem) -> list[int]:
    """How many groups of photos each kind of answer has."""
    return [len(np.unique(problem.groups[problem.labels == label])) for label in range(len(problem.classes))]


def _folds(problem: PreferenceProblem, most: int | None) -> int:
    """How many folds there can be: each kind of answer needs as many groups.

    Raises:
        UserError: There are too few answers.
    """
    groups = _groups(problem)
    if min(groups) < _LEAST_FOLDS:
        name = problem.classes[int(np.argmin(groups))]
        raise UserError(
            f"the {name}s are of one group of photos (a burst, a person, near-duplicates): what is learnt of it can't "
            f"be judged; answer some more with {name}"
        )
    return min(most or _MOST_FOLDS, *groups)


def _type_of(method: MethodSettings) -> str:
    """What a version that was fitted by `method` is called."""
    if isinstance(method, ZeroShotSettings):
        return PRIOR
    trains_blocks = isinstance(method, GradientSettings) and method.name == "finetune"
    return BLOCKS if trains_blocks else method.name


def _out_of_fold(predictions: Predictions, used: Mapping[str, ItemAnswer]) -> dict[int, float]:
    """The probability of a like that was said of each photo by a fit that had not seen it, by the answer's row."""
    like = predictions.probabilities[:, predictions.classes.index(LIKE)].tolist()
    return {used[path].feedback_id: score for path, score in zip(predictions.paths, like, strict=True)}


class _Told:
    """Tells the row of the training how far it is: a mirror like that of W&B."""

    def __init__(self, registry: Registry, job: int) -> None:
        self._registry, self._job = registry, job

    def history(self, row: Mapping[str, float]) -> None:
        """An epoch ended."""
        said = {key.rpartition("/")[2]: value for key, value in row.items()}
        self._tell(epoch=int(said["epoch"]), loss=said.get("train_loss"), accuracy=said.get("inner_accuracy"))

    def done(self, figures: Mapping[str, float]) -> None:
        """What was judged out of fold."""
        self._tell(epoch=None, loss=figures["log_loss"], accuracy=figures["accuracy"])

    def summary(self, values: Mapping[str, float]) -> None:
        """Nothing more."""

    def confusion(self, counts: NDArray[np.int64], classes: Sequence[str]) -> None:
        """Nothing more."""

    def mistakes(self, pictures: Sequence[tuple[Path, str]]) -> None:
        """Nothing more."""

    def trials(self, columns: Sequence[str], rows: Sequence[Sequence[str | float | None]], picture: str | None) -> None:
        """Nothing more."""

    def _tell(self, *, epoch: int | None, loss: float | None, accuracy: float | None) -> None:
        with self._registry.database.session() as session:
            update_job(session, self._job, epoch=epoch, loss=loss, accuracy=accuracy)
