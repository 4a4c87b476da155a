"""`thawline preference train`: what was answered makes the next version, active where the gate lets it."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from thawline.data.listing import LeftOut
from thawline.errors import RunError, UserError
from thawline.output import report
from thawline.runs.ends import explain_os_error, reason_of
from thawline.runs.signals import Stopped
from thawline.screen import say, say_next, say_whole
from thawline.tasks.photos.features import load_towers
from thawline.tasks.preference.loop.answered import usable
from thawline.tasks.preference.loop.base import with_encoder_of
from thawline.tasks.preference.loop.settings import PreferenceTrainSettings, chooses
from thawline.tasks.preference.loop.training import PRIOR, make_version
from thawline.tasks.preference.loop.waited import done_meanwhile
from thawline.tasks.preference.settings import feedback_of
from thawline.tasks.typed import to_settings
from thawline.tasks.versions import activate, gate, open_registry
from thawline.versions.feedback import ItemAnswer, answered
from thawline.versions.jobs import (
    INTERRUPTED,
    clean_jobs,
    fail_job,
    finish_job,
    note_job,
    start_job,
    training_lock,
    update_job,
    wait_job,
)
from thawline.versions.registry import BASE, Registry
from thawline.versions.schema import ModelVersion

AUTO = "auto"  # the method of a training that has yet to choose one
_SHOWN = 5


def train(config: DictConfig) -> None:
    """Learn from the answers that count, keep that as the next version, and make it active where the gate lets it.

    Raises:
        UserError: There is nothing to learn from, the settings don't suit, or the system or the database refuses.
        RunError: The training failed. The active version still is, here too.
    """
    settings: PreferenceTrainSettings = to_settings(config)
    with open_registry(settings.versions) as registry:
        if settings.job is None:
            settings = with_encoder_of(registry, settings)
            check_answers(registry, settings)
            check_encoder(settings)
        try:
            version = train_once(registry, settings, config, Console())
            report(
                version=version.number,
                type=version.type,
                samples=version.samples,
                metrics=version.metrics,
                active=version.is_active,
                bundle=registry.folder(version),
            )
        except RunError as error:
            # What the user mends, such as a disk that is full, is no fault of the run.
            if isinstance(error.__cause__, UserError | OSError):
                raise UserError(str(error)) from error
            raise


def check_answers(registry: Registry, settings: PreferenceTrainSettings) -> None:
    """Is there anything to learn from? What is refused here leaves no training.

    Raises:
        UserError: There is not.
    """
    with registry.database.reading() as session:
        check_given(answered(session), settings)


def check_encoder(settings: PreferenceTrainSettings) -> None:
    """Can the encoder be loaded, and cut where the method wants it? It is kept, so the training loads it no more.

    Raises:
        UserError: It can't.
    """
    encoder, _ = load_towers(settings)
    if not chooses():
        encoder.cut_for(settings.cut)


def check_given(answers: Sequence[ItemAnswer], settings: PreferenceTrainSettings) -> None:
    """Is there anything to learn from in `answers`?

    Raises:
        UserError: There is not.
    """
    if answers or not feedback_of(settings.data).has_words:
        usable(answers)


def train_once(
    registry: Registry, settings: PreferenceTrainSettings, config: DictConfig, console: Console
) -> ModelVersion:
    """One training, alone: it waits for the end of another one; the version that it made.

    Raises:
        RunError: It failed; the active version still is.
    """
    with registry.database.session() as session:
        clean_jobs(session, registry.root)
        job = settings.job or start_job(session, hyperparameters(settings), pid=os.getpid()).id
    started, waited = time.perf_counter(), list[str]()

    def waits(sentence: str) -> None:
        waited.append(sentence)
        with registry.database.session() as session:
            wait_job(session, job, sentence)
        say(console, sentence)

    with _noted(registry, job), training_lock(registry.root, waits):
        settings = with_encoder_of(registry, settings)
        if waited and (version := _done_meanwhile(registry, job, settings, console)) is not None:
            return version
        with registry.database.session() as session:
            clean_jobs(session, registry.root)
            update_job(session, job, running=True)
            note_job(session, job, hyperparameters(settings))
            counts = Counter(one.answer for one in answered(session))
        say(console, f"training {job}: {_counted(counts) or 'words alone'}; {_method(settings)}")
        made = make_version(registry, settings, config, job)
        with registry.database.session() as session:
            finish_job(session, job, made.version)
        _say_left_out(console, made.left_out)
        if made.why:
            say(console, made.why)
        _say_made(console, registry, made.version, time.perf_counter() - started)
        _activate(registry, made.version, settings, console)
    return registry.find(made.version.number)


def _done_meanwhile(
    registry: Registry, job: int, settings: PreferenceTrainSettings, console: Console
) -> ModelVersion | None:
    """What the training that was waited for made, if nothing was answered since it began: then that is all there is."""
    with registry.database.session() as session:
        if (done := done_meanwhile(session, job, hyperparameters(settings))) is None:
            return None
        other, version = done
        nothing = f"nothing is new since training {other}, which made v{version.number}"
        finish_job(session, job, version).reason = nothing
    say(console, nothing)
    say_next(console, ["thawline versions list"])
    return version


def hyperparameters(settings: PreferenceTrainSettings) -> dict[str, Any]:
    """What a training is noted with."""
    data = feedback_of(settings.data)
    return {
        "method": AUTO if chooses() else settings.method.name,
        "encoder": settings.encoder.model or settings.encoder.name,
        "thaw": settings.thaw,
        "super_like": data.super_like,
        "likes": data.likes,
        "dislikes": data.dislikes,
        "seed": settings.seed,
    }


@contextmanager
def _noted(registry: Registry, job: int) -> Iterator[None]:
    """Note how a training ends that does not end well, and why; the error goes on, as one of the run's."""
    try:
        yield
    except BaseException as error:
        ended = isinstance(error, KeyboardInterrupt | Stopped)
        told = explain_os_error(error) if isinstance(error, OSError) else error
        reason = INTERRUPTED if ended else reason_of(told)
        # Where the database can't be written either, the next start finds the job without its process.
        with suppress(UserError), registry.database.session() as session:
            fail_job(session, job, reason)
        if not isinstance(error, UserError | RunError | OSError):
            raise
        active = registry.active()
        stays = f"; v{active.number} stays active" if active else ""
        raise RunError(f"training {job} failed: {reason}{stays}") from error


