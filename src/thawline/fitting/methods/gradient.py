"""Gradient descent by the Trainer: early stopping and the best epoch on inner samples, or a fixed number of epochs."""

import logging
import math
import os
import re
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from thawline.encoders.device import lacks_memory, require_precision
from thawline.errors import RunError
from thawline.fitting.folds import BEST, LAST
from thawline.fitting.lightning.callbacks.rates import find_rate, with_rate
from thawline.fitting.lightning.callbacks.stopping import early_stopping
from thawline.fitting.lightning.checkpoints import (
    BestCheckpoint,
    EpochModels,
    Keep,
    LastCheckpoint,
    SyncedCheckpoints,
    load_checkpoint,
)
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.history import HISTORY, History, Watched, read_history, send_history
from thawline.fitting.lightning.imported import L
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.lightning.processes import DDPByFile, Together, together
from thawline.fitting.methods import FittedTail
from thawline.fitting.named.callbacks import (
    EARLY_STOPPING,
    LR_FINDER,
    Chosen,
    EarlyStoppingSettings,
    LrFinderSettings,
    callbacks_of,
    find_callback,
)
from thawline.fitting.settings import DebugSettings, GradientSettings, TrainerSettings
from thawline.output import form
from thawline.runs.mirrors.loggers import Mirror
from thawline.runs.signals import Stopped, asked_to_stop, deferred_signals

SMALL_TAIL = 1_000_000  # parameters


@dataclass(frozen=True)
class Course:
    """How one training runs, besides what the method says.

    Attributes:
        trainer: What it computes on.
        debug: How it is looked into.
        device: What to compute on.
        epochs: Instead of the method's; None: the method's.
        keep: What writes the model of an epoch under a name, where the run asks for that; else None.
        watch: Is told each epoch's inner loss, and may end the training; None: nobody is.
        callbacks: Which callbacks it has besides, by their names.
    """

    trainer: TrainerSettings
    debug: DebugSettings
    device: torch.device
    epochs: int | None = None
    keep: Keep | None = None
    watch: Callable[[int, float], None] | None = None
    callbacks: Chosen = field(default_factory=dict)


def fit_gradient(
    module: TailModule,
    data: TailData,
    settings: GradientSettings,
    course: Course,
    directory: Path,
    *,
    mirror: Mirror | None = None,
    keep_history: bool = True,
) -> FittedTail:
    """Train `module` and give the state of its best epoch.

    Args:
        module: The tail and its loss.
        data: Training samples, and those that early stopping and the best epoch are chosen by; without such all epochs
            run, and the last one counts.
        settings: The method.
        course: How it runs.
        directory: Where `last.ckpt`, `best.ckpt` and `history.csv` go; training resumes from a `last.ckpt` found there,
            unless one of the callbacks can't: then it begins anew.
        mirror: What gets the same history, or None.
        keep_history: Whether `history.csv` is written.

    Raises:
        RunError: The training diverged, or the memory is too small.
    """
    _begin_anew_if_need_be(course, directory)
    settings = module.settings = _settled(module, data, settings, course, directory)
    callbacks = _callbacks(directory, settings, course, data.inner is not None)
    if keep_history:
        # A mirror does not travel to DDP's processes: it gets the history afterwards.
        callbacks.append(History(directory / HISTORY, None if course.trainer.several else mirror))
    if course.keep is not None:
        callbacks.append(EpochModels(course.keep))
    if course.watch is not None and data.inner is not None:
        callbacks.append(Watched(course.watch))
    before = len(read_history(directory / HISTORY))
    last = directory / LAST
    training = _Training(module, data, settings, course, directory, callbacks, last if last.exists() else None)
    if (others := together()) is not None:
        others.do(training)
    else:
        training(None)
    if mirror is not None and course.trainer.several:
        send_history(mirror, directory.name, read_history(directory / HISTORY)[before:])
    if course.keep is not None:
        module.load_state_dict(load_checkpoint(directory / LAST)["state_dict"])
        course.keep("final_model", module.fitted())
    if data.inner is not None and not (directory / BEST).exists():
        raise RunError("the training ended before the average of the weights began; have callbacks begin it earlier")
    kept = load_checkpoint(directory / (LAST if data.inner is None else BEST))
    module.load_state_dict(kept["state_dict"], strict=module.strict_loading)
    chosen: dict[str, float] = {"epochs": int(kept["epoch"]) + 1}
    chosen |= {"lr": settings.lr} if LR_FINDER in course.callbacks else {}
    if data.inner is not None:
        chosen["inner_loss"] = _best_score(kept)
    return FittedTail(module.fitted(), chosen)


