"""Checkpoints that a kill can't tear, taken often enough that it costs little."""

import io
import math
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from thawline.errors import UserError
from thawline.files import write_atomically
from thawline.fitting.folds import LAST
from thawline.fitting.lightning.callbacks.averaging import averaging_of, is_kept
from thawline.fitting.lightning.imported import L
from thawline.runs.signals import Stopped, asked_to_stop, handle_signals, handles_signals, listen_apart

# Writes the model with a tail's state under a name.
Keep = Callable[[str, dict[str, torch.Tensor]], object]

SECONDS = 60.0  # between checkpoints within an epoch
# Between writes: an epoch of a small tail takes milliseconds, about as long as the disk takes to sync a checkpoint.
SECONDS_BETWEEN_WRITES = 1.0
_MOST_HELD = 2**24  # bytes


class SyncedCheckpoints(L.plugins.TorchCheckpointIO):
    """Writes a checkpoint beside its target, syncs and renames it; reads nothing but tensors and plain values.

    Lightning stages in the temporary directory; where that is another filesystem, a kill tears them. What follows a
    write within a second is held in memory, and written after that second or at the end, however that comes about. A
    kill loses no more than that: what is trained again comes to the same bits.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self._held: dict[Path, memoryview] = {}
        self._written = -math.inf

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write `checkpoint` to `path`, complete or not at all, now or soon."""
        content = self._held[Path(path)] = _serialised(checkpoint)
        if len(content) > _MOST_HELD or time.monotonic() - self._written >= SECONDS_BETWEEN_WRITES:
            self._write_held()

    def remove_checkpoint(self, path: Any) -> None:
        """Remove what `path` holds, or is to hold."""
        self._held.pop(Path(path), None)
        super().remove_checkpoint(path)

    def teardown(self) -> None:
        """Write what is held, and from now on all at once; a training calls it at its end, of whatever kind."""
        self._write_held()
        self._written = -math.inf

    def _write_held(self) -> None:
        # The last one at the end: what that knows of the best one is to be there.
        for path in sorted(self._held, key=lambda path: path.name == LAST):
            _write(self._held.pop(path), path)
        self._written = time.monotonic()

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:
        """What `path` holds; a pickle of anything else is refused, whatever the caller says."""
        self._write_held()
        return load_checkpoint(Path(path))


def save_checkpoint(checkpoint: dict[str, Any], path: Path) -> None:
    """Write `checkpoint` to `path`, complete or not at all."""
    _write(_serialised(checkpoint), path)


def _serialised(checkpoint: dict[str, Any]) -> memoryview:
    # Through memory: on a full disk torch.save raises an internal error that does not say so.
    content = io.BytesIO()
    torch.save(checkpoint, content)
    return content.getbuffer()


