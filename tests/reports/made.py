"""Run directories as the verbs leave them, made in no time."""

import csv

import numpy as np
from omegaconf import OmegaConf

from thawline.files import write_json
from thawline.runs.directory import RunDirectory
from thawline.runs.finished import METRICS_FILE
from thawline.runs.predictions import PREDICTIONS_FILE, Predictions, write_predictions
from thawline.runs.sweep import INNER_FILE, SWEEP_FILE, TRIAL_FILE
from thawline.targets.predicted import judge_said

CLASSES = ("beach", "wedding")


def predictions(right, *, samples=40, classes=CLASSES, paths=None, sure=0.75):
    """Predictions of which the first `right` are right; groups of two, every baseline says the first class."""
    labels = np.arange(samples) % len(classes)
    said = np.where(np.arange(samples) < right, labels, (labels + 1) % len(classes))
    rest = (1 - sure) / (len(classes) - 1)
    return Predictions(
        paths=tuple(paths or (f"{classes[label]}/{i:04}.jpg" for i, label in enumerate(labels))),
        groups=np.arange(samples) // 2,
        labels=labels,
        folds=("holdout",) * samples,
        probabilities=np.where(np.arange(len(classes)) == said[:, None], sure, rest).astype(np.float32),
        baseline=np.zeros(samples, dtype=np.int64),
        classes=tuple(classes),
    )


FACTS = {
    "kind": "photos",
    "method": "linear",
    "encoder": "tiny_clip",
    "thaw": "head",
    "baseline": "zero-shot",
    "seed": 0,
    "seconds": 12.5,
    "features": {"computed": 30, "read": 10},
}


def make_run(path, said, *, verb="train", photos="/photos", lr=0.1, epochs=3, facts=None, **config):
    """A finished run that said `said`."""
    full = {"data": {"path": str(photos)}, "method": {"name": "linear", "lr": lr}, **config}
    with RunDirectory(path, verb, OmegaConf.create(full)) as run:
        write_predictions(run.file(PREDICTIONS_FILE), said)
        write_json(run.file(METRICS_FILE), {**FACTS, **(facts or {})})
        write_history(run.file("folds/holdout/history.csv"), epochs)
    return path


def make_sweep(path, settings, photos="/photos", seconds=None, sizes=None):
    """A finished sweep: `settings` gives for each setting the number of its inner samples that are right, or None.

    `seconds` and `sizes` give, for each trial, its wall time and the bytes that it trained.
    """
    (path / "x").parent.mkdir(parents=True)
    trials, best = [], max(right for right in settings.values() if right is not None)
    for number, (setting, right) in enumerate(settings.items()):
        trial = path / str(number)
        words = dict(word.partition("=")[::2] for word in setting.split(" "))
        config = OmegaConf.create(
            {"task": "events", "data": {"path": str(photos)}, "method": {"name": "linear"}, "swept": words}
        )
        try:
            with RunDirectory(trial, "train", config, keep=True) as run:
                write_json(run.file(TRIAL_FILE), {"overrides": setting.split(" ")})
                if right is None:
                    raise RuntimeError("the loss became nan")
                write_predictions(run.file(INNER_FILE), predictions(right))
                inner = judge_said(predictions(right)).to_json()
                beside = {"seconds": seconds[number]} if seconds else {}
                beside |= {"tail_bytes": sizes[number]} if sizes else {}
                write_json(run.file(METRICS_FILE), {**FACTS, "inner": inner, **beside})
                write_history(run.file("folds/holdout/history.csv"), 4)
        except RuntimeError:
            pass
        done = "failed" if right is None else "finished"
        trials.append({"number": number, "setting": setting, "status": done, "reason": None})
    winner = next(n for n, right in enumerate(settings.values()) if right == best)
    write_json(path / SWEEP_FILE, {"trials": trials, "chosen": {"holdout": winner}, "winner": winner})
    outer = predictions(36, paths=[f"outer/{i:04}.jpg" for i in range(40)])
    return make_run(path, outer, verb="sweep", photos=photos, epochs=0)


def write_history(file, epochs):
    """The course of a training; none without epochs."""
    if epochs:
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["epoch", "train_loss", "inner_loss", "inner_accuracy"])
            writer.writerows([e, 1 / (e + 1), 1.2 / (e + 1), 1 - 0.5 / (e + 1)] for e in range(epochs))
