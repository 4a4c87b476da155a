"""`thawline preference simulate DIR`: what each strategy of asking is worth on photos whose answers are known."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from thawline.data.splits import holdout
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.features.progress import bar
from thawline.files import write_json, write_text
from thawline.output import report
from thawline.runs.directory import RunDirectory
from thawline.tasks.preference.answers import ANSWERS
from thawline.tasks.preference.asking.collected import Collected, collected
from thawline.tasks.preference.asking.judged import Curve, accuracies, areas, judge_courses, saved, verdict
from thawline.tasks.preference.asking.picture import draw_curves
from thawline.tasks.preference.asking.replay import Course, answer, replay
from thawline.tasks.preference.asking.settings import SimulateSettings
from thawline.tasks.preference.asking.shown import print_simulation
from thawline.tasks.typed import to_settings

RESULTS, COURSES, PICTURE = "simulation.json", "curves.csv", "curves.png"


def simulate(config: DictConfig) -> None:
    """Replay the photos by every strategy and seed, judge that, and write and show it.

    Raises:
        UserError: The photos can't be used, or there are too few.
    """
    started = time.perf_counter()
    settings: SimulateSettings = to_settings(config)
    with RunDirectory(Path(settings.paths.run), "simulate", config) as run:
        photos = collected(settings, find_device(settings.accelerator))
        courses = replayed(photos, settings)
        curves = judge_courses(courses, photos.known.liked)
        goals = settings.rounds.goals
        facts = {
            **_facts(photos, settings),
            "verdict": verdict(curves),
            "strategies": {
                curve.strategy: {**curve.to_json(goals), "as_good_as_random_with": _saved(curve, curves, goals)}
                for curve in curves
            },
            "seconds": round(time.perf_counter() - started, 2),
        }
        write_json(run.file(RESULTS), facts)
        write_text(run.file(COURSES), _table(courses, photos, goals))
        draw_curves(curves, goals, run.file(PICTURE))
    report(**facts, directory=run.path)
    print_simulation(facts, run.path, Console())


def replayed(photos: Collected, settings: SimulateSettings) -> dict[str, list[Course]]:
    """The courses of each strategy, by seed.

    Raises:
        UserError: There are too few photos to ask about, or of some answer to hold some out.
    """
    known = photos.known
    courses: dict[str, list[Course]] = {name: [] for name in settings.tried}
    labels = np.array([ANSWERS.index(one) for one in photos.answers])
    with bar("asking", "courses", settings.seeds * len(courses)) as advance:
        for number in range(settings.seeds):
            seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
            held_out = holdout(labels, known.groups, fraction=settings.data.holdout, seed=seed, classes=ANSWERS)
            if (there := int((~held_out).sum())) < settings.answers:
                raise UserError(
                    f"answers={settings.answers} is more than the {there} photos that can be asked about, the others "
                    "being held out; ask fewer, or lower data.holdout"
                )
            answers = answer(known, settings.wrong, np.random.default_rng(seed))
            for name, some in courses.items():
                some.append(replay(known, answers, held_out, name, settings.rounds, settings.logistic, seed))
                advance(1)
    return courses


def _saved(curve: Curve, curves: list[Curve], goals: list[int]) -> int | None:
    baseline = next(one for one in curves if one.against is None)
    return None if curve is baseline else saved(curve, baseline, goals)


def _facts(photos: Collected, settings: SimulateSettings) -> dict[str, Any]:
    known = photos.known
    return {
        "photos": len(known.liked),
        "groups": len(np.unique(known.groups)),
        "answers": {name: int((photos.answers == name).sum()) for name in ANSWERS},
        "wrong": settings.wrong,
        "seeds": settings.seeds,
        "rounds": settings.rounds.goals,
        "holdout": settings.data.holdout,
        "features": {"computed": photos.computed, "read": photos.read},
    }


def _table(courses: dict[str, list[Course]], photos: Collected, goals: list[int]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("strategy", "seed", "answers", "accuracy", "auc"))
    for name, some in courses.items():
        for number, course in enumerate(some):
            figures = zip(goals, accuracies(course, photos.known.liked), areas(course, photos.known.liked), strict=True)
            writer.writerows((name, number, goal, f"{right:.6f}", f"{area:.6f}") for goal, right, area in figures)
    return text.getvalue()
