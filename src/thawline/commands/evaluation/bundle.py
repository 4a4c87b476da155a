"""`thawline evaluate BUNDLE DATA`: judge what a service gets from a bundle, by new samples whose answers are known."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from thawline.bundles.manifest import MANIFEST, TRAINED, refusal
from thawline.bundles.trained import Trained, join_trained, read_trained
from thawline.commands.gating import given_gates, hold_run
from thawline.commands.line.settings import EvaluateSettings
from thawline.commands.results import save_report, save_results
from thawline.commands.written import report_written
from thawline.data.settings import DataSettings
from thawline.errors import UserError
from thawline.runs.directory import RunDirectory
from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.predictions import Predictions
from thawline.screen import as_word, say_next, say_whole
from thawline.targets.target import MAJORITY, MOST_USUAL, TRAINING_MEAN
from thawline.tasks.bundle.labelled import Labelled, Labeller, predict_labelled
from thawline.tasks.bundle.load import AnyBundle, load_bundle
from thawline.tasks.running import show_results
from thawline.tasks.task import capability, find_task, task_of_table

SEEN = "the bundle's model was trained on this sample or on one of its group"
NOT_TOLD = (
    "The bundle is an older one that does not tell what its model was trained on, so samples that it learnt by heart "
    "may be among those that are judged; export it again to leave them out."
)
ALL_SEEN = "every sample there, or one much like it, was trained on; nothing is left to judge by"


def evaluate_bundle(config: DictConfig, settings: EvaluateSettings) -> Path:
    """Judge the bundle `settings.run` by `settings.data` and write a run directory, which is given back.

    Raises:
        UserError: The bundle or the data can't be used, or the data have nothing that the model was not trained on.
        RunError: A gate is missed.
    """
    started = time.monotonic()
    path, places = Path(settings.run), settings.data.places
    if "data.path" not in places:
        raise UserError(
            f"{path} is a bundle, which holds no samples of its own; name labelled ones that it has not seen: thawline "
            f"evaluate {path} DATA"
        )
    bundle = load_bundle(path, device=settings.accelerator)
    kind, about, trained = find_task(bundle.task).samples, _about(bundle), _trained(bundle)
    data = _data_at(places, capability(bundle.task, "settings"))
    data = data.read_by(settings.data.reader, settings.data.dataset).opened(settings.store.root)
    if settings.logger.thumbnails and kind != "photos":
        raise UserError(f"logger.thumbnails={settings.logger.thumbnails} shows photos, not {kind}; set it to 0")
    other = task_of_table(Path(data.path))
    if other is not None and other != bundle.task:
        raise UserError(f"{data.path} is a table of {find_task(other).samples}, and the bundle {path} judges {kind}")
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # str keys
    console = Console()
    with RunDirectory(Path(settings.paths.run), "evaluate", config) as run:
        label: Labeller = capability(bundle.task, "label")
        labelled = label(bundle, data, settings.store.root)
        gates = given_gates(settings.gates, labelled.classes)
        predictions, report = _judge(labelled, trained, path)
        save_report(run, report, console, bundle.task)
        facts = {
            **about,
            "baseline": _baseline(predictions),
            "verb": "evaluate",
            "task": bundle.task,
            "kind": kind,
            "examined": labelled.examine(predictions),
            "features": {"computed": len(predictions.paths), "read": 0},
            "seconds": round(time.monotonic() - started, 2),
        }
        with mirrored(
            settings.logger,
            run.path,
            name=run.path.name,
            verb="evaluate",
            config=plain,
            group=None,
            tags=[facts["method"], facts["encoder"]],
        ) as mirror:
            save_results(run, predictions, facts, console, bundle.task)
            held = hold_run(gates, run, console)
            if mirror is not None:
                show_results(mirror, run, predictions, settings.logger, settings.data.path)
    say_whole(console, f"run    {run.path}")
    say_next(console, [f"thawline compare {as_word(run.path)}"])
    if held is not None:
        report_written(run.path)
        held.refuse_missed()
    return run.path


def _baseline(predictions: Predictions) -> str:
    """What the bundle is compared with."""
    if predictions.scores is not None:
        return TRAINING_MEAN
    return MAJORITY if predictions.tags is None else MOST_USUAL


def _data_at(places: Mapping[str, Any], schema: type[DataSettings]) -> DataSettings:
    """The settings, of the class `schema`, of new data in `places`, by dotted keys."""
    known = {"data.path", "data.image_base"}.intersection(f"data.{field.name}" for field in fields(schema))
    if odd := sorted(set(places) - known - {"data.corrections"}):
        raise UserError(
            f"{odd[0]} says nothing of new data, which are judged whole; give {' and '.join(sorted(known))}"
        )
    return schema(**{key.partition(".")[2]: value for key, value in places.items()})


def _judge(labelled: Labelled, trained: Trained | None, bundle: Path) -> tuple[Predictions, dict[str, Any]]:
    """What the bundle says of the samples that it was not trained on, and the report with those that are left out."""
    known = _known(labelled, trained, bundle)
    kept = np.setdiff1d(np.arange(len(labelled.names)), known).astype(np.int64)
    if not len(kept):
        raise UserError(ALL_SEEN)
    predictions, unusable = predict_labelled(labelled, kept, _usual(labelled, trained))
    if not predictions.paths:
        raise UserError(
            f"the bundle {bundle} can use none of the samples; of the first: {next(iter(unusable.values()))}"
        )
    report = labelled.report()
    report["warnings"] = [*report.get("warnings", []), *labelled.untold]
    left_out = [
        *({"name": labelled.names[i], "reason": SEEN} for i in known),
        *({"name": name, "reason": reason} for name, reason in unusable.items()),
    ]
    report["left_out"] = [*report.get("left_out", []), *left_out]
    if trained is None:
        report["warnings"] = [*report["warnings"], NOT_TOLD]
    return predictions, report


def _known(labelled: Labelled, trained: Trained | None, bundle: Path) -> NDArray[np.int64]:
    """The samples that the model was trained on, or on others of their groups; none where it does not tell."""
    if trained is None:
        return np.empty(0, dtype=np.int64)
    try:
        return labelled.related_to(trained.samples)
    except ValueError as error:  # hashes of another kind
        raise refusal(bundle, f"{TRAINED} holds what is known of other kinds of samples") from error


def _usual(labelled: Labelled, trained: Trained | None) -> float | None:
    """The class that most of what the model was trained on has, or the mean of its scores; None: it is not known."""
    if not labelled.classes:
        counts_of = {} if trained is None else trained.counts
        return sum(float(score) * n for score, n in counts_of.items()) / sum(counts_of.values()) if counts_of else None
    counts = [0 if trained is None else trained.counts.get(name, 0) for name in labelled.classes]
    return int(np.argmax(counts)) if any(counts) else None


def _trained(bundle: AnyBundle) -> Trained | None:
    """What the bundle's model, or its members, were trained on; None where one does not tell."""
    parts = [read_trained(one.path) for one in _singles(bundle)]
    told = [part for part in parts if part is not None]
    return join_trained(told) if len(told) == len(parts) else None


def _about(bundle: AnyBundle) -> dict[str, Any]:
    """The method and the encoder that the bundle's manifest names."""
    try:
        bases = [one.manifest["base"] for one in _singles(bundle)]
        encoders = [str(base["model"] or base["name"]) for base in bases]
        method = str(bundle.manifest["run"]["method"])
    except (KeyError, TypeError) as error:
        raise refusal(bundle.path, f"{MANIFEST} does not tell its method and encoder") from error
    return {"method": method, "encoder": " + ".join(dict.fromkeys(encoders))}


def _singles(bundle: AnyBundle) -> Sequence[AnyBundle]:
    """The members of an ensemble, or the bundle itself."""
    members: Sequence[Any] = getattr(bundle, "members", ())
    return [member.bundle for member in members] or [bundle]
