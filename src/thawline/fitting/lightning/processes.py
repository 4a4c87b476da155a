"""Several processes that train together."""

from pathlib import Path
from typing import Any

import torch.distributed

from thawline.fitting.lightning.imported import L


class DDPByFile(L.strategies.DDPStrategy):
    """DDP whose processes, each spawned, find each other through a file.

    Lightning's find each other at a port that was free when it looked. They import for seconds before one of them
    listens there, in which any other program can take it.
    """

    def __init__(self, place: Path, **settings: Any) -> None:
        """Say where.

        Args:
            place: A file that is not there yet, on a local disk.
            settings: Lightning's.
        """
        super().__init__(start_method="spawn", **settings)
        self._place = place

    def setup_distributed(self) -> None:
        """Find the others, before Lightning would."""
        self.set_world_ranks()
        torch.distributed.init_process_group(
            self._get_process_group_backend(),
            init_method=self._place.absolute().as_uri(),
            rank=self.global_rank,
            world_size=self.world_size,
            timeout=self._timeout,
            device_id=None if self.root_device.type == "cpu" else self.root_device,
        )
        super().setup_distributed()  # which leaves what is initialised as it is