def _activate(registry: Registry, version: ModelVersion, settings: PreferenceTrainSettings, console: Console) -> None:
    before = registry.active()
    if settings.activate == "never":
        say_next(console, [f"thawline versions activate {version.number}"])
        return
    force = settings.activate == "force" or (before is not None and _goes_first(registry, before, version, settings))
    try:
        _, verdict = activate(registry, version.number, margin=settings.versions.margin, force=force)
    except UserError as error:
        say(console, str(error))
        compare = f"thawline versions compare {before.number if before else 1} {version.number}"
        say_next(console, [compare, f"thawline versions activate {version.number} force=true"])
        return
    if verdict is not None:
        say(console, verdict.sentence)
    say(console, f"v{version.number} is active" + (f"; v{before.number} was" if before else ""))
    say_next(console, ["thawline versions list", "thawline versions rollback"])


def _goes_first(
    registry: Registry, before: ModelVersion, version: ModelVersion, settings: PreferenceTrainSettings
) -> bool:
    """Whether `version` takes the place of `before` though no answer can judge the two.

    What was said in words is better than nothing, and a version that knows of deleted answers has to go.
    """
    if version.type == PRIOR and before.type == BASE:
        return True
    return before.stale_since is not None and gate(registry, version, margin=settings.versions.margin).test is None


def _say_made(console: Console, registry: Registry, version: ModelVersion, seconds: float) -> None:
    what = f"v{version.number} ({version.type})"
    say(console, f"{what} is made of {version.samples} answers in {seconds:.1f} s")
    say_whole(console, f"bundle  {registry.folder(version)}")


def _say_left_out(console: Console, left_out: tuple[LeftOut, ...]) -> None:
    for left in left_out[:_SHOWN]:
        say(console, f"{left.name} is left out: {left.reason}")
    if len(left_out) > _SHOWN:
        say(console, f"… {len(left_out) - _SHOWN:,} more answers are left out")


def _method(settings: PreferenceTrainSettings) -> str:
    return "the method is chosen" if chooses() else f"method={settings.method.name}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