def _write(content: memoryview, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda beside: beside.write_bytes(content))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The checkpoint in `path`, on the CPU.

    Raises:
        UserError: It is damaged, or holds more than tensors and plain values.
    """
    with path.open("rb") as file:  # what the system refuses is the system's to say
        try:
            with zipfile.ZipFile(file) as parts:  # PyTorch writes checksums and does not look at them
                if parts.testzip() is not None:
                    raise UserError(_refusal(path))
            file.seek(0)
            checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # foreign bytes: whatever an unpickler makes of them
            raise UserError(_refusal(path)) from error
    if not isinstance(checkpoint, dict):
        raise UserError(_refusal(path))
    return checkpoint


def _refusal(path: Path) -> str:
    return (
        f"{path} is not a checkpoint that Thawline wrote (it is damaged, or holds something to execute), so it was not "
        f"loaded; delete {path.parent}, and this training begins anew"
    )


class EpochModels(L.Callback):
    """Writes the model as it is after each epoch, in the format of the network's own library."""

    def __init__(self, keep: Keep) -> None:
        """Take what writes a tail's state under a name."""
        self._keep = keep

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write `checkpoint_epoch_N`, N from 1."""
        tail: Any = pl_module.tail
        if trainer.is_global_zero:
            averaging = averaging_of(trainer)
            if averaging is not None and averaging.begun:
                tail = averaging.module.tail
            state = {name: tensor.detach().cpu() for name, tensor in tail.state_dict().items()}
            self._keep(f"checkpoint_epoch_{trainer.current_epoch + 1}", state)


class BestCheckpoint(L.callbacks.ModelCheckpoint):
    """Keeps `best.ckpt`, the epoch of the least inner loss; of a run whose directory was moved too.

    Where weights are averaged it is one of an average.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "best", monitor="inner_loss", enable_version_counter=False)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the epoch."""
        if is_kept(trainer):
            super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the epoch, where Lightning does it here."""
        if is_kept(trainer):
            super().on_train_epoch_end(trainer, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Know the best epoch so far. Lightning forgets its score where the directory has another name."""
        there, here = str(state_dict["dirpath"]), str(self.dirpath)

        def moved(path: str) -> str:
            return here + path.removeprefix(there) if path.startswith(there) else path

        paths = {key: moved(state_dict[key]) for key in ("best_model_path", "kth_best_model_path", "last_model_path")}
        models = {moved(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **paths, "best_k_models": models, "dirpath": here})


class LastCheckpoint(L.callbacks.Checkpoint):
    """Keeps `last.ckpt`: at the end of each epoch, now and then within one, and where a signal asks the run to end."""

    def __init__(self, directory: Path, every: int | None) -> None:
        """Say where and how often.

        Args:
            directory: Where the checkpoint lies.
            every: Steps between checkpoints within an epoch; None: `SECONDS`.
        """
        self._path = directory / LAST
        self._every = every
        self._saved = time.monotonic()
        self._ended = False

    def state_dict(self) -> dict[str, Any]:
        """Whether early stopping ended the training, which Lightning forgets: resumed, it would train another epoch."""
        return {"ended": self._ended}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Know whether it was ended."""
        self._ended = state_dict["ended"]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take the signals back from Lightning, which would end the run without a checkpoint and with status 0."""
        self._saved = time.monotonic()
        if trainer.world_size > 1 and not handles_signals():
            listen_apart()
        elif handles_signals():
            handle_signals()
        trainer.should_stop = self._ended

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if it is time to, and end the run if it was asked to.

        The last batch is left to the end of its epoch, which is near: between the two Lightning counts on its own.
        Between the batches of one step nothing is saved either: no checkpoint holds a gradient.
        """
        if trainer.is_last_batch or (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        asked = _agreed(trainer, asked_to_stop() is not None)
        if asked or self._is_due(trainer):
            self._save(trainer)
        if asked:
            raise Stopped(asked_to_stop() or "SIGTERM")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save, and end the run if it was asked to."""
        self._ended = trainer.should_stop
        self._save(trainer)
        if _agreed(trainer, asked_to_stop() is not None):
            raise Stopped(asked_to_stop() or "SIGTERM")

    def _is_due(self, trainer: L.Trainer) -> bool:
        if self._every is not None:
            return trainer.global_step % self._every == 0
        return _agreed(trainer, time.monotonic() - self._saved >= SECONDS)

    def _save(self, trainer: L.Trainer) -> None:
        trainer.save_checkpoint(self._path)
        self._saved = time.monotonic()


def _agreed(trainer: L.Trainer, mine: bool) -> bool:
    """Whether any of the processes says so: what they do next they must do together."""
    if trainer.world_size == 1:
        return mine
    return trainer.strategy.reduce_boolean_decision(mine, all=False)


def batches_done(trainer: L.Trainer) -> int:
    """Batches that were trained on, over all epochs, those before the checkpoint that it resumes from included."""
    total: Any = trainer.fit_loop.epoch_loop.batch_progress.total  # its type is chosen at run time
    done: int = total.processed
    return done
