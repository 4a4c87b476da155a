"""Gradient descent by the Trainer: early stopping and the best epoch on inner samples, or a fixed number of epochs."""

import logging
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from thawline.fitting.checkpoints import SyncedCheckpoints
from thawline.fitting.data import TailData
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.history import History
from thawline.fitting.methods import Fit
from thawline.fitting.module import TailModule
from thawline.fitting.settings import GradientSettings, TrainerSettings
from thawline.runs.wandb import Mirror

LAST, BEST = "last.ckpt", "best.ckpt"


def fit_gradient(
    module: TailModule,
    train: FeatureSet,
    inner: FeatureSet | None,
    settings: GradientSettings,
    trainer: TrainerSettings,
    directory: Path,
    *,
    seed: int,
    device: torch.device,
    epochs: int | None = None,
    mirror: Mirror | None = None,
) -> Fit:
    """Train `module` and give the state of its best epoch.

    Args:
        module: The tail and its loss.
        train: Training samples.
        inner: Samples that early stopping and the best epoch are chosen by; None: all epochs run, the last one counts.
        settings: The method.
        trainer: Precision and threads.
        directory: Where `last.ckpt`, `best.ckpt` and `history.csv` go; training resumes from a `last.ckpt` found there.
        seed: Fixes the order of the samples.
        device: What to compute on.
        epochs: Instead of `settings.epochs`.
        mirror: A W&B run that gets the same history, or None.
    """
    callbacks: list[L.Callback] = [
        History(directory / "history.csv", mirror),
        ModelCheckpoint(directory, "last", save_top_k=1, enable_version_counter=False),
    ]
    if inner is not None:
        best = ModelCheckpoint(directory, "best", monitor="inner_loss", enable_version_counter=False)
        callbacks += [best, EarlyStopping("inner_loss", patience=settings.patience, check_finite=True)]
    data = TailData(train, inner, batch_size=settings.batch_size, seed=seed)
    with _quiet_lightning(), _threads(trainer.threads if device.type == "cpu" else torch.get_num_threads()):
        runner = L.Trainer(
            accelerator={"cuda": "gpu"}.get(device.type, device.type),
            devices=1,
            precision=trainer.precision,  # type: ignore[arg-type]  # checked by the settings
            max_epochs=epochs or settings.epochs,
            callbacks=callbacks,
            plugins=[SyncedCheckpoints()],
            logger=False,
            deterministic=True,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=sys.stderr.isatty(),
            default_root_dir=directory,
        )
        last = directory / LAST
        try:
            runner.fit(module, data, ckpt_path=last if last.exists() else None, weights_only=True)
        except SystemExit as end:
            # Lightning turns Ctrl-C into an exit with status 1 and has SIGINT ignored from then on.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from end
    if inner is None:
        return Fit(_state(module), {"epochs": runner.current_epoch})
    kept = torch.load(directory / BEST, map_location="cpu", weights_only=True)
    module.load_state_dict(kept["state_dict"])
    chosen = {"epochs": int(kept["epoch"]) + 1, "inner_loss": float(best.best_model_score or float("nan"))}
    return Fit(_state(module), chosen)


def _state(module: TailModule) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in module.tail.state_dict().items()}


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """A small tail is fastest, and safe from a busy neighbour, on one thread."""
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
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
        warnings.filterwarnings("ignore", ".*treespec, LeafSpec.*")
        warnings.filterwarnings("ignore", ".*GPU available but not used.*")
        warnings.filterwarnings("ignore", ".*module.* in eval mode at the start of training.*")  # frozen on purpose
        warnings.filterwarnings(
            "ignore", ".*Total length of `list` across ranks is zero.*"
        )  # the refit has no inner data
        yield
    logger.setLevel(before)