def _begin_anew_if_need_be(course: Course, directory: Path) -> None:
    """Leave nothing of a training that was cut off, where a callback can't go on in its middle."""
    if not all(find_callback(name).resumes for name in course.callbacks):
        for name in (LAST, BEST, HISTORY):
            (directory / name).unlink(missing_ok=True)


def _settled(
    module: TailModule, data: TailData, settings: GradientSettings, course: Course, directory: Path
) -> GradientSettings:
    """`settings`, with a learning rate that is found where that is asked for; a refit has that of the folds."""
    finder = course.callbacks.get(LR_FINDER)
    if not isinstance(finder, LrFinderSettings) or course.epochs is not None:
        return settings
    with _threads(course.trainer.threads or _enough_threads(module)):
        return with_rate(settings, find_rate(module, data, finder, course.device, directory))


@dataclass(frozen=True)
class _Training:
    """What the process does that trains, or each of several that train together; see `fit_gradient`.

    Attributes:
        callbacks: The Trainer's.
        resume: The checkpoint that it goes on from; None: it begins.
    """

    module: TailModule
    data: TailData
    settings: GradientSettings
    course: Course
    directory: Path
    callbacks: list[L.Callback]
    resume: Path | None

    def __call__(self, others: Together | None) -> None:
        """Train; `others` are the processes that were launched together with this one."""
        with (
            _quiet_lightning(),
            _threads(self.course.trainer.threads or _enough_threads(self.module)),
            tempfile.TemporaryDirectory() as local,
        ):
            runner = self._trainer(Path(local) / "meeting", others)
            with (
                deferred_signals(lambda number: _pass_on(runner, number)),
                _own_errors(),
                _enough_memory(self.settings),
            ):
                runner.fit(self.module, self.data, ckpt_path=self.resume, weights_only=True)

    def _trainer(self, meeting: Path, others: Together | None) -> L.Trainer:
        course = self.course
        longest = course.epochs or self.settings.epochs
        kind, precision = course.device.type, course.trainer.precision
        if precision == "bf16-mixed":
            require_precision(f"trainer.precision={precision}", torch.bfloat16, kind, "trainer.precision=16-mixed")
        processes: dict[str, Any] = {"devices": course.trainer.devices, "strategy": "auto"}
        if others is not None:
            processes = others.trainer_settings()
        elif course.trainer.devices > 1:
            processes["strategy"] = DDPByFile(meeting)  # spawned: the command line is not run a second time
        return L.Trainer(
            **processes,
            accelerator={"cuda": "gpu"}.get(kind, kind),
            precision=precision,  # type: ignore[arg-type]  # checked by the settings
            gradient_clip_val=self.settings.gradient_clip_val,
            gradient_clip_algorithm=self.settings.gradient_clip_algorithm,
            accumulate_grad_batches=self.settings.accumulate_grad_batches,
            max_epochs=min(longest, course.debug.epochs or longest),
            callbacks=self.callbacks,
            plugins=[SyncedCheckpoints()],
            logger=False,
            # A GPU has no such way of its own for some gradients, a ResNet's pooling among them: better said than
            # refused.
            deterministic=True if kind == "cpu" else "warn",
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=sys.stderr.isatty(),
            default_root_dir=self.directory,
            profiler=_profiler(course.debug, self.directory),
            detect_anomaly=course.debug.anomaly,
        )


