"""Settings of the run directory and its loggers."""

import os
from dataclasses import dataclass, field

from omegaconf import MISSING

from thawline.errors import UserError

LOGGERS = ("wandb", "mlflow", "tensorboard", "csv", "none")
WANDB_MODES = ("offline", "online", "disabled")


def keep_wandb_quiet() -> None:
    """Before `wandb` is imported: its own error reporting would look up a host then."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")


@dataclass
class PathsSettings:
    """Where a run writes.

    Attributes:
        outputs: The folder under which run directories are made.
        run: This run's directory.
    """

    outputs: str = MISSING
    run: str = MISSING


@dataclass
class LoggerSettings:
    """What mirrors a run. Whatever is chosen, the run directory holds the config, the status and the results.

    Attributes:
        name: `wandb`, `mlflow`, `tensorboard`, `csv` (only the run directory's own files) or `none` (not even the
            course of the training, `history.csv`).
        mode: W&B's mode: `offline` (nothing goes on the network), `online` or `disabled`; null: what `WANDB_MODE` says,
            otherwise `offline`.
        project: W&B's project, or MLflow's experiment; null: what `WANDB_PROJECT` or `MLFLOW_EXPERIMENT_NAME` says,
            otherwise `thawline`.
        group: W&B's group, or the MLflow run that this one is nested in; null: what `WANDB_RUN_GROUP` says, otherwise
            the sweep that the run belongs to, if any.
        tags: W&B's or MLflow's tags, beside those that the run gives itself.
        thumbnails: How many of the worst mistakes are shown to `wandb`, `mlflow` or `tensorboard` as small pictures; 0:
            none, since photos of people are private.
        tracking_uri: Where MLflow keeps its runs: a database such as `sqlite:////data/mlflow.db`, or a server's
            address; null: what `MLFLOW_TRACKING_URI` says, otherwise `mlflow.db` in the folder of outputs.
    """

    name: str = MISSING
    mode: str | None = None
    project: str | None = None
    group: str | None = None
    tags: list[str] = field(default_factory=list)
    thumbnails: int = 0
    tracking_uri: str | None = None

    def __post_init__(self) -> None:
        """Check the names and the range."""
        if self.name not in LOGGERS:
            raise UserError(f"logger.name={self.name} is not known; use one of {', '.join(LOGGERS)}")
        if self.mode is not None and self.mode not in WANDB_MODES:
            raise UserError(f"logger.mode={self.mode} is not known; use one of {', '.join(WANDB_MODES)}")
        if self.thumbnails < 0:
            raise UserError(f"logger.thumbnails={self.thumbnails} must be at least 0; 0 shows no photos")

    @property
    def keeps_history(self) -> bool:
        """Whether the run directory keeps the course of the training."""
        return self.name != "none"
