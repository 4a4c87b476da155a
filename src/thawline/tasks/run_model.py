"""Which fit of a run is the model to use, and what the run says of samples that this fit was not trained on."""

import hashlib
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from thawline.bundles.trained import Trained, trained_on
from thawline.decisions.abstention import UNKNOWN, Abstention, fit_abstention
from thawline.decisions.temperature import Temperature, calibrated, fit_temperature
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.fitting.fit import is_fitted, read_fit
from thawline.fitting.folds import HOLDOUT, REFIT, Fold, fold_directory
from thawline.fitting.methods import FittedTail
from thawline.fitting.predict import predict_fold
from thawline.fitting.scoring import score_fold
from thawline.runs.directory import CONFIG_FILE, REFIT_WORD, read_config, read_status
from thawline.runs.finished import finished_run
from thawline.runs.moved import absent_place, not_there, placed
from thawline.runs.predictions import Predictions
from thawline.runs.split import SplitRow, change_of, covering_split, read_split_rows
from thawline.runs.sweep import INNER_FILE, is_sweep_directory, read_sweep, read_trial
from thawline.targets.tags import OVERLAP
from thawline.tasks.capabilities import TaskProblem, task_reader
from thawline.tasks.planning import how_to_fit, plan_run
from thawline.tasks.settings import RunSettings, read_settings

# By how much the bundle's probabilities of a sample may differ from the run's: rounding, and that of other devices,
# data types and decoders. Another network's differ by far more.
_ROUNDING, _OTHER_ROUNDING = 1e-4, 5e-2


# Figures of all classes together that a card shows.
_ESTIMATES = (
    *("accuracy", "overlap", "balanced_accuracy", "micro_f1", "macro_f1", "mean_average_precision"),
    *("roc_auc", "average_precision", "log_loss", "mae", "rmse", "r2", "spearman"),
)


@dataclass(frozen=True)
class RunModel:
    """The fit of a run that is its model.

    Attributes:
        run: The directory of the run, or of a sweep's winner.
        settings: Its settings.
        name: `all`, fitted on everything, or `holdout`.
        fit: What was fitted.
        classes: Names of the classes.
        facts: `metrics.json` of the run, or of the sweep.
        judged: What that was computed from.
        trial: The winner's number; None for a run.
        source: The run as it was named.
        absent: A sentence on the run's data, if they are not there; "" if they are.
        moved: Whether it was said where they are now.
        max_error: Which share of its model's answers may be wrong, see `decisions.abstention`; None: it always answers.
        out_of_place: Which share of samples of its classes may be called out of place, see `decisions.out_of_place`;
            None: none is.
    """

    run: Path
    settings: RunSettings
    name: str
    fit: FittedTail
    classes: tuple[str, ...]
    facts: dict[str, Any]
    judged: Predictions
    trial: int | None
    source: Path
    absent: str
    moved: bool
    max_error: float | None = None
    out_of_place: float | None = None

    @cached_property
    def rows(self) -> list[SplitRow]:
        """The samples of the run, with their places in its split."""
        return read_split_rows(self.run / "split.csv")

    @property
    def judged_itself(self) -> bool:
        """Whether `judged` are this fit's own probabilities, of the plain photos."""
        return set(self.judged.folds) == {self.name} and not self.settings.augmentation.average