def _best_score(checkpoint: dict[str, Any]) -> float:
    """The least inner loss, which must be a number."""
    best = next(state for state in checkpoint["callbacks"].values() if state.get("monitor") == "inner_loss")
    score = float(best["best_model_score"])
    if not math.isfinite(score):
        raise RunError(f"the inner loss became {score}; try a smaller method.lr")
    return score


@contextmanager
def _own_errors() -> Iterator[None]:
    """Turn what Lightning makes of Ctrl-C, a signal, and an error in one of DDP's processes, back into what it was."""
    try:
        yield
    except (L.utilities.exceptions.SIGTERMException, ProcessExitedException, RuntimeError) as end:
        # From a signal that came before ours was the handler, or the end of a process that was asked to end as well.
        if (name := asked_to_stop()) is not None:
            raise Stopped(name) from end
        raise
    except SystemExit as end:
        # Lightning exits with status 1 and has SIGINT ignored from then on.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from end
    except ProcessRaisedException as error:
        # All that is left of the other process's error is its traceback, as text.
        own = re.findall(rf"^{RunError.__module__}\.{RunError.__name__}: (.+)$", str(error), re.MULTILINE)
        if own:
            raise RunError(own[-1]) from error
        raise


@contextmanager
def _enough_memory(settings: GradientSettings) -> Iterator[None]:
    """Say what to do where the memory is too small for a batch."""
    try:
        yield
    except (MemoryError, RuntimeError, ProcessRaisedException) as error:
        # Of one of DDP's processes there is only the text.
        if not lacks_memory(error):
            raise
        size = settings.batch_size
        mend = f"try method.batch_size={size // 2}" if size > 1 else "thaw less, or take a smaller encoder"
        raise RunError(f"the memory is too small for batches of {size}; {mend}") from error


def _pass_on(runner: L.Trainer, number: int) -> None:
    """Pass a signal on to DDP's processes."""
    for process in getattr(runner.strategy.launcher, "procs", []):
        if process.is_alive():
            os.kill(process.pid, number)


def _callbacks(directory: Path, settings: GradientSettings, course: Course, chooses: bool) -> list[L.Callback]:
    callbacks = callbacks_of(course.callbacks, settings, refit=course.epochs is not None)
    if chooses and settings.holds_out:
        if EARLY_STOPPING not in course.callbacks:
            callbacks.append(early_stopping(EarlyStoppingSettings(), settings))
        callbacks.append(BestCheckpoint(directory))
    # After the best epoch's: what `last.ckpt` knows of that one must be of the same epoch.
    return [*callbacks, LastCheckpoint(directory, course.trainer.checkpoint_every)]


def _profiler(debug: DebugSettings, directory: Path) -> L.profilers.Profiler | None:
    kinds = {"simple": L.profilers.SimpleProfiler, "advanced": L.profilers.AdvancedProfiler}
    return kinds[debug.profiler](dirpath=directory, filename="profile") if debug.profiler else None


def _enough_threads(module: TailModule) -> int:
    """A small tail is fastest, and safe from a busy neighbour, on one thread."""
    size = sum(parameter.numel() for parameter in module.parameters())  # what is frozen beside adapters computes too
    return 1 if size < SMALL_TAIL else torch.get_num_threads()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep off the screen what Lightning says of the machine, and of loader workers, which the store makes needless."""
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    logger.setLevel(logging.INFO if form().verbose else logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
        warnings.filterwarnings("ignore", ".*your dataloader is not resumable.*")  # the sampler is
        warnings.filterwarnings("ignore", ".*treespec, LeafSpec.*")
        warnings.filterwarnings("ignore", ".*GPU available but not used.*")
        warnings.filterwarnings("ignore", ".*module.* in eval mode at the start of training.*")  # frozen on purpose
        warnings.filterwarnings(
            "ignore", ".*Total length of `list` across ranks is zero.*"
        )  # the refit has no inner data
        try:
            yield
        finally:
            logger.setLevel(before)
