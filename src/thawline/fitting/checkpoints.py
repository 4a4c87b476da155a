"""Checkpoints that a kill can't tear."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from thawline.files import write_atomically


class SyncedCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its target, syncs and renames it.

    Lightning stages in the temporary directory; where that is another filesystem, a kill tears them.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write `checkpoint` to `path`, complete or not at all."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Through memory: on a full disk torch.save raises an internal error that does not say so.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_atomically(target, lambda beside: beside.write_bytes(content.getbuffer()))