def find_run_model(path: Path, places: Mapping[str, Any]) -> RunModel:
    """The model of the run or sweep in `path`: fitted on everything, or the only one that there is.

    Args:
        path: Its directory.
        places: Where its data are now, by dotted keys, see `runs.moved`; what is not given is where it was.

    Raises:
        UserError: There is none.
    """
    if (path / INNER_FILE).exists():
        raise UserError(
            f"{path} is a trial of a sweep, which judges its winner alone; 'thawline export {path.parent}' takes that"
        )
    status = read_status(path)
    if status["verb"] not in ("train", "sweep"):
        raise UserError(
            f"{path} is a run of 'thawline {status['verb']}', which fits nothing; export one of 'thawline train'"
        )
    judged, facts = finished_run(path)
    trial = read_sweep(path)["winner"] if is_sweep_directory(path) else None
    run = path if trial is None else read_trial(path, trial).path
    if is_fitted(fold_directory(run, REFIT)):
        name = REFIT
    elif set(judged.folds) == {HOLDOUT}:
        name = HOLDOUT
    else:
        what = "run" if trial is None else "sweep"
        raise UserError(
            f"the {what} {path} has a model for each fold or seed and none of all data, which this fits: thawline "
            f"train {shlex.quote(str(path))} {REFIT_WORD}"
        )
    covering_split(run / "split.csv", judged.paths)
    config = placed(run, read_config(run), places)
    absent = absent_place(config)
    lost = f"{not_there(*absent)}; say where: {absent[0]}=NEW" if absent else ""
    settings, lost = _with_files(read_settings(config), lost)
    return RunModel(
        run,
        settings,
        name,
        read_fit(fold_directory(run, name)),
        judged.classes,
        facts,
        judged,
        trial,
        path,
        lost,
        bool(places),
    )


def _with_files(settings: RunSettings, lost: str) -> tuple[RunSettings, str]:
    """The settings with the files of a data set, and why these are not there; `lost` is what is known of that."""
    if not lost:
        try:
            settings.data = settings.data.opened(settings.store.root)
        except UserError as error:
            lost = str(error)
    return settings, lost


@dataclass(frozen=True)
class Unseen:
    """Predictions of samples that neither trained the model nor chose any reported number.

    Attributes:
        said: None where there are none.
        what: What they were to the model: `inner` or `out-of-fold`.
        why_not: Why there are none, one phrase.
    """

    said: Predictions | None
    what: str = ""
    why_not: str | None = None


def unseen_of(fitted: RunModel) -> Unseen:
    """What a decision can be fitted on."""
    if fitted.judged.scores is not None:
        return Unseen(None, why_not="scores have no probabilities")
    if fitted.judged.tags is not None:
        return Unseen(None, why_not="each label is told by itself, from its own threshold on")
    if fitted.settings.augmentation.average:
        return Unseen(None, why_not="the run averaged over views of a photo, and the bundle looks at one")
    if (fitted.run / INNER_FILE).exists():
        return Unseen(read_trial(fitted.run.parent, int(fitted.run.name)).inner(), "inner")
    if set(fitted.judged.folds) != {HOLDOUT}:
        return Unseen(fitted.judged, "out-of-fold")
    try:
        return Unseen(_predict_inner(fitted), "inner")
    except UserError as error:
        return Unseen(None, why_not=f"what it would be fitted on can't be had ({error})")


def temperature_of(fitted: RunModel) -> Temperature:
    """A temperature by what there is that the model was not trained on."""
    return fit_decision(fitted)[0]


def fit_decision(fitted: RunModel) -> tuple[Temperature, Abstention | None]:
    """The temperature, and from which probability on the model answers; None: it always does.

    Raises:
        UserError: The run asks for an error that can't be promised.
    """
    unseen, wanted = unseen_of(fitted), fitted.max_error
    if (said := unseen.said) is None:
        if wanted is not None:
            raise UserError(f"max_error={wanted:g} can't be fitted: {unseen.why_not}")
        return Temperature(why_not=unseen.why_not), None
    temperature = fit_temperature(said.labels, said.probabilities, unseen.what)
    if wanted is None:
        return temperature, None
    if UNKNOWN in said.classes:
        raise UserError(f"a class is called {UNKNOWN}, as a model with max_error={wanted:g} answers; rename it")
    sure = calibrated(said.probabilities, temperature.value).max(axis=1)
    return temperature, fit_abstention(said.right, sure, said.groups, wanted, unseen.what)


def trained_of(fitted: RunModel) -> Trained:
    """Which of the run's samples its model was trained on, or chosen by."""
    return trained_on([row for row in fitted.rows if fitted.name == REFIT or not row.fold])


def tolerance_of(fitted: RunModel) -> float:
    """By how much a bundle's probabilities may differ from those of its run."""
    settings = fitted.settings
    plain = settings.store.dtype == settings.encoder.precision == "float32"
    exact = plain and settings.trainer.accelerator == "cpu"
    return _ROUNDING if exact else _OTHER_ROUNDING


def reread(fitted: RunModel) -> tuple[TaskProblem, list[Fold]]:
    """The samples of the run as they were when it was fitted, and its folds.

    Raises:
        UserError: They are gone, or others than they were.
    """
    if fitted.absent:
        raise UserError(fitted.absent)
    problem = task_reader(fitted.settings.task)(fitted.settings, find_device(fitted.settings.trainer.accelerator))
    plan = plan_run(problem, fitted.settings)
    if change := change_of(fitted.rows, problem.split_rows(plan)):
        raise UserError(f"the samples are others than they were: {change}")
    return problem, plan


def _predict_inner(fitted: RunModel) -> Predictions:
    """What the hold-out's fit says of the inner samples, by which it chose but on which it was not trained.

    A method that trains on these in the end is fitted once more without them, as a sweep does to rank it.

    Raises:
        UserError: The photos are gone, or others than they were.
    """
    settings = fitted.settings
    device = find_device(settings.trainer.accelerator)
    problem, [fold] = reread(fitted)
    if settings.method.holds_out:
        inner = how_to_fit(settings, fitted.run, device, None).inner_fold(problem, fold)
        return predict_fold(problem, inner, read_fit(fold_directory(fitted.run, HOLDOUT)), device)
    with tempfile.TemporaryDirectory() as scratch:
        said, _ = score_fold(problem, fold, how_to_fit(settings, Path(scratch), device, None))
    return said


def facts_of(fitted: RunModel, name: str) -> dict[str, Any]:
    """What the manifest says of the run called `name`."""
    judged = fitted.facts["judged"]
    of = "held out of this very model" if fitted.name != REFIT else "each held out of a model fitted the same way"
    photos = sorted(f"{row.digest} {row.label}" for row in fitted.rows)
    return {
        "run": {"name": name, "trial": fitted.trial, "fit": fitted.name, "method": fitted.settings.method.name},
        "hashes": {
            "config": _sha256((fitted.run / CONFIG_FILE).read_bytes()),
            "split": _sha256((fitted.run / "split.csv").read_bytes()),
            "data": _sha256("\n".join(photos).encode()),
        },
        "metrics": {
            "samples": judged["samples"],
            "groups": judged["groups"],
            "of": of,
            "estimates": estimates_of(judged),
        },
    }


def estimates_of(judged: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of all classes together that a card shows, as a run's `metrics.json` has them."""
    headline = judged.get("headline", "accuracy")
    return {name: judged[name] for name in _ESTIMATES if name in judged and (name != "accuracy" or name == headline)}


def notes_of(fitted: RunModel) -> list[str]:
    """What a card says of a run's settings that the model does not have."""
    settings = fitted.settings
    notes = []
    if fitted.facts["judged"].get("headline") == OVERLAP:
        notes.append("Overlap: of a sample, the classes both true and said by those that are either (Jaccard).")
    if settings.augmentation.average:
        notes.append("The run was judged by the mean over several views of a photo; the bundle looks at the plain one.")
    if settings.store.dtype != "float32":
        notes.append(f"It was trained on features kept as {settings.store.dtype}, and computes in float32.")
    if settings.encoder.precision != "float32":
        precision = settings.encoder.precision
        notes.append(f"It was trained on features that were computed in {precision}, and computes in float32.")
    if settings.debug.name != "none":
        notes.append(f"It comes from a run with debug={settings.debug.name}, which is not for use.")
    return notes


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
